/** https://istio.io/latest/docs/tasks/security/authorization/authz-custom/ */
import { expect } from 'vitest'
import { to } from '../rules.ts'
import { authorizationPolicy, deployed, HTTPBIN, type Page, paths, type Step } from './page.ts'
import { DENIED } from './samples.ts'
import { AUTHORIZER_NAMESPACE as foo, type Stage } from './stage.ts'

const ALLOW = { 'x-ext-authz': 'allow' }
const DENY = { 'x-ext-authz': 'deny' }

const extAuthz = (name: string): object =>
	authorizationPolicy('ext-authz', foo, {
		...HTTPBIN,
		action: 'CUSTOM',
		provider: { name },
		rules: [paths('/headers')],
	})

/** A VirtualService on the page: Gateway API says the same by a route of the Service. */
const ROUTE = {
	apiVersion: 'gateway.networking.k8s.io/v1',
	kind: 'HTTPRoute',
	metadata: { name: 'ext-authz-route', namespace: foo },
	spec: {
		parentRefs: [{ group: '', kind: 'Service', name: 'httpbin' }],
		rules: [
			{
				matches: [{ path: { type: 'Exact', value: '/headers' }, headers: [{ name: 'X-Ext-Authz', value: 'allow' }] }],
				...rewrittenTo('/base64/cm91dGUtYWxsb3c='),
			},
			rewrittenTo('/base64/cm91dGUtZGVueQ=='),
		],
	},
}

function rewrittenTo(replaceFullPath: string): object {
	const path = { type: 'ReplaceFullPath', replaceFullPath }
	return { filters: [{ type: 'URLRewrite', urlRewrite: { path } }], ...to('httpbin') }
}

export const externalAuthorization = ({ httpbin, asked }: Stage): Page => {
	const wasAsked = (...questions: string[]): Pick<Step, 'tells'> => ({
		async tells() {
			expect(asked.splice(0)).toEqual(questions)
		},
	})
	return {
		host: `httpbin--${foo}`,
		deploys: [deployed('httpbin', foo, httpbin.url)],
		steps: [
			{ says: 'curl can access httpbin', sees: [{ curl: 'GET /ip', answer: '200' }], ...wasAsked() },
			{
				// The page begins with it; here nothing speaks native gRPC, and whom nobody can ask about does not pass.
				says: 'sample-ext-authz-grpc: nobody passes',
				applies: [extAuthz('sample-ext-authz-grpc')],
				sees: [
					{ curl: 'GET /headers', headers: ALLOW, answer: `403 authorizer_unavailable by ${foo}/ext-authz` },
					{ curl: 'GET /ip', answer: '200' },
				],
				...wasAsked(),
			},
			{
				says: 'sample-ext-authz-http: asked about /headers, twice, and not about /ip',
				applies: [extAuthz('sample-ext-authz-http')],
				sees: [
					{ curl: 'GET /headers', headers: DENY, answer: '403', body: DENIED },
					{
						curl: 'GET /headers',
						headers: { ...ALLOW, 'x-ext-authz-check-result': 'forged' },
						answer: '200',
						receives: { 'x-ext-authz-check-result': ['allowed'] },
					},
					{ curl: 'GET /ip', answer: '200' },
				],
				...wasAsked('/headers deny', '/headers allow'),
			},
			{
				// It sees the path that the service will see, which is /base64/…
				says: 'ext-authz-route: the route decides by the field, and the authorizer is not asked',
				applies: [ROUTE],
				sees: [
					{ curl: 'GET /headers', headers: ALLOW, answer: '200', body: 'route-allow' },
					{ curl: 'GET /headers', headers: DENY, answer: '200', body: 'route-deny' },
				],
				...wasAsked(),
			},
			{
				says: 'clean up',
				deletes: [ROUTE, extAuthz('sample-ext-authz-http')],
				sees: [{ curl: 'GET /headers', headers: DENY, answer: '200' }],
				...wasAsked(),
			},
		],
	}
}
