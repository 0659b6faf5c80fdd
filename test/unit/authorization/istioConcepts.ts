/** What Istio's concepts page says of authorization, example by example. */
import { caller, policy } from './asked.ts'
import { curl, google, type Row, when } from './istioReference.ts'

export const CONCEPTS: readonly Row[] = [
	{ says: 'implicit enablement: without a policy everybody may', policies: [], admits: [{}, { caller: curl }] },
	{
		says: 'httpbin-deny: who is not of namespace foo is denied, and so is who is of none',
		policies: [policy('DENY', [{ from: [{ notNamespaces: ['foo'] }] }])],
		admits: [{ caller: caller('foo', 'a') }],
		refuses: [{}, { caller: caller('bar', 'a') }],
	},
	{
		says: 'httpbin: curl or namespace dev may GET with a token',
		policies: [
			policy('ALLOW', [
				{
					from: [{ principals: ['cluster.local/ns/default/sa/curl'] }, { namespaces: ['dev'] }],
					to: [{ methods: ['GET'] }],
					...when('request.auth.claims[iss]', { values: ['https://accounts.google.com'] }),
				},
			]),
		],
		admits: [
			{ caller: curl, user: google },
			{ caller: caller('dev', 'a'), user: google },
		],
		refuses: [{ caller: curl }, { user: google }, { caller: curl, user: google, method: 'PUT' }],
	},
	{
		says: 'deny-all: DENY with `rules: [{}]` denies everybody',
		policies: [policy('DENY', [{}])],
		refuses: [{}, { caller: curl }],
	},
	{
		says: 'deny-all wins over allow-all',
		policies: [policy('ALLOW', [{}]), policy('DENY', [{}])],
		refuses: [{}, { caller: curl, user: google }],
	},
	{
		says: 'tester: by prefix /test/* and suffix */info',
		policies: [policy('ALLOW', [{ to: [{ paths: ['/test/*', '*/info'] }] }])],
		admits: [{ path: '/test/a' }, { path: '/test/a/b' }, { path: '/a/info' }, { path: '/info' }],
		refuses: [{ path: '/test' }, { path: '/tests' }, { path: '/info/a' }, { path: '/' }],
	},
	{
		says: 'disable-jwt-for-healthz: who has a token may anything, and nobody needs one for /healthz',
		policies: [
			policy('ALLOW', [
				{ to: [{ notPaths: ['/healthz'] }], from: [{ requestPrincipals: ['*'] }] },
				{ to: [{ paths: ['/healthz'] }] },
			]),
		],
		admits: [{ path: '/healthz' }, { path: '/a', user: google }],
		refuses: [{ path: '/a' }, { path: '/', caller: curl }],
	},
	{
		says: 'enable-jwt-for-admin: /admin is denied to who has no token',
		policies: [policy('DENY', [{ to: [{ paths: ['/admin'] }], from: [{ notRequestPrincipals: ['*'] }] }])],
		admits: [{}, { path: '/a' }, { path: '/admin', user: google }],
		refuses: [{ path: '/admin' }, { path: '/admin', caller: curl }],
	},
	{
		says: 'custom conditions: curl may GET with version v1 or v2',
		policies: [
			policy('ALLOW', [
				{
					from: [{ principals: ['cluster.local/ns/default/sa/curl'] }],
					to: [{ methods: ['GET'] }],
					...when('request.headers[version]', { values: ['v1', 'v2'] }),
				},
			]),
		],
		admits: [
			{ caller: curl, headers: { version: 'v1' } },
			{ caller: curl, headers: { version: 'v2' } },
		],
		refuses: [{ caller: curl }, { caller: curl, headers: { version: 'v3' } }, { headers: { version: 'v1' } }],
	},
	{
		says: 'unauthenticated: without `from`, everybody may GET and POST',
		policies: [policy('ALLOW', [{ to: [{ methods: ['GET', 'POST'] }] }])],
		admits: [{}, { method: 'POST' }, { caller: curl }],
		refuses: [{ method: 'PUT' }, { method: 'get' }],
	},
	{
		says: 'unauthenticated: so may who comes from an empty source',
		policies: [policy('ALLOW', [{ from: [{}], to: [{ methods: ['GET', 'POST'] }] }])],
		admits: [{}, { method: 'POST', caller: curl }],
		refuses: [{ method: 'PUT' }],
	},
	{
		says: 'authenticated: principals `*` are all that prove who they are',
		policies: [policy('ALLOW', [{ from: [{ principals: ['*'] }], to: [{ methods: ['GET', 'POST'] }] }])],
		admits: [{ caller: curl }, { caller: { spiffeId: 'spiffe://partner.example/a' } }],
		refuses: [{}, { user: google }],
	},
]
