/** What Istio's task pages on authorization show, step by step. */
import { caller, policy, tried, user } from './asked.ts'
import { type Row, when } from './istioReference.ts'

const WITH_GET = (workload: string, name: string) =>
	policy(
		'ALLOW',
		[{ from: [{ principals: [`cluster.local/ns/default/sa/${workload}`] }], to: [{ methods: ['GET'] }] }],
		name,
	)

const DENY_GET = policy('DENY', [
	{ to: [{ methods: ['GET'] }], ...when('request.headers[x-token]', { notValues: ['admin'] }) },
])
const GROUPS = policy('ALLOW', [
	{
		from: [{ requestPrincipals: ['testing@secure.istio.io/testing@secure.istio.io'] }],
		...when('request.auth.claims[groups]', { values: ['group1'] }),
	},
])
/** Of a mesh that was called `old-td` before. */
const trustDomains = ['mesh.example', 'old-td']
/** The user of the page on JWT. */
export const testing = (claims = {}) => user('testing@secure.istio.io', 'testing@secure.istio.io', claims)

export const TASKS: readonly (Row & { readonly page: string })[] = [
	{ page: 'HTTP traffic', says: 'allow-nothing: RBAC: access denied', policies: [policy('ALLOW', [])], refuses: [{}] },
	{
		page: 'HTTP traffic',
		says: 'productpage-viewer: everybody may GET',
		policies: [policy('ALLOW', []), policy('ALLOW', [{ to: [{ methods: ['GET'] }] }])],
		admits: [{}],
		refuses: [{ method: 'POST' }],
	},
	{
		page: 'HTTP traffic',
		says: 'reviews-viewer: productpage may GET, and nobody else',
		policies: [policy('ALLOW', []), WITH_GET('bookinfo-productpage', 'default/reviews-viewer')],
		admits: [{ caller: caller('default', 'bookinfo-productpage') }],
		refuses: [
			{},
			{ caller: caller('default', 'bookinfo-reviews') },
			{ caller: caller('default', 'bookinfo-productpage'), method: 'DELETE' },
		],
	},
	{
		page: 'Explicit deny',
		says: 'deny-method-get: GET is denied, POST is not',
		policies: [policy('DENY', [{ to: [{ methods: ['GET'] }] }])],
		admits: [{ method: 'POST' }],
		refuses: [{}],
	},
	{
		page: 'Explicit deny',
		says: 'deny-method-get: GET is denied unless x-token is admin',
		policies: [DENY_GET],
		admits: [{ headers: { 'x-token': 'admin' } }, { method: 'POST' }],
		refuses: [{}, { headers: { 'x-token': 'guest' } }],
	},
	{
		page: 'Explicit deny',
		says: 'allow-path-ip: DENY wins, and then /ip only',
		policies: [DENY_GET, policy('ALLOW', [{ to: [{ paths: ['/ip'] }] }])],
		admits: [
			{ path: '/ip', headers: { 'x-token': 'admin' } },
			{ path: '/ip', method: 'POST' },
		],
		refuses: [
			{ path: '/ip', headers: { 'x-token': 'guest' } },
			{ path: '/get', headers: { 'x-token': 'admin' } },
			{ path: '/get', headers: { 'x-token': 'guest' } },
			{ path: '/post', method: 'POST' },
		],
	},
	{
		page: 'JWT token',
		says: 'require-jwt: a token of that issuer and subject',
		policies: [
			policy('ALLOW', [{ from: [{ requestPrincipals: ['testing@secure.istio.io/testing@secure.istio.io'] }] }]),
		],
		admits: [{ user: testing() }],
		refuses: [
			{},
			{ user: user('testing@secure.istio.io', 'other') },
			{ user: user('other', 'testing@secure.istio.io') },
		],
	},
	{
		page: 'JWT token',
		says: 'require-jwt: a list has group1',
		policies: [GROUPS],
		admits: [{ user: testing({ groups: ['group1', 'group2'], scope: ['scope1', 'scope2'] }) }],
		refuses: [{}, { user: testing() }, { user: testing({ groups: ['group2'] }) }],
	},
	{
		page: 'JWT token',
		says: 'space-delimited claims are lists, others are not',
		policies: [policy('ALLOW', [when('request.auth.claims[scope]', { values: ['read'] })])],
		admits: [{ user: testing({ scope: 'write read' }) }, { user: testing({ scope: ['read'] }) }],
		refuses: [{ user: testing({ scope: 'write reads' }) }, { user: testing({ roles: 'write read' }) }],
	},
	{
		page: 'Ingress access control',
		says: 'ingress-policy: ALLOW of an address and a block',
		policies: [policy('ALLOW', [{ from: [{ ipBlocks: ['1.2.3.4', '5.6.7.0/24'] }] }])],
		admits: [{ clientAddress: '1.2.3.4' }, { clientAddress: '5.6.7.8' }],
		refuses: [{ clientAddress: '1.2.3.5' }, { clientAddress: '5.6.8.1' }, { clientAddress: '' }],
	},
	{
		page: 'Ingress access control',
		says: 'ingress-policy: DENY of an address',
		policies: [policy('DENY', [{ from: [{ ipBlocks: ['1.2.3.4'] }] }])],
		admits: [{ clientAddress: '1.2.3.5' }],
		refuses: [{ clientAddress: '1.2.3.4' }],
	},
	{
		page: 'Trust domain migration',
		says: 'cluster.local is the mesh, whatever its trust domain is called',
		policies: [policy('ALLOW', [{ from: [{ principals: ['cluster.local/ns/curl-allow/sa/curl'] }] }])],
		admits: [{ caller: caller('curl-allow', 'curl') }],
		refuses: [
			{ caller: caller('default', 'curl') },
			{ caller: { spiffeId: 'spiffe://old-td/ns/curl-allow/sa/curl' } },
			{ caller: { spiffeId: 'spiffe://cluster.local/ns/curl-allow/sa/curl' } },
		],
	},
	{
		page: 'Trust domain migration',
		says: 'another trust domain is another',
		policies: [policy('ALLOW', [{ from: [{ principals: ['old-td/ns/curl-allow/sa/curl'] }] }])],
		admits: [{ caller: { spiffeId: 'spiffe://old-td/ns/curl-allow/sa/curl' } }],
		refuses: [{ caller: caller('curl-allow', 'curl') }],
	},
	{
		page: 'Trust domain migration',
		says: 'an alias is the mesh, in policies and in proofs',
		policies: [policy('ALLOW', [{ from: [{ principals: ['old-td/ns/curl-allow/sa/curl'] }] }])],
		admits: [
			{ trustDomains, caller: caller('curl-allow', 'curl') },
			{ trustDomains, caller: { spiffeId: 'spiffe://old-td/ns/curl-allow/sa/curl' } },
		],
		refuses: [
			{ trustDomains, caller: caller('default', 'curl') },
			{ trustDomains, caller: { spiffeId: 'spiffe://other-td/ns/curl-allow/sa/curl' } },
			{ trustDomains },
		],
	},
	{
		page: 'Trust domain migration',
		says: 'a condition on the trust domain holds for each of its names',
		policies: [policy('DENY', [when('source.trustDomain', { values: ['old-td'] })])],
		admits: [
			{ trustDomains },
			{ trustDomains, caller: { spiffeId: 'spiffe://other-td/a' } },
			{ caller: caller('a', 'b') },
		],
		refuses: [
			{ trustDomains, caller: caller('a', 'b') },
			{ trustDomains, caller: { spiffeId: 'spiffe://old-td/a' } },
		],
	},
	{
		page: 'Trust domain migration',
		says: 'a list that excludes one name of a workload excludes them all',
		policies: [
			policy('ALLOW', [
				{ from: [{ principals: ['cluster.local/*'], notPrincipals: ['old-td/ns/curl-allow/sa/curl'] }] },
			]),
		],
		admits: [
			{ trustDomains, caller: caller('default', 'curl') },
			{ trustDomains, caller: { spiffeId: 'spiffe://old-td/ns/default/sa/curl' } },
		],
		refuses: [
			{ trustDomains, caller: caller('curl-allow', 'curl') },
			{ trustDomains, caller: { spiffeId: 'spiffe://other-td/ns/default/sa/curl' } },
		],
	},
	{
		page: 'Trust domain migration',
		says: 'a wildcard in place of the trust domain is any',
		policies: [policy('ALLOW', [{ from: [{ principals: ['*/ns/curl-allow/sa/curl'] }] }])],
		admits: [
			{ caller: caller('curl-allow', 'curl') },
			{ caller: { spiffeId: 'spiffe://old-td/ns/curl-allow/sa/curl' } },
		],
		refuses: [{ caller: caller('default', 'curl') }],
	},
	{
		page: 'Dry run',
		says: 'a DENY that is tried denies nobody',
		policies: [tried(policy('DENY', [{ to: [{ paths: ['/headers'] }] }]))],
		admits: [{ path: '/headers' }, { path: '/' }],
	},
	{
		page: 'Dry run',
		says: 'an ALLOW that is tried neither lets in nor shuts out',
		policies: [tried(policy('ALLOW', [{ to: [{ paths: ['/headers'] }] }]))],
		admits: [{ path: '/headers' }, { path: '/' }],
	},
]
