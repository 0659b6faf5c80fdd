/** The data path in a loop, without a network: what it costs in the runtime itself to know who calls. */
import { hashOf } from '../../../src/base64url.ts'
import { createDelegation } from '../../../src/identity/delegation.ts'
import { signJws } from '../../../src/identity/jws.ts'
import { servicePart, TRUST_PART, virtualHostPart } from '../../../src/names.ts'
import type { Serve } from '../../../src/proxy/pipeline.ts'
import type { Part } from '../../../src/snapshot/snapshot.ts'
import type { PublicJwk, TrustKey } from '../../../src/snapshot/trust.ts'
import { part, serveParts } from './dataPath.ts'

const DOMAIN = 'mesh.test'
const HOST = `orders.${DOMAIN}`
const ISSUER = `https://admin.${DOMAIN}`
const CALLER = `spiffe://${DOMAIN}/ns/default/sa/caller`

interface Key {
	readonly privateKey: CryptoKey
	readonly jwk: PublicJwk
}

interface World {
	readonly serve: Serve
	/** By what they show. */
	readonly requests: Readonly<Record<string, Request>>
}

/** What the service answers whom it was told of. A status costs the same whatever it says; a field would be paid by some only. */
const KNOWN = 202

let world: Promise<World> | undefined

export default {
	/** `/<credentials>?times=<n>`: sends so many requests down the data path. */
	async fetch({ url }: Request): Promise<Response> {
		world ??= makeWorld()
		const { serve, requests } = await world
		const { pathname, searchParams } = new URL(url)
		const request = requests[pathname.slice(1)]!
		const times = Number(searchParams.get('times'))
		let known = 0
		for (let i = 0; i < times; i++) {
			const response = await serve(request, { waitUntil: (work) => void work.catch(() => {}) })
			if (response.status === KNOWN) known++
		}
		return Response.json({ known })
	},
}

async function makeWorld(): Promise<World> {
	const [ring, workload] = [await newKey(), await newKey()]
	const target = { kind: 'service', service: 'default/orders', peers: { proofReuse: 'UntilExpiry' } } as const
	const parts = [
		part(virtualHostPart(HOST), { kind: 'virtualHost', pattern: HOST, defaultService: 'default/orders' }),
		part(servicePart('default/orders'), { ...target, endpoints: [{ id: 'e', url: 'http://e.test', weight: 1 }] }),
		part(TRUST_PART, { kind: 'trust', ...trustOf(ring) }),
	]
	return { serve: serveWith(parts, ring), requests: await requestsOf(ring, workload) }
}

const serveWith = (parts: readonly Part[], ring: Key): Serve =>
	serveParts(DOMAIN, HOST, parts, {
		send: async ({ headers }) => new Response(null, { status: headers.has('selvedge-caller') ? KNOWN : 200 }),
		delegate: async (jwk) => {
			const [issuedAt, expiresAt] = [Date.now(), Date.now() + 3_600_000]
			const input = { trustDomain: DOMAIN, issuer: ISSUER, region: '', jwk, issuedAt, expiresAt }
			return { token: await createDelegation(input, 'k', ring.privateKey), issuer: ISSUER, expiresAt }
		},
	})

const USES = ['wit-svid', 'jwt-svid', 'delegation'] as const

const trustOf = ({ jwk }: Key) => ({
	trustDomain: DOMAIN,
	issuer: ISSUER,
	keys: USES.map((use): TrustKey => ({ kid: 'k', use, jwk })),
	authorities: [],
	federated: [],
	revocations: { workloads: {}, tokens: [], keys: [], certificates: [] },
})

async function newKey(): Promise<Key> {
	const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
	const pair = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
	const { x, y } = (await crypto.subtle.exportKey('jwk', pair.publicKey)) as { x: string; y: string }
	return { privateKey: pair.privateKey, jwk: { kty: 'EC', alg: 'ES256', crv: 'P-256', x, y } }
}

async function requestsOf(ring: Key, workload: Key): Promise<World['requests']> {
	const iat = Math.floor(Date.now() / 1_000)
	const claims = { sub: CALLER, iss: `spiffe://${DOMAIN}`, iat, exp: iat + 3_600 }
	const header = { alg: 'ES256', kid: 'k' }
	const bound = { ...claims, jti: crypto.randomUUID(), cnf: { jwk: workload.jwk } }
	const wit = await signJws({ ...header, typ: 'wit+jwt' }, bound, ring.privateKey)
	const proof = { aud: `http://${HOST}`, exp: iat + 290, jti: crypto.randomUUID(), wth: await hashOf(wit) }
	const wpt = await signJws({ alg: 'ES256', typ: 'wpt+jwt' }, proof, workload.privateKey)
	const svid = { ...claims, aud: [`http://${HOST}`], jti: crypto.randomUUID() }
	const token = await signJws({ ...header, typ: 'JWT' }, svid, ring.privateKey)
	const asking = (headers: Record<string, string>) => new Request(`http://${HOST}/items/1`, { headers })
	return {
		none: asking({}),
		ballast: asking({ 'x-workload-identity-tok': wit, 'x-workload-proof-tok': wpt }),
		proof: asking({ 'workload-identity-token': wit, 'workload-proof-token': wpt }),
		token: asking({ authorization: `Bearer ${token}` }),
	}
}
