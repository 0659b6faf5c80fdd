/** Random rules of one virtual host that do everything a rule can do, and requests that they are for, or only just not. */
import type { AccessCondition, AccessPolicies, AccessRule } from '../../../src/snapshot/authorization.ts'
import type { Fault, Field, Filters, HeaderEdits } from '../../../src/snapshot/filters.ts'
import type { Match, PathMatch } from '../../../src/snapshot/match.ts'
import type { Backend, PartBody, RouteSlice, Rule, ServiceTarget } from '../../../src/snapshot/snapshot.ts'
import { userToken } from '../identity/users.ts'
import { START } from '../proxy/fakeProxy.ts'
import { head, service, slice } from '../proxy/knowledge/fakeReplica.ts'
import { jwtRule } from '../proxy/users/signedIn.ts'

type Random = () => number

const HOST = 'h.test'
const SHARES = [0, 0.3, 0.5, 1]
const PATHS = ['', '/a', '/a/b']
/** One or two of them are longer than the time that a rule allows. */
export const DELAY_MS = 3_000
const REQUEST_MS = [2_500, 5_000]

/** Each backend's service, so that what arrives tells where it was sent. */
const SERVICES = ['d/one', 'd/two', 'd/three', 'd/empty', 'd/absent', 'd/outside', 'd/unable']
export const MIRROR = 'mirror.test'

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)]!
const chance = (random: Random, odds: number): boolean => random() < odds
/** The field, with these odds. */
const maybe = <T extends object>(random: Random, odds: number, make: () => T): Partial<T> =>
	chance(random, odds) ? make() : {}

export function randomMesh(random: Random): Record<string, PartBody> {
	const routes = ['default', 'default', 'strict'].map((namespace, i) => {
		const hostnames = chance(random, 0.3) ? [pick(random, [HOST, '*.test'])] : []
		const rules = Array.from({ length: 4 }, (_, j) => randomRule(random, `${namespace}/r${i}/${j}`))
		const [body] = Object.values(slice(HOST, `r${i}`, rules, { hostnames }))
		const route = `${namespace}/r${i}`
		return { [`virtualHost/${HOST}/${route}`]: { ...(body as RouteSlice), route } }
	})
	return { ...head(HOST), ...Object.assign({}, ...routes), ...services(), ...BELIEVING }
}

/** One namespace has no use for tokens of another audience. */
const from = [{ in: 'header', name: 'x-user', prefix: '' }] as const
const BELIEVING: Record<string, PartBody> = {
	'namespace/default': { kind: 'namespace', namespace: 'default', users: [jwtRule({ from })] },
	'namespace/strict': { kind: 'namespace', namespace: 'strict', users: [jwtRule({ from, audiences: ['strict'] })] },
}
const TOKENS = [
	...[{ role: 'a' }, { role: 'b' }, { role: 'a', aud: ['shop', 'strict'] }].map((claims) =>
		userToken({ ...claims, iat: START / 1_000, exp: START / 1_000 + 300 }),
	),
	'none',
]

function services(): Record<string, PartBody> {
	const credential = { in: 'query', name: 'key', value: { before: '', secret: 's3cret' } } as const
	return {
		...changed(service('d/one', { id: 'one1' }, { id: 'one2', weight: 3 }, { id: 'one3', weight: 0 }), {
			access: [{ name: 'd/one', action: 'DENY', rules: [{ to: [{ methods: ['PUT'], paths: ['/a/b*', '/new*'] }] }] }],
		}),
		...changed(service('d/two', { id: 'two1' }), {
			access: [{ name: 'd/two', action: 'ALLOW', rules: [{ to: [{ notPaths: ['/a/b/c'] }] }] }],
		}),
		...service('d/three', { id: 'three1' }, { id: 'three2' }),
		...service('d/empty'),
		...service('d/mirror', { id: 'mirror' }),
		...changed(service('d/outside', { id: 'outside1' }), { external: true, credential }),
		...changed(service('d/unable', { id: 'unable1' }), { credential: { invalid: 'no secret' } }),
	}
}

