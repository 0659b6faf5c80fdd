/** https://istio.io/latest/docs/tasks/security/authorization/authz-deny/ */
import { authorizationPolicy, deployed, HTTPBIN, methods, type Page, paths } from './page.ts'
import type { Stage } from './stage.ts'

const foo = 'foo-deny'
const ADMIN = { 'x-token': 'admin' }
const GUEST = { 'x-token': 'guest' }
const BY_DENY = `403 access_denied by ${foo}/deny-method-get`

const denyGet = (more: object = {}): object =>
	authorizationPolicy('deny-method-get', foo, { ...HTTPBIN, action: 'DENY', rules: [{ ...methods('GET'), ...more }] })
const ALLOW_IP = authorizationPolicy('allow-path-ip', foo, { ...HTTPBIN, action: 'ALLOW', rules: [paths('/ip')] })

export const explicitDeny = ({ httpbin }: Stage): Page => ({
	host: `httpbin--${foo}`,
	deploys: [deployed('httpbin', foo, httpbin.url)],
	steps: [
		{ says: 'sleep talks to httpbin', sees: [{ curl: 'GET /ip', answer: '200' }] },
		{
			says: 'deny-method-get: GET is denied',
			applies: [denyGet()],
			sees: [
				{ curl: 'GET /get', answer: BY_DENY },
				{ curl: 'POST /post', answer: '200' },
			],
		},
		{
			says: 'deny-method-get: GET is denied unless x-token is admin',
			applies: [denyGet({ when: [{ key: 'request.headers[x-token]', notValues: ['admin'] }] })],
			sees: [
				{ curl: 'GET /get', headers: ADMIN, answer: '200' },
				{ curl: 'GET /get', headers: GUEST, answer: BY_DENY },
				{ curl: 'GET /get', answer: BY_DENY },
				{ curl: 'POST /post', answer: '200' },
			],
		},
		{
			says: 'allow-path-ip: DENY goes before ALLOW',
			applies: [ALLOW_IP],
			sees: [
				{ curl: 'GET /ip', headers: GUEST, answer: BY_DENY },
				{ curl: 'GET /ip', headers: ADMIN, answer: '200' },
				{ curl: 'GET /get', headers: ADMIN, answer: '403 access_denied' },
				{ curl: 'POST /post', answer: '403 access_denied' },
			],
		},
		{ says: 'clean up', deletes: [denyGet(), ALLOW_IP], sees: [{ curl: 'GET /get', answer: '200' }] },
	],
})
