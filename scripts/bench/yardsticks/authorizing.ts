/** What it costs in the runtime itself to authorize a request, without a network: the data path in a loop, and its policies alone. */
import { compileAccess } from '../../../src/authorization/compileAccess.ts'
import { decide } from '../../../src/authorization/decide.ts'
import type { AccessRequest } from '../../../src/authorization/request.ts'
import { signJws } from '../../../src/identity/jws.ts'
import { servicePart, virtualHostPart } from '../../../src/names.ts'
import type { Serve } from '../../../src/proxy/pipeline.ts'
import type { AccessPolicies, AccessPolicy, AccessRule } from '../../../src/snapshot/authorization.ts'
import type { JwtRule } from '../../../src/snapshot/requestAuthentication.ts'
import { part, serveParts } from './dataPath.ts'

const DOMAIN = 'mesh.test'
const ISSUER = 'https://id.test'

const ADDRESS = '192.0.2.7'
const PATH = '/items/1'
const GROUPS = ['buyers', 'staff']

type Make = (i: number) => { action: 'ALLOW' | 'DENY'; rule: AccessRule }

/** Of a mesh in which every team writes its own: for workloads, users, groups and paths. */
const EXACT: readonly Make[] = [
	(i) => ({
		action: 'ALLOW',
		rule: { from: [{ principals: [`${DOMAIN}/ns/team-${i}/sa/api`] }], to: [{ methods: ['GET', 'POST'] }] },
	}),
	(i) => ({
		action: 'ALLOW',
		rule: { from: [{ requestPrincipals: [`${ISSUER}/user-${i}`] }], to: [{ paths: [`/team-${i}/*`] }] },
	}),
	(i) => ({ action: 'DENY', rule: { to: [{ paths: [`/internal-${i}`, `/internal-${i}/*`] }] } }),
	(i) => ({
		action: 'ALLOW',
		rule: { when: [{ key: { of: 'claim', path: ['groups'] }, values: [`group-${i}`] }], to: [{ methods: ['GET'] }] },
	}),
	(i) => ({ action: 'DENY', rule: { from: [{ namespaces: [`banned-${i}`] }] } }),
]

/** Of one in which they name what is theirs by its beginning or end. */
const WILD: readonly Make[] = [
	(i) => ({ action: 'ALLOW', rule: { from: [{ principals: [`${DOMAIN}/ns/team-${i}/*`] }] } }),
	(i) => ({ action: 'ALLOW', rule: { to: [{ hosts: [`*.team-${i}.test`], methods: ['GET'] }] } }),
	(i) => ({ action: 'DENY', rule: { to: [{ paths: [`/{*}/admin-${i}/{**}`] }] } }),
	(i) => ({ action: 'DENY', rule: { from: [{ ipBlocks: [`10.${i >> 8}.${i & 255}.0/24`, `2001:db8:${i}::/48`] }] } }),
]

/** How many policies guard the Service of that name, and what they say; `none` has no rules for users either. */
const SERVICES: Readonly<Record<string, readonly [count: number, kinds: readonly Make[]]>> = {
	none: [0, EXACT],
	token: [0, EXACT],
	p10: [10, EXACT],
	p50: [50, EXACT],
	p1000: [1_000, EXACT],
	w10: [10, WILD],
	w50: [50, WILD],
	w1000: [1_000, WILD],
}

interface World {
	/** How many of so many requests came through the data path, or only through its policies. */
	readonly whole: (times: number) => Promise<number>
	readonly alone: (times: number) => number
}

let worlds: Promise<ReadonlyMap<string, World>> | undefined

export default {
	/** `/<whole or alone>/<service>?times=<n>`: makes so many requests, and says how many came through. */
	async fetch({ url }: Request): Promise<Response> {
		worlds ??= makeWorlds()
		const { pathname, searchParams } = new URL(url)
		const [, part, name] = pathname.split('/')
		const world = (await worlds).get(name!)!
		return Response.json({ passed: await world[part as keyof World](Number(searchParams.get('times'))) })
	},
}