const changed = (parts: Record<string, PartBody>, more: Partial<ServiceTarget>): Record<string, PartBody> =>
	Object.fromEntries(Object.entries(parts).map(([name, body]) => [name, { ...(body as ServiceTarget), ...more }]))

function randomRule(random: Random, place: string): Rule {
	const matches = Array.from({ length: chance(random, 0.3) ? 2 : 1 }, () => randomMatch(random))
	const role = pick(random, ['a', 'b'])
	const when = chance(random, 0.3) ? [randomCondition(random, role)] : undefined
	return {
		name: when === undefined ? place : `${place}-users`,
		matches,
		backends: randomBackends(random),
		...maybe(random, 0.3, () => ({ only: [{ share: pick(random, SHARES) }] })),
		...maybe(random, 0.1, () => ({ only: [{ sources: [{ namespace: 'n' }] }] })),
		...(when && { only: [{ when, ...maybe(random, 0.3, () => ({ share: pick(random, SHARES) })) }] }),
		...maybe(random, 0.6, () => ({ filters: randomFilters(random, matches[0]!.path) })),
		...maybe(random, 0.5, () => ({ timeouts: { requestMs: pick(random, REQUEST_MS) } })),
		...maybe(random, 0.4, () => ({ retry: { attempts: 2, codes: [], backoffMs: 25, methods: [], maxBodyBytes: 8 } })),
		...maybe(random, 0.2, () => ({ access: randomAccess(random) })),
		...maybe(random, 0.2, () => ({
			session: { type: 'Header', name: 'x-stay', permanent: false, path: '/' } as const,
		})),
	}
}

const randomCondition = (random: Random, role: string): AccessCondition => ({
	key: { of: 'claim', path: ['role'] },
	...(chance(random, 0.7) ? { values: [role] } : { notValues: [role] }),
})

/** Of what the requests are made of: some are refused, and most are not. */
function randomAccess(random: Random): AccessPolicies {
	const rule: AccessRule = pick(random, [
		{ to: [{ methods: ['POST'] }] },
		{ to: [{ hosts: ['inner.test'] }] },
		{ to: [{ paths: ['/new/*', '/a/b/*'] }] },
		{ when: [{ key: { of: 'header', name: 'x-h' }, values: ['1'] }] },
	])
	return [{ name: 'default/random', action: pick(random, ['DENY', 'DENY', 'ALLOW'] as const), rules: [rule] }]
}

function randomMatch(random: Random): Match {
	const path: PathMatch = { type: chance(random, 0.2) ? 'Exact' : 'PathPrefix', value: pick(random, PATHS) || '' }
	return {
		path: path.type === 'Exact' && path.value === '' ? { type: 'Exact', value: '/' } : path,
		...maybe(random, 0.3, () => ({ method: pick(random, ['GET', 'PUT', 'POST']) })),
		...maybe(random, 0.3, () => ({
			headers: [{ name: 'x-h', type: 'Exact', value: pick(random, ['1', '2']) } as const],
		})),
		...maybe(random, 0.2, () => ({ queryParams: [{ name: 'q', type: 'Exact', value: '1' } as const] })),
	}
}

function randomBackends(random: Random): Backend[] {
	const left = [...SERVICES]
	const backends = Array.from({ length: 1 + Math.floor(random() * 3) }, (): Backend => {
		const weight = pick(random, [0, 1, 1, 2])
		if (chance(random, 0.1)) return { weight, invalid: 'spec.rules[0].backendRefs[0]: Service d/x not found' }
		const [name] = left.splice(Math.floor(random() * left.length), 1)
		return { weight, service: name!, ...maybe(random, 0.3, () => ({ filters: randomFilters(random, undefined) })) }
	})
	// The build leaves no rule without a weight.
	return backends.every(({ weight }) => weight === 0) ? [{ ...backends[0]!, weight: 1 }] : backends
}

