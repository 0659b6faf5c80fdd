/** https://istio.io/latest/docs/tasks/security/authorization/authz-ingress/, its tab Gateway API. */
import { expect } from 'vitest'
import { gateway } from '../documents.ts'
import { ofRoute } from '../policies.ts'
import { to } from '../rules.ts'
import { authorizationPolicy, deployed, type Page, type Row, type Step, source } from './page.ts'
import type { Stage } from './stage.ts'

const foo = 'foo-ingress'
const LISTED = ['1.2.3.4', '5.6.7.0/24']
const CLIENT = '192.168.10.15'
const OTHER = '192.168.10.16'

/** Here a gateway is no workload of its own: what guards it is attached to its route. */
const AT_GATEWAY = { targetRefs: [ofRoute('httpbin')] }
const ROUTE = {
	apiVersion: 'gateway.networking.k8s.io/v1',
	kind: 'HTTPRoute',
	metadata: { name: 'httpbin', namespace: foo },
	spec: { parentRefs: [{ name: 'httpbin-gateway' }], hostnames: ['httpbin.example.com'], rules: [to('httpbin')] },
}
const { metadata, ...rest } = gateway('httpbin-gateway', '*.example.com')
const GATEWAY = { ...rest, metadata: { ...metadata, namespace: foo } }

const policy = (action: string, one: object, where: object = AT_GATEWAY): object =>
	authorizationPolicy('ingress-policy', foo, { ...where, action, rules: [source(one)] })
const BY_POLICY = `403 access_denied by ${foo}/ingress-policy`

const from = (address: string, answer: string): Row => ({
	curl: 'GET /headers',
	headers: { 'cf-connecting-ip': address },
	answer,
})

/** The same for `ipBlocks` and `remoteIpBlocks`: the edge knows one address of a client. */
const stepsOf = (field: 'ipBlocks' | 'remoteIpBlocks'): Step[] => [
	{
		says: `${field}: who is not listed is denied`,
		applies: [policy('ALLOW', { [field]: LISTED })],
		sees: [
			from(CLIENT, '403 access_denied'),
			from('1.2.3.4', '200'),
			from('5.6.7.89', '200'),
			from('5.6.8.1', '403 access_denied'),
			// Not the edge's word.
			{ ...from(CLIENT, '403 access_denied'), headers: { 'cf-connecting-ip': CLIENT, 'x-forwarded-for': '1.2.3.4' } },
		],
	},
	{
		says: `${field}: with the client's address it is allowed`,
		applies: [policy('ALLOW', { [field]: [...LISTED, CLIENT] })],
		sees: [from(CLIENT, '200'), from(OTHER, '403 access_denied')],
	},
	{
		says: `${field}: DENY of the client's address`,
		applies: [policy('DENY', { [field]: [CLIENT] })],
		sees: [from(CLIENT, BY_POLICY), from(OTHER, '200')],
	},
]

export const ingressGateway = ({ httpbin, mesh }: Stage): Page => ({
	host: 'httpbin.example.com',
	deploys: [deployed('httpbin', foo, httpbin.url), GATEWAY, ROUTE],
	steps: [
		{ says: 'the gateway is there', sees: [from(CLIENT, '200')] },
		{
			// What the page writes chooses the gateway's pods.
			says: 'a selector of the gateway chooses no Service, and the policy says so',
			applies: [
				policy(
					'DENY',
					{ ipBlocks: [CLIENT] },
					{ selector: { matchLabels: { 'istio.io/gateway-name': 'httpbin-gateway' } } },
				),
			],
			sees: [from(CLIENT, '200')],
			async tells() {
				const path = `/v1/resources/AuthorizationPolicy/${foo}/ingress-policy`
				const { status } = await mesh.api<{ status: object }>('GET', path)
				expect(JSON.stringify(status)).toContain('TargetNotFound')
			},
		},
		...stepsOf('ipBlocks'),
		...stepsOf('remoteIpBlocks'),
		{ says: 'clean up', deletes: [policy('DENY', {})], sees: [from(CLIENT, '200')] },
	],
})