async function makeWorlds(): Promise<ReadonlyMap<string, World>> {
	const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
	const pair = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
	const { x, y } = (await crypto.subtle.exportKey('jwk', pair.publicKey)) as { x: string; y: string }
	const believed: JwtRule = {
		issuer: ISSUER,
		keys: { inline: [{ kid: 'k', jwk: { kty: 'EC', alg: 'ES256', crv: 'P-256', x, y } }] },
		from: [{ in: 'header', name: 'authorization', prefix: 'Bearer ' }],
		clockSkewMs: 60_000,
		spaceDelimitedClaims: [],
	}
	const iat = Math.floor(Date.now() / 1_000)
	const claims = { iss: ISSUER, sub: 'alice', iat, exp: iat + 3_600, groups: GROUPS }
	const token = await signJws({ alg: 'ES256', kid: 'k', typ: 'JWT' }, claims, pair.privateKey)
	return new Map(
		Object.entries(SERVICES).map(([name, [count, kinds]]) => {
			const access = count === 0 ? undefined : policies(count, kinds)
			return [name, { whole: wholeLoop(name, access, believed, token), alone: aloneLoop(access) }]
		}),
	)
}

/** Every request shows the token, so that it costs all of them the same to carry it. */
function wholeLoop(name: string, access: AccessPolicies | undefined, believed: JwtRule, token: string): World['whole'] {
	const host = `${name}.${DOMAIN}`
	const service = `default/${name}`
	const parts = [
		part(virtualHostPart(host), { kind: 'virtualHost', pattern: host, defaultService: service }),
		part(servicePart(service), {
			...{ kind: 'service', service, endpoints: [{ id: 'e', url: 'http://e.test', weight: 1 }] },
			...(name === 'none' ? {} : { users: [believed] }),
			...(access === undefined ? {} : { access }),
		}),
	]
	const serve: Serve = serveParts(DOMAIN, host, parts, {
		send: async () => new Response(),
		clientAddress: () => ADDRESS,
	})
	const request = new Request(`http://${host}${PATH}`, { headers: { authorization: `Bearer ${token}` } })
	return async (times) => {
		let passed = 0
		for (let i = 0; i < times; i++) {
			const { status } = await serve(request, { waitUntil: (work) => void work.catch(() => {}) })
			if (status === 200) passed++
		}
		return passed
	}
}

/** What the data path asks of its policies, by a workload that it knows, too. */
function aloneLoop(access: AccessPolicies | undefined): World['alone'] {
	const layers = access === undefined ? [] : [compileAccess(access, DOMAIN)]
	const request: AccessRequest = {
		...{ method: 'GET', host: `shop.${DOMAIN}`, port: 80, path: PATH, clientAddress: ADDRESS, now: Date.now() },
		header: () => null,
		caller: { spiffeId: `spiffe://${DOMAIN}/ns/shop/sa/web`, namespace: 'shop', workload: 'web' },
		user: { principal: `${ISSUER}/alice`, audiences: [], claims: { groups: GROUPS }, spaceDelimitedClaims: [] },
	}
	return (times) => {
		let passed = 0
		for (let i = 0; i < times; i++) if (decide(layers, 'open', request).allowed) passed++
		return passed
	}
}

/** One of them lets the request in. */
function policies(count: number, kinds: readonly Make[]): AccessPolicies {
	const own: AccessPolicy = {
		...{ name: 'default/own', action: 'ALLOW' },
		rules: [
			{
				from: [{ requestPrincipals: [`${ISSUER}/alice`] }],
				to: [{ methods: ['GET'], paths: ['/items/*'] }],
				when: [{ key: { of: 'claim', path: ['groups'] }, values: ['buyers'] }],
			},
		],
	}
	return [...Array.from({ length: count - 1 }, (_, i) => policy(i, kinds)), own]
}

function policy(i: number, kinds: readonly Make[]): AccessPolicy {
	const { action, rule } = kinds[i % kinds.length]!(i)
	return { name: `team-${i}/policy`, action, rules: [rule] }
}
