/** The data path in a loop, without a network: what it costs in the runtime itself to authorize a request. */
import { signJws } from '../../../src/identity/jws.ts'
import { servicePart, virtualHostPart } from '../../../src/names.ts'
import type { Serve } from '../../../src/proxy/pipeline.ts'
import type { AccessPolicies, AccessPolicy, AccessRule } from '../../../src/snapshot/authorization.ts'
import type { JwtRule } from '../../../src/snapshot/requestAuthentication.ts'
import { part, serveParts } from './dataPath.ts'

const DOMAIN = 'mesh.test'
const ISSUER = 'https://id.test'

/** How many policies guard the Service of that name; `none` has no rules for users either. */
const SERVICES: Readonly<Record<string, number>> = { none: 0, token: 0, p10: 10, p50: 50, p1000: 1_000 }

interface World {
	readonly serve: Serve
	readonly request: Request
}

let worlds: Promise<ReadonlyMap<string, World>> | undefined

export default {
	/** `/<service>?times=<n>`: sends so many requests down the data path, and says how many came through. */
	async fetch({ url }: Request): Promise<Response> {
		worlds ??= makeWorlds()
		const { pathname, searchParams } = new URL(url)
		const { serve, request } = (await worlds).get(pathname.slice(1))!
		const times = Number(searchParams.get('times'))
		let passed = 0
		for (let i = 0; i < times; i++) {
			const { status } = await serve(request, { waitUntil: (work) => void work.catch(() => {}) })
			if (status === 200) passed++
		}
		return Response.json({ passed })
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
	const claims = { iss: ISSUER, sub: 'alice', iat, exp: iat + 3_600, groups: ['buyers', 'staff'] }
	const token = await signJws({ alg: 'ES256', kid: 'k', typ: 'JWT' }, claims, pair.privateKey)
	const entries = Object.entries(SERVICES).map(([name, count]) => [name, world(name, count, believed, token)] as const)
	return new Map(entries)
}

/** Every request shows the token, so that it costs all of them the same to carry it. */
function world(name: string, count: number, believed: JwtRule, token: string): World {
	const host = `${name}.${DOMAIN}`
	const service = `default/${name}`
	const parts = [
		part(virtualHostPart(host), { kind: 'virtualHost', pattern: host, defaultService: service }),
		part(servicePart(service), {
			...{ kind: 'service', service, endpoints: [{ id: 'e', url: 'http://e.test', weight: 1 }] },
			...(name === 'none' ? {} : { users: [believed] }),
			...(count === 0 ? {} : { access: policies(count) }),
		}),
	]
	return {
		serve: serveParts(DOMAIN, host, parts, { send: async () => new Response() }),
		request: new Request(`http://${host}/items/1`, { headers: { authorization: `Bearer ${token}` } }),
	}
}

/** Of a mesh in which every team writes its own: for workloads, users, groups and paths. One of them lets the request in. */
function policies(count: number): AccessPolicies {
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
	return [...Array.from({ length: count - 1 }, (_, i) => policy(i)), own]
}

const KINDS: readonly ((i: number) => { action: 'ALLOW' | 'DENY'; rule: AccessRule })[] = [
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

function policy(i: number): AccessPolicy {
	const { action, rule } = KINDS[i % KINDS.length]!(i)
	return { name: `team-${i}/policy`, action, rules: [rule] }
}
