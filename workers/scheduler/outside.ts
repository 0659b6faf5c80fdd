/** Keys of others, kept fresh beside every path: those of issuers of workloads' and of users' tokens, and the bundles of other trust domains. */
import { keysName } from '../../src/joining/issuerDocuments.ts'
import { MAX_BUNDLE_BYTES } from '../../src/keys/federatedBundle.ts'
import { dueSources, type Source } from '../../src/keys/refresh.ts'
import { usersRow } from '../../src/keys/userIssuers.ts'
import { type Fetch, fetchDocument } from '../../src/outside/fetchDocument.ts'
import { fetchIssuerKeys } from '../../src/outside/issuerKeys.ts'
import type { FetchedInfo, IssuerSource, KeyRingPort, PolicyStorePort, StoredResource } from '../../src/ports.ts'
import { durationMs } from '../../src/resources/duration.ts'
import type { EndpointPolicy } from '../../src/resources/endpointUrl.ts'
import type { FederatedTrustDomain } from '../../src/resources/federatedTrustDomain.ts'
import { checkKeysUrl } from '../../src/resources/identityUrl.ts'
import type { RequestAuthentication } from '../../src/resources/requestAuthentication.ts'
import type { WorkloadTrust } from '../../src/resources/workloadTrust.ts'
import { err, ok, type Result } from '../../src/result.ts'
import { within } from './within.ts'

type Ring = Pick<KeyRingPort, 'listFetchedKeys' | 'putFetchedKeys' | 'keepFetchedKeys'>

export interface OutsideEnv {
	readonly POLICY_STORE: { getByName(name: string): Pick<PolicyStorePort, 'list'> }
	readonly KEY_RING: { getByName(name: string): Ring }
	readonly MESH_DOMAIN: string
	readonly ENDPOINT_ADDRESSES?: string
}

/** One line of the log: what went wrong, and with whose keys if with some. */
export interface KeysRefreshFailure {
	readonly event: 'keys_refresh_failed'
	readonly name?: string
	readonly error: string
}

/** The world outside, and its clock. */
export interface Outside {
	readonly fetch: Fetch
	/** ms since the epoch. */
	now(): number
}

interface Answer {
	readonly url: string
	readonly body: string
}

interface Wanted extends Source {
	readonly kind: FetchedInfo['kind']
	get(fetch: Fetch, policy: EndpointPolicy): Promise<Result<Answer, string>>
	/** What a failure is noted under, where nothing is known yet. */
	readonly firstUrl: string
}

/** With what else this invocation asks at once, not more than the six connections that may wait: a queue would eat the time limits. */
const CONCURRENCY = 4
/** What is not begun by then is the first to be tried in the next minute. */
const BEGIN_MS = 40_000
/** Each costs up to three subrequests, of which one invocation has 10,000, for the watchdog too. */
const MAX_PER_MINUTE = 200
const CALL_TIMEOUT_MS = 20_000
const PAGE_SIZE = 500
const MAX_TRUST_DOMAINS = 64
/** Of users' tokens: as many as the ring publishes. */
const MAX_USER_ISSUERS = 256
/** A key that an issuer takes back is believed for so long. New ones are fetched when they are first needed. */
const ISSUER_INTERVAL_MS = 600_000

/** Never throws: each failure is logged and noted by the ring, and the rest goes on. */
export async function refreshOutside(
	env: OutsideEnv,
	outside: Outside,
	log: (failure: KeysRefreshFailure) => void,
): Promise<void> {
	const ring = () => env.KEY_RING.getByName('mesh')
	const fail = (error: unknown, name?: string) =>
		log({ event: 'keys_refresh_failed', ...(name !== undefined && { name }), error: String(error) })
	try {
		const begunAt = outside.now()
		const wanted = await wantedNow(env, fail)
		const known = await within(CALL_TIMEOUT_MS, ring().listFetchedKeys())
		const names = new Set(wanted.map(({ name }) => name))
		if (known.some(({ name }) => !names.has(name))) await within(CALL_TIMEOUT_MS, ring().keepFetchedKeys([...names]))
		const due = dueSources(wanted, known, begunAt).slice(0, MAX_PER_MINUTE)
		const queue = due.values()
		const lane = async () => {
			for (const source of queue) {
				if (outside.now() - begunAt > BEGIN_MS) return
				await refresh(source, known, env, outside).catch((error) => fail(error, source.name))
			}
		}
		await Promise.all(Array.from({ length: CONCURRENCY }, lane))
		if (due.length > 0) await report(ring(), due, begunAt, fail)
	} catch (error) {
		fail(error)
	}
}

async function refresh(source: Wanted, known: readonly FetchedInfo[], env: OutsideEnv, outside: Outside) {
	const { name, kind, firstUrl } = source
	const policy: EndpointPolicy = {
		addresses: env.ENDPOINT_ADDRESSES === 'any' ? 'any' : 'names',
		meshDomain: env.MESH_DOMAIN,
	}
	const got = await source.get(outside.fetch, policy)
	const url = source.url ?? known.find((info) => info.name === name)?.url ?? firstUrl
	const fetched = got.ok ? got.value : { url, body: '', failure: got.error }
	const put = env.KEY_RING.getByName('mesh').putFetchedKeys(name, kind, { ...fetched, fetchedAt: outside.now() })
	await within(CALL_TIMEOUT_MS, put)
}

