/** Whom CUSTOM policies may ask, and what is wrong with such a provider. */
import { expect, it } from 'vitest'
import { parsed, problems, times } from './fixtures.ts'

const mesh = (extensionProviders: unknown) => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'Mesh',
	metadata: { name: 'default' },
	spec: { extensionProviders },
})
const asking = (http: object) => mesh([{ name: 'p', envoyExtAuthzHttp: { service: 'auth/check', ...http } }])
/** Paths begin inside the provider. */
const told = (http: object) =>
	problems(asking(http)).map((problem) => problem.replace('spec.extensionProviders[0].envoyExtAuthzHttp.', ''))

it('a provider has a Service; everything else has its usual value', () => {
	expect(parsed(asking({})).spec).toEqual({
		egress: 'registryOnly',
		defaultAccess: 'open',
		extensionProviders: [
			{
				name: 'p',
				envoyExtAuthzHttp: {
					...{ service: 'auth/check', timeout: '5s', pathPrefix: '', failOpen: false, statusOnError: 403 },
					...{ includeRequestHeadersInCheck: [], includeAdditionalHeadersInCheck: {} },
					...{ headersToUpstreamOnAllow: [], headersToDownstreamOnAllow: [], headersToDownstreamOnDeny: [] },
				},
			},
		],
	})
})

it.each(['auth/check', 'check.auth.svc.cluster.local', 'check.auth.svc'])('%s names Service auth/check', (service) => {
	expect(parsed(asking({ service })).spec).toMatchObject({
		extensionProviders: [{ envoyExtAuthzHttp: { service: 'auth/check' } }],
	})
})

it("a provider as Istio's MeshConfig has it is taken, and can be sent back as answered", () => {
	const answered = parsed(
		asking({
			...{ port: '8000', timeout: '600ms', pathPrefix: '/check', failOpen: true, statusOnError: '503' },
			includeRequestHeadersInCheck: ['x-ext-authz', 'X-*', '*-id'],
			includeAdditionalHeadersInCheck: { 'x-a': 'b c' },
			includeRequestBodyInCheck: { maxRequestBytes: 1_048_576, allowPartialMessage: true },
			headersToUpstreamOnAllow: ['authorization', 'x-auth-request-*'],
			headersToDownstreamOnAllow: ['set-cookie'],
			headersToDownstreamOnDeny: ['content-type', 'location'],
		}),
	)
	expect(parsed(answered)).toEqual(answered)
	expect(answered.spec).toMatchObject({ extensionProviders: [{ envoyExtAuthzHttp: { statusOnError: 503 } }] })
})

const service = 'service: must be a Service as <namespace>/<name> or <name>.<namespace>.svc.cluster.local'
const pattern = "must be the name of a field, or the start of one and '*', or '*' and the end of one"
const status = 'statusOnError: must be a status from 400 to 599'
const written = (name: string) => `must not be '${name}': the mesh or the platform writes it`
it.each<[object, string[]]>([
	[{ service: undefined }, ['service: is required']],
	...['check', 'a/b/c', 'auth/Check', 'check.auth', 'auth/a--b', 'https://a.example', ''].map(
		(text): [object, string[]] => [{ service: text }, [service]],
	),
	...[0, 65_536, '0', '80a', '', 1.5, ' 80'].map((port): [object, string[]] => [
		{ port },
		['port: must be a port from 1 to 65535'],
	]),
	[{ timeout: '0s' }, ['timeout: must be at least 1ms']],
	[{ timeout: '61s' }, ['timeout: must be at most 1m']],
	[{ pathPrefix: 'check' }, ["pathPrefix: must begin with '/'"]],
	[{ pathPrefix: '/a/../b' }, ["pathPrefix: must not contain '/../'"]],
	[{ statusOnError: 200 }, [status]],
	[{ statusOnError: '600' }, [status]],
	[{ statusOnError: 'Forbidden' }, [status]],
	[{ failOpen: 'no' }, ['failOpen: must be true or false']],
	[
		{ includeRequestHeadersInCheck: ['*', 'a*b', 'a b'] },
		[0, 1, 2].map((i) => `includeRequestHeadersInCheck[${i}]: ${pattern}`),
	],
	[{ includeRequestHeadersInCheck: times(65, String) }, ['includeRequestHeadersInCheck: must have at most 64 entries']],
	[
		{ includeAdditionalHeadersInCheck: { 'x-a': '%REQ(:path)%' } },
		["includeAdditionalHeadersInCheck.x-a: must not contain '%': Envoy's variables are not known here"],
	],
	[
		{ includeAdditionalHeadersInCheck: { forwarded: 'a' } },
		[`includeAdditionalHeadersInCheck.forwarded: the key ${written('forwarded')}`],
	],
	[
		{ includeAdditionalHeadersInCheck: { 'x-a': '1', 'X-A': '2' } },
		['includeAdditionalHeadersInCheck.X-A: must be unique: another entry names this field'],
	],
	[
		{ includeAdditionalHeadersInCheck: Object.fromEntries(times(17, (i) => [`x-${i}`, 'a'])) },
		['includeAdditionalHeadersInCheck: must have at most 16 entries'],
	],
	[
		{ headersToUpstreamOnAllow: ['x-user', 'X-Forwarded-For'] },
		[`headersToUpstreamOnAllow[1]: ${written('X-Forwarded-For')}`],
	],
	[
		{ headersToDownstreamOnDeny: ['connection'] },
		["headersToDownstreamOnDeny[0]: must not be 'connection': the platform writes it for each hop"],
	],
	[{ includeRequestBodyInCheck: {} }, ['includeRequestBodyInCheck.maxRequestBytes: is required']],
	[
		{ includeRequestBodyInCheck: { maxRequestBytes: 1_048_577 } },
		['includeRequestBodyInCheck.maxRequestBytes: must be at most 1,048,576'],
	],
	[
		{ includeRequestBodyInCheck: { maxRequestBytes: 1, packAsBytes: true } },
		[
			"includeRequestBodyInCheck.packAsBytes: this mesh does not support 'packAsBytes': it is for gRPC; over HTTP the body is bytes",
		],
	],
	[
		{ includeHeadersInCheck: ['a'] },
		[
			"includeHeadersInCheck: this mesh does not support 'includeHeadersInCheck': use includeRequestHeadersInCheck, which replaced it",
		],
	],
])('judges %j', (http, expected) => {
	expect(told(http)).toEqual(expected)
})

it.each<[unknown, string[]]>([
	[[{ name: 'p' }], ['[0].envoyExtAuthzHttp: is required']],
	[
		[{ name: 'p', envoyExtAuthzGrpc: {} }],
		[
			'[0].envoyExtAuthzHttp: is required',
			"[0].envoyExtAuthzGrpc: this mesh does not support 'envoyExtAuthzGrpc': native gRPC needs HTTP/2 trailers, which a Worker cannot read; use envoyExtAuthzHttp",
		],
	],
	[
		times(2, () => ({ name: 'p', envoyExtAuthzHttp: { service: 'a/b' } })),
		['[1].name: must be unique: provider 0 has this name'],
	],
	[times(65, (i) => ({ name: `p${i}`, envoyExtAuthzHttp: { service: 'a/b' } })), [': must have at most 64 entries']],
])('judges providers %j', (providers, expected) => {
	expect(problems(mesh(providers)).map((problem) => problem.replace('spec.extensionProviders', ''))).toEqual(expected)
})
