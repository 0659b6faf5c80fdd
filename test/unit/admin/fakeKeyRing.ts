/** A key ring in memory: it signs with one key, remembers what it was asked, and says what a test arranges. */
import { signJws } from '../../../src/identity/jws.ts'
import type {
	FetchedInfo,
	FetchedKeys,
	JoinRefusal,
	JwtSvidRequest,
	KeyRingInfo,
	Published,
	RevokeRefusal,
	ShownOnce,
	Uses,
	WitRequest,
} from '../../../src/ports.ts'
import { err, ok, type Result } from '../../../src/result.ts'
import type { PublicJwk } from '../../../src/snapshot/trust.ts'

export interface FakeKeyRing {
	/** Answered to everything that is to be issued, if set. */
	refusal: JoinRefusal | undefined
	/** Answered to who revokes, if set. */
	noRoom: RevokeRefusal | undefined
	/** Answered to who asks whether to try. */
	limit: { retryAfterSeconds: number } | null
	/** What may not be shown again. */
	readonly shown: Set<string>
	readonly issued: (WitRequest | JwtSvidRequest)[]
	readonly refusals: { method: string; subject: string; clientAddress: string; why: string }[]
	readonly joinTokens: Map<string, { workload: { namespace: string; workload: string }; trust: string }>
	readonly fetched: Map<string, FetchedKeys>
	/** What the ring says of documents from outside. */
	listed: readonly FetchedInfo[]
	readonly published: Published
	readonly key: CryptoKey
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }

export async function createKeyRing(): Promise<FakeKeyRing> {
	const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
	const { kty, crv, x, y } = (await crypto.subtle.exportKey('jwk', keys.publicKey)) as Record<string, string>
	const jwk = { kty, crv, x, y, alg: 'ES256' } as unknown as PublicJwk
	return {
		refusal: undefined,
		noRoom: undefined,
		limit: null,
		shown: new Set(),
		issued: [],
		refusals: [],
		joinTokens: new Map(),
		fetched: new Map(),
		listed: [],
		key: keys.privateKey,
		published: {
			version: 3,
			roots: [],
			maxAgeSeconds: 900,
			trust: {
				kind: 'trust',
				trustDomain: 'mesh.localhost',
				issuer: 'http://admin.mesh.localhost',
				keys: [{ kid: 'one', use: 'wit-svid', jwk }],
				authorities: [],
				federated: [],
				revocations: { workloads: {}, tokens: [], keys: [], certificates: [] },
			},
		},
	}
}

const info: KeyRingInfo = {
	trustDomain: 'mesh.localhost',
	issuer: 'http://admin.mesh.localhost',
	version: 3,
	publishedVersion: 3,
	purposes: [],
	keys: [],
	sealedUnder: [],
}

async function issue(
	ring: FakeKeyRing,
	request: WitRequest | JwtSvidRequest,
	nowMs: number,
): Promise<Result<object, JoinRefusal>> {
	if (ring.refusal !== undefined) return err(ring.refusal)
	const refusal = useUp(ring, request.uses ?? {})
	if (refusal !== undefined) return err(refusal)
	ring.issued.push(request)
	const { namespace, workload } = request.workload
	const spiffeId = `spiffe://mesh.localhost/ns/${namespace}/sa/${workload}`
	const iat = Math.floor(nowMs / 1000)
	const claims = { sub: spiffeId, iat, exp: iat + request.ttlSeconds, jti: crypto.randomUUID() }
	const bound = 'jwk' in request ? { cnf: { jwk: request.jwk } } : { aud: request.audiences }
	const typ = 'jwk' in request ? 'wit+jwt' : 'JWT'
	const token = await signJws({ alg: 'ES256', typ, kid: 'one' }, { ...claims, ...bound }, ring.key)
	return ok({ token, spiffeId, expiresIn: request.ttlSeconds })
}

function useUp({ shown, joinTokens }: FakeKeyRing, { joinToken, once = [] }: Uses): JoinRefusal | undefined {
	const again = once.find(({ value }) => shown.has(value))
	if (again !== undefined) return { reason: 'shown_before', value: again.value }
	if (joinToken !== undefined && !joinTokens.delete(joinToken)) return { reason: 'join_token_gone' }
	for (const { value } of once) shown.add(value)
	return undefined
}

/** The port's methods. `nowMs`: the clock. */
export const keyRingOf = (ring: FakeKeyRing, nowMs: () => number): object => ({
	issueWit: (request: WitRequest) => issue(ring, request, nowMs()),
	issueJwtSvid: (request: JwtSvidRequest) => issue(ring, request, nowMs()),
	admitJoin: () => ring.limit,
	once: (_subject: string, shown: ShownOnce) => (useUp(ring, { once: [shown] }) === undefined ? 'first' : 'again'),
	refused: (evidence: Omit<FakeKeyRing['refusals'][number], 'why'>, why: string) => {
		ring.refusals.push({ ...evidence, why })
	},
	findJoinToken: (hash: string) => ring.joinTokens.get(hash) ?? null,
	listJoinTokens: () => [],
	deleteJoinToken: () => false,
	info: () => info,
	rotate: () => ok([]),
	revoke: () => (ring.noRoom === undefined ? ok({ id: '1' }) : err(ring.noRoom)),
	lift: () => false,
	listRevocations: () => ({ items: [] }),
	events: () => ({ items: [] }),
	published: () => ring.published,
	revocationLists: () => [],
	listFetchedKeys: () => ring.listed,
	fetchedKeys: (name: string) => ring.fetched.get(name) ?? null,
	putFetchedKeys: (name: string, _kind: string, fetched: FetchedKeys) => {
		ring.fetched.set(name, fetched)
	},
})
