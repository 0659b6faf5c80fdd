/** Smallest good documents, and what the mesh says about changed ones. */
import { parseDocuments } from '../../../src/resources/documents.ts'

export const context = { addresses: 'any', meshDomain: 'mesh.example.com' } as const

export const gatewayApi = 'gateway.networking.k8s.io/v1'

export const service = (spec: unknown = {}) => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'Service',
	metadata: { name: 'orders' },
	spec,
})
export const route = (spec: unknown = {}) => ({
	apiVersion: gatewayApi,
	kind: 'HTTPRoute',
	metadata: { name: 'orders' },
	spec,
})
export const gateway = (spec: object = {}) => ({
	apiVersion: gatewayApi,
	kind: 'Gateway',
	metadata: { name: 'public' },
	spec: { gatewayClassName: 'mesh', listeners: [{ name: 'web', port: 80, protocol: 'HTTP' }], ...spec },
})
export const grant = (spec: unknown = { from: [grantFrom], to: [{ group: '', kind: 'Service' }] }) => ({
	apiVersion: gatewayApi,
	kind: 'ReferenceGrant',
	metadata: { name: 'from-shop' },
	spec,
})
export const grantFrom = { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'shop' }
export const namespace = (metadata: object = {}) => ({
	apiVersion: 'v1',
	kind: 'Namespace',
	metadata: { name: 'shop', ...metadata },
})

const extension = (kind: string, name: string) => (spec: unknown) => ({
	apiVersion: 'selvedge.dev/v1',
	kind,
	metadata: { name },
	spec,
})
export const faultInjection = extension('FaultInjection', 'trouble')
export const directResponse = extension('DirectResponse', 'teapot')
export const trafficMatch = extension('TrafficMatch', 'half')
export const retryPolicy = extension('RetryPolicy', 'posts-too')

export const peerAuthentication = extension('PeerAuthentication', 'proven')
export const workloadTrust = extension('WorkloadTrust', 'orders')
export const requestAuthentication = extension('RequestAuthentication', 'users')
export const authorizationPolicy = extension('AuthorizationPolicy', 'callers')
export const federatedTrustDomain = extension('FederatedTrustDomain', 'partner')

/** RFC 7515 A.3. */
export const ecJwk = {
	kty: 'EC',
	crv: 'P-256',
	x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
	y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
}

/** Documents about who calls, each with many of its fields. */
export const ofIdentity = [
	peerAuthentication({
		targetRefs: [{ kind: 'Service', name: 'orders' }],
		mode: 'STRICT',
		methods: ['WorkloadProof', 'JWTSVID'],
		proofReuse: 'Never',
	}),
	workloadTrust({
		workload: 'orders',
		maxTtl: '2h',
		oidc: {
			issuer: 'https://issuer.example.net',
			audiences: ['mesh'],
			jwksUri: 'https://issuer.example.net/keys?v=1',
			claims: { sub: 'a', '/k8s.io/name': { anyOf: ['b', 'c'] }, ref: { prefix: 'refs/' } },
		},
	}),
	extension(
		'WorkloadTrust',
		'by-key',
	)({ workload: 'orders', privateKeyJwt: { jwks: { keys: [{ ...ecJwk, kid: 'a' }] } } }),
	extension(
		'WorkloadTrust',
		'by-certificate',
	)({
		workload: 'orders',
		clientCertificate: { subject: 'CN=a', fingerprintsSha256: ['ab'.repeat(32)], uriSan: 'spiffe://a/b' },
	}),
	federatedTrustDomain({
		trustDomain: 'partner.example.org',
		bundleEndpoint: { url: 'https://partner.example.org/bundle', profile: { type: 'https_web' } },
	}),
]

/** Documents about who may call, each with many of its fields. */
export const ofAccess = [
	requestAuthentication({
		selector: { matchLabels: { app: 'orders' } },
		jwtRules: [
			{ issuer: 'https://issuer.example.net', audiences: ['a', 'b'], fromCookies: ['c'], clockSkew: '5s' },
			{
				issuer: 'b',
				jwks: JSON.stringify({ keys: [ecJwk] }),
				fromHeaders: [{ name: 'X-Token', prefix: 'T ' }],
				outputPayloadToHeader: 'X-Payload',
				outputClaimToHeaders: [{ header: 'X-Subject', claim: 'a.b' }],
			},
		],
	}),
	authorizationPolicy({
		targetRefs: [{ kind: 'HTTPRoute', name: 'orders', sectionName: 'pay' }],
		action: 'DENY',
		mode: 'dryRun',
		rules: [
			{
				from: [{ source: { principals: ['*/sa/a'], notIpBlocks: ['192.0.2.1'] } }],
				to: [{ operation: { paths: ['/a/{*}'], methods: ['GET'], ports: ['80'] } }],
				when: [{ key: 'request.headers[a]', values: ['b*'] }],
			},
		],
	}),
	extension('AuthorizationPolicy', 'asking')({ action: 'CUSTOM', provider: { name: 'p' }, rules: [{}] }),
	{
		apiVersion: 'selvedge.dev/v1',
		kind: 'Mesh',
		metadata: { name: 'default' },
		spec: {
			defaultAccess: 'closed',
			extensionProviders: [
				{
					name: 'p',
					envoyExtAuthzHttp: {
						service: 'auth.shop.svc',
						statusOnError: '503',
						includeAdditionalHeadersInCheck: { 'X-A': 'b' },
						includeRequestBodyInCheck: { maxRequestBytes: 1 },
						headersToUpstreamOnAllow: ['X-User', 'x-auth-*'],
					},
				},
			],
		},
	},
]

/** The resource that a good document becomes. */
export function parsed(document: unknown): Record<string, unknown> & { spec: never; metadata: never } {
	const result = parseDocuments(JSON.stringify(document), 'json', context)
	if (!result.ok) throw new Error(JSON.stringify(result.error))
	return result.value[0] as never
}

/** `path: message` of everything that is wrong with a document, and ` [reason]` where Gateway API has one. */
export function problems(document: unknown): string[] {
	const result = parseDocuments(JSON.stringify(document), 'json', context)
	if (result.ok) return []
	return result.error.map(
		({ path, message, reason }) => `${path}: ${message}${reason === undefined ? '' : ` [${reason}]`}`,
	)
}

/** What is said about the only rule of a route; paths begin inside the rule. */
export const ruleProblems = (rule: unknown): string[] =>
	problems(route({ rules: [rule] })).map((problem) => problem.replace('spec.rules[0].', ''))

/** The only rule of a good route. */
export const parsedRule = (rule: unknown) =>
	(parsed(route({ rules: [rule] })).spec as { rules: Record<string, unknown>[] }).rules[0]!

export const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i))
