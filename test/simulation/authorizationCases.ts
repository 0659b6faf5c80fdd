/** Random policies and requests from so few words that they often meet. */
import type { AccessRequest } from '../../src/authorization/request.ts'
import type {
	AccessCondition,
	AccessKey,
	AccessOperation,
	AccessPolicies,
	AccessPolicy,
	AccessRule,
	AccessSource,
	Authorizer,
} from '../../src/snapshot/authorization.ts'

export type Random = () => number

export const TRUST_DOMAIN = 'mesh.example'

export const pick = <T>(random: Random, among: readonly T[]): T => among[Math.floor(random() * among.length)]!
const some = <T>(random: Random, among: readonly T[]): T[] =>
	Array.from({ length: 1 + Math.floor(random() * random() * 4) }, () => pick(random, among))

const WORDS = {
	principal: [
		'cluster.local/ns/shop/sa/orders',
		'mesh.example/ns/shop/sa/orders',
		'mesh.example/ns/shop/sa/cart',
		'cluster.local/ns/shop/*',
		'cluster.local/*',
		'*/sa/orders',
		'partner.example/ns/shop/sa/orders',
		'*',
		'mesh.example',
	],
	requestPrincipal: ['https://idp/alice', 'https://idp/bob', 'https://idp/*', '*/alice', '*', 'https://other/alice'],
	namespace: ['shop', 'pay', 'sh*', '*ay', '*'],
	serviceAccount: ['shop/orders', 'shop/cart', 'pay/orders', '*'],
	trustDomain: ['cluster.local', 'mesh.example', 'partner.example', '*.example', 'mesh*', '*'],
	address: [
		'10.0.0.1',
		'10.0.0.0/8',
		'10.1.2.3/16',
		'0.0.0.0/0',
		'::/0',
		'2001:db8::/32',
		'2001:db8:0:1::/64',
		'::ffff:10.0.0.0/104',
		'::ffff:0:0/96',
		'::ffff:10.0.0.1',
		'2001:db8::1',
	],
	host: [
		'a.example',
		'A.Example',
		'*.example',
		'a.example:443',
		'a.example:*',
		'*:8080',
		'a*',
		'*',
		'[::1]',
		'[::1]:443',
	],
	port: ['443', '8080', '80'],
	method: ['GET', 'POST', 'P*', '*ST', '*', 'DELETE'],
	path: [
		'/',
		'/a',
		'/a/',
		'/A',
		'/a*',
		'/a/*',
		'/A/*',
		'/a/b',
		'/a/b/',
		'/a/b/c/d/e',
		'/a/b/c/d/e/*',
		'/*',
		'*',
		'*/b',
		'*.js',
		'*b',
		'*0b',
		'*25b',
		'/100%25*',
		'/{*}',
		'/a/{*}',
		'/a/{*}/c',
		'/a/{**}',
		'/{**}/b',
		'/{*}/b/{**}',
		'/a/{**}/',
		'/{**}',
		'/~u',
		'/%7eu',
		'/%7Eu/*',
		'/é',
		'/%c3%89/*',
		'/x%40y',
		'/x@y',
		'/a b',
		'/a%20b/*',
		'/ΑΣ*',
	],
	time: [
		'Mon-Fri 08:00-18:00',
		'22:00-06:00',
		'Fri 22:00-06:00 +01:00',
		'Sat,Sun 00:00-24:00',
		'Fri-Mon 09:30-17:00 -05:30',
		'00:00-24:00',
		'Mon,Wed-Thu 12:00-13:00 +14:00',
	],
	claim: ['admin', 'reader', 'adm*', '*er', '*', '42', 'true', 'a b'],
	audiences: ['shop', 'pay', 's*', '*'],
	presenter: ['app', 'web', '*p'],
	header: ['1', 'v*', '*2', '*', 'v1, v2', ''],
} as const

const CLAIMS: readonly (readonly string[])[] = [
	['role'],
	['scope'],
	['realm', 'roles'],
	['level'],
	['__proto__'],
	['a b'],
]

function randomKey(random: Random): AccessKey {
	const of = pick(random, ['header', 'claim', 'claim', 'rest'] as const)
	if (of === 'header') return { of, name: pick(random, ['x-version', 'x-team']) }
	if (of === 'claim') return { of, path: pick(random, CLAIMS) }
	return {
		of: pick(random, [
			'audiences',
			'presenter',
			'requestPrincipal',
			'principal',
			'namespace',
			'serviceAccount',
			'trustDomain',
			'address',
			'port',
			'time',
		] as const),
	}
}

function randomCondition(random: Random): AccessCondition {
	const key = randomKey(random)
	return { key, ...list(random, 0.8, 'values', WORDS[key.of]), ...list(random, 0.3, 'notValues', WORDS[key.of]) }
}

/** The field, with that chance; now and then an empty one. */
const list = (random: Random, chance: number, field: string, words: readonly string[]) =>
	random() < chance ? { [field]: random() < 0.02 ? [] : some(random, words) } : {}

const randomSource = (random: Random): AccessSource => ({
	...list(random, 0.35, 'principals', WORDS.principal),
	...list(random, 0.1, 'notPrincipals', WORDS.principal),
	...list(random, 0.15, 'requestPrincipals', WORDS.requestPrincipal),
	...list(random, 0.1, 'notRequestPrincipals', WORDS.requestPrincipal),
	...list(random, 0.2, 'namespaces', WORDS.namespace),
	...list(random, 0.1, 'notNamespaces', WORDS.namespace),
	...list(random, 0.1, 'serviceAccounts', WORDS.serviceAccount),
	...list(random, 0.1, 'notServiceAccounts', WORDS.serviceAccount),
	...list(random, 0.1, 'trustDomains', WORDS.trustDomain),
	...list(random, 0.05, 'notTrustDomains', WORDS.trustDomain),
	...list(random, 0.1, 'ipBlocks', WORDS.address),
	...list(random, 0.1, 'notIpBlocks', WORDS.address),
})