function randomFilters(random: Random, path: PathMatch | undefined): Filters {
	const prefix = path?.type === 'PathPrefix' ? path.value : ''
	return {
		...maybe(random, 0.05, () => ({ invalid: 'spec.rules[0].filters[0]: nothing of that name' })),
		...(path === undefined ? {} : maybe(random, 0.3, () => ({ cors: randomCors(random) }))),
		...maybe(random, 0.4, () => ({ faults: [randomFault(random), randomFault(random)] })),
		...maybe(random, 0.05, () => ({ directResponse: { status: 418, headers: [], body: 'tea' } })),
		...maybe(random, 0.1, () => ({ redirect: { statusCode: 302, hostname: 'elsewhere.test' } as const })),
		...maybe(random, 0.5, () => ({ requestHeaders: randomEdits(random) })),
		...maybe(random, 0.3, () => ({
			rewrite: { hostname: 'inner.test', path: { type: 'prefix', prefix, value: '/new' } } as const,
		})),
		...maybe(random, 0.2, () => ({ mirrors: [{ service: 'd/mirror', share: pick(random, SHARES) }] })),
		...maybe(random, 0.5, () => ({ responseHeaders: randomEdits(random) })),
	}
}

const randomCors = (random: Random) => ({
	allowOrigins: [pick(random, ['*', 'https://a.test'])],
	allowCredentials: chance(random, 0.5),
	...{ allowMethods: ['GET'], allowHeaders: [], exposeHeaders: ['x-own'], maxAgeSeconds: 5 },
})

const randomFault = (random: Random): Fault => ({
	...maybe(random, 0.3, () => ({ sources: [{ namespace: 'n' }] })),
	...maybe(random, 0.3, () => ({ matches: [randomMatch(random)] })),
	...maybe(random, 0.5, () => ({ delay: { ms: DELAY_MS, share: pick(random, SHARES) } })),
	...maybe(random, 0.4, () => ({ abort: { status: pick(random, [500, 503]), share: pick(random, SHARES) } })),
})

/** Of fields that are there, and fields that are not. */
function randomEdits(random: Random): HeaderEdits {
	const field = (value: string): Field => [pick(random, ['x-h', 'x-own', 'x-new', 'x-other']), value]
	return {
		...maybe(random, 0.6, () => ({ set: [field('set')] })),
		...maybe(random, 0.6, () => ({ add: [field('added')] })),
		...maybe(random, 0.4, () => ({ remove: [pick(random, ['x-h', 'x-own', 'cookie'])] })),
	}
}

/** Makes the same request as often as it is asked to. */
export function randomRequest(random: Random): () => Request {
	const method = pick(random, ['GET', 'GET', 'PUT', 'POST', 'HEAD', 'OPTIONS'])
	const url = `http://${HOST}${pick(random, ['/', '/a', '/a/b', '/a/b/c', '/ab'])}${pick(random, ['', '?q=1', '?q=2'])}`
	const length = method === 'PUT' || method === 'POST' ? pick(random, [undefined, 4, 40]) : undefined
	const headers: Record<string, string> = {
		...maybe(random, 0.6, () => ({ 'x-h': pick(random, ['1', '2']) })),
		...maybe(random, 0.6, () => ({ 'x-user': pick(random, TOKENS) })),
		...maybe(random, 0.3, () => ({ cookie: 'a=b', 'x-forwarded-for': '1.1.1.1', connection: 'x-own', 'x-own': '1' })),
		...maybe(random, 0.4, () => ({
			origin: pick(random, ['https://a.test', 'https://b.test']),
			...maybe(random, 0.5, () => ({ 'access-control-request-method': 'PUT' })),
		})),
		...(length === undefined ? {} : { 'content-length': String(length) }),
	}
	return () => new Request(url, { method, headers, body: length === undefined ? null : new Uint8Array(length) })
}