/** The ring has the last word on what may be taken. */
async function report(
	ring: Ring,
	due: readonly Wanted[],
	begunAt: number,
	fail: (error: unknown, name: string) => void,
): Promise<void> {
	const names = new Set(due.map(({ name }) => name))
	for (const { name, failure, triedAt } of await within(CALL_TIMEOUT_MS, ring.listFetchedKeys()))
		if (failure !== undefined && triedAt >= begunAt && names.has(name)) fail(failure, name)
}

// === what is wanted ===

async function wantedNow(env: OutsideEnv, fail: (error: unknown, name: string) => void): Promise<readonly Wanted[]> {
	const kinds = ['WorkloadTrust', 'FederatedTrustDomain', 'RequestAuthentication']
	const [trusts, domains, users] = await Promise.all(kinds.map((kind) => listAll(env, kind)))
	const accepted = domains!.filter(isAccepted).map(({ resource, ...stored }) => ({
		...stored,
		...bundleOf(resource as FederatedTrustDomain),
	}))
	const bundles = oldest(accepted, MAX_TRUST_DOMAINS, 'of the trust domains that are federated', fail)
	const believed = users!.flatMap(({ resource, createdAt }) =>
		userIssuersOf(resource as RequestAuthentication).map((issuer) => ({ ...issuer, createdAt })),
	)
	const userIssuers = oldest(believed, MAX_USER_ISSUERS, "of the issuers of users' tokens", fail)
	const issuers = trusts!.flatMap(({ resource }) => issuerOf(resource as WorkloadTrust))
	return [...bundles, ...userIssuers, ...new Map(issuers.map((issuer) => [issuer.name, issuer])).values()]
}

/** Each name once, and no more of them than the mesh holds: the others are told. */
function oldest<W extends Wanted & { readonly createdAt: string }>(
	wanted: readonly W[],
	most: number,
	which: string,
	fail: (error: unknown, name: string) => void,
): readonly W[] {
	const first = new Map<string, W>()
	for (const one of wanted.toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : 1)))
		if (!first.has(one.name)) first.set(one.name, one)
	const all = [...first.values()]
	for (const { name } of all.slice(most)) fail(`${which}, the oldest ${most} are fetched`, name)
	return all.slice(0, most)
}

async function listAll(env: OutsideEnv, kind: string): Promise<StoredResource[]> {
	const all: StoredResource[] = []
	let after: string | undefined
	do {
		const options = { limit: PAGE_SIZE, ...(after === undefined ? {} : { after }) }
		const page = await within(CALL_TIMEOUT_MS, env.POLICY_STORE.getByName('mesh').list(kind, options))
		all.push(...page.items)
		after = page.next
	} while (after !== undefined)
	return all
}

const isAccepted = ({ status }: StoredResource): boolean =>
	status?.conditions?.some((condition) => condition.type === 'Accepted' && condition.status === 'True') === true

function bundleOf({ spec }: FederatedTrustDomain): Wanted {
	const { url } = spec.bundleEndpoint
	const intervalMs = durationMs(spec.refreshInterval ?? '')
	return {
		...{ name: spec.trustDomain, kind: 'trustDomain', url, firstUrl: url },
		...(intervalMs === undefined ? {} : { intervalMs }),
		// Redirects may be followed (SPIFFE Federation §5.2.1.4), and need not be (§7.5.1): who is believed is who was named.
		get: async (fetch, policy) => {
			const wrong = checkKeysUrl(url, policy)
			if (wrong !== undefined) return err(`the URL ${wrong}`)
			const body = await fetchDocument(fetch, url, MAX_BUNDLE_BYTES)
			return body.ok ? ok({ url, body: body.value }) : body
		},
	}
}

function issuerOf({ spec: { oidc } }: WorkloadTrust): Wanted[] {
	return oidc === undefined ? [] : [keysOf(oidc, 'issuer')]
}

/** Those whose keys are not written down. A rule of an issuer that nobody fetches refuses its tokens, and says so. */
function userIssuersOf({ spec }: RequestAuthentication): Wanted[] {
	return spec.jwtRules.filter(({ jwks }) => jwks === undefined).map((rule) => keysOf(rule, 'userIssuer'))
}

function keysOf({ issuer, jwksUri }: IssuerSource, kind: 'issuer' | 'userIssuer'): Wanted {
	const source = { issuer, ...(jwksUri === undefined ? {} : { jwksUri }) }
	const name = keysName(source)
	return {
		...{ kind, firstUrl: jwksUri ?? issuer, intervalMs: ISSUER_INTERVAL_MS },
		name: kind === 'issuer' ? name : usersRow.of(name),
		get: (fetch, policy) => fetchIssuerKeys(fetch, source, policy),
	}
}