const randomOperation = (random: Random): AccessOperation => ({
	...list(random, 0.2, 'hosts', WORDS.host),
	...list(random, 0.1, 'notHosts', WORDS.host),
	...list(random, 0.1, 'ports', WORDS.port),
	...list(random, 0.1, 'notPorts', WORDS.port),
	...list(random, 0.2, 'methods', WORDS.method),
	...list(random, 0.1, 'notMethods', WORDS.method),
	...list(random, 0.5, 'paths', WORDS.path),
	...list(random, 0.2, 'notPaths', WORDS.path),
})

const several = <T>(random: Random, make: (random: Random) => T): T[] =>
	random() < 0.02 ? [] : Array.from({ length: 1 + Math.floor(random() * random() * 3) }, () => make(random))

const randomRule = (random: Random): AccessRule => ({
	...(random() < 0.5 ? { from: several(random, randomSource) } : {}),
	...(random() < 0.6 ? { to: several(random, randomOperation) } : {}),
	...(random() < 0.3 ? { when: several(random, randomCondition) } : {}),
})

const authorizer = (name: string): Authorizer => ({
	name,
	service: 'default/authorizer',
	pathPrefix: '',
	timeoutMs: 1_000,
	failOpen: false,
	statusOnError: 403,
	includeRequestHeaders: [],
	includeAdditionalHeaders: [],
	headersToUpstreamOnAllow: [],
	headersToDownstreamOnAllow: [],
	headersToDownstreamOnDeny: [],
})

export function randomPolicy(random: Random, name: string): AccessPolicy {
	const action = pick(random, ['ALLOW', 'ALLOW', 'ALLOW', 'DENY', 'DENY', 'AUDIT', 'CUSTOM'] as const)
	const rules = Array.from({ length: Math.floor(random() * 4) }, () => randomRule(random))
	const rest = { name, rules, ...(random() < 0.25 ? { dryRun: true as const } : {}) }
	return action === 'CUSTOM'
		? { ...rest, action, authorizer: authorizer(pick(random, ['opa', 'idp'])) }
		: { ...rest, action }
}

/** Up to four layers, some of them empty. */
export const randomLayers = (random: Random): AccessPolicies[] =>
	Array.from({ length: Math.floor(random() * 5) }, (_, layer) =>
		Array.from({ length: Math.floor(random() * random() * 8) }, (_, i) => randomPolicy(random, `layer${layer}/p${i}`)),
	)

const PATHS = [
	'/',
	'/a',
	'/a/',
	'/A',
	'/a/b',
	'/A/b/',
	'/a/b/c',
	'/a/x/c',
	'/a/b/c/d/e',
	'/a/b/c/d/e/f',
	'/app.js',
	'/ab',
	'/~u',
	'/~u/x',
	'/%C3%A9',
	'/%C3%89/x',
	'/x@y',
	'/x%40y',
	'/a%20b',
	'/a%20b/',
	'/100%25b',
	'/%CE%B1%CF%83%CE%B1',
]
const CALLERS = [
	{ spiffeId: 'spiffe://mesh.example/ns/shop/sa/orders', namespace: 'shop', workload: 'orders' },
	{ spiffeId: 'spiffe://mesh.example/ns/shop/sa/cart', namespace: 'shop', workload: 'cart' },
	{ spiffeId: 'spiffe://mesh.example/ns/pay/sa/orders', namespace: 'pay', workload: 'orders' },
	{ spiffeId: 'spiffe://partner.example/ns/shop/sa/orders' },
	{ spiffeId: 'spiffe://mesh.example' },
	undefined,
]
const CLAIM_SETS = [
	{ role: 'admin', scope: 'reader admin', realm: { roles: ['reader', 42] }, level: 42 },
	{ role: ['reader', true, null, ['admin']], scope: 'a b', level: true, 'a b': 'admin' },
	{ role: '', scope: ' ', realm: ['roles'], level: null, 'a b': { admin: 'admin' } },
	{},
]

/** 2026-01-01 was a Thursday. */
const START = Date.UTC(2026, 0, 1)

export function randomRequest(random: Random): AccessRequest {
	const headers = new Map([
		['x-version', pick(random, ['1', 'v1', 'v2', 'v1, v2', null])],
		['x-team', pick(random, ['', 'v2', null])],
	])
	const presenter = pick(random, ['app', 'web', undefined])
	return {
		method: pick(random, ['GET', 'POST', 'PUT', 'DELETE']),
		host: pick(random, ['a.example', 'b.a.example', 'example', '[::1]']),
		port: pick(random, [443, 8080, 80]),
		path: pick(random, PATHS),
		header: (name) => headers.get(name) ?? null,
		clientAddress: pick(random, [
			'10.0.0.1',
			'10.1.9.9',
			'192.0.2.1',
			'2001:db8::1',
			'2001:DB8:0:1::5',
			'::ffff:10.0.0.1',
			'',
		]),
		now: START + Math.floor(random() * 14 * 1_440) * 60_000 + Math.floor(random() * 60_000),
		caller: pick(random, CALLERS),
		user:
			random() < 0.3
				? undefined
				: {
						principal: pick(random, ['https://idp/alice', 'https://idp/bob', 'https://other/alice']),
						audiences: pick(random, [['shop'], ['shop', 'pay'], []]),
						...(presenter === undefined ? {} : { presenter }),
						claims: pick(random, CLAIM_SETS),
						spaceDelimitedClaims: pick(random, [['scope', 'permission'], [], ['scope', 'role']]),
					},
	}
}
