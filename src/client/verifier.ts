/** Who calls, as the mesh vouches for it: the caller assertion of a request, verified with the keys of the mesh. */
import { verifyAssertion } from '../identity/assertion.ts'
import type { ProofError } from '../identity/proven.ts'
import { parseSpiffeId, workloadOf } from '../identity/spiffeId.ts'
import { err, ok, type Result } from '../result.ts'
import type { PeerMethod } from '../snapshot/peerAuthentication.ts'
import { type Address, addressOf } from './address.ts'
import { type Timed, timed } from './clock.ts'
import { createKeySet, type KeySet } from './keySet.ts'
import { asMeshError, isMeshError, type MeshError, quietly } from './meshError.ts'
import { type Platform, runtimeOf } from './runtime.ts'
import { TOKEN_PATH } from './tokenEndpoint.ts'

export interface Caller {
	/** E.g. `spiffe://mesh.example.com/ns/default/sa/orders`. */
	readonly spiffeId: string
	readonly trustDomain: string
	/** Of a workload of this mesh; absent for those of other trust domains. */
	readonly namespace?: string
	readonly workload?: string
	/** How it proved itself to the mesh. */
	readonly method: PeerMethod
}

export interface CallerRefusal {
	/** `keys_unavailable`: nobody can tell now. `invalid_caller`: the assertion is not the mesh's, not for this service, or too old. */
	readonly reason: 'invalid_caller' | 'keys_unavailable'
	/** Nothing of what was sent is in it. */
	readonly detail: string
}

/** Of the fetch API, or of Node's `http`. */
export interface IncomingRequest {
	readonly headers:
		| { get(name: string): string | null }
		| Readonly<Record<string, string | readonly string[] | undefined>>
}

/** Undefined: the mesh does not know who calls, or the request did not come through it. */
export type VerifyCaller = (request: IncomingRequest) => Promise<Result<Caller | undefined, CallerRefusal>>

export interface VerifierOptions extends Platform {
	/** The admin API: `https://admin.<mesh domain>`. */
	readonly mesh: string | URL
	/** The mesh domain, where the admin API has another name. */
	readonly domain?: string
	/** The origins of this service as its callers know it, e.g. `https://orders.mesh.example.com`. */
	readonly audience: string | readonly string[]
	/** Of the assertions; the admin API's origin unless the mesh says otherwise. */
	readonly issuer?: string
	/** Where the mesh's keys are; by default `/.well-known/jwks.json` of the admin API. */
	readonly jwksUrl?: string
	readonly onError?: (error: MeshError) => void
}

/** For a service that takes part in the mesh only by being called: it needs no identity of its own. */
export function createVerifier(options: VerifierOptions): { readonly verifyCaller: VerifyCaller } {
	const address = addressOf(options.mesh, options.domain)
	const audiences = [options.audience].flat()
	const runtime = timed(runtimeOf(options), address.admin + TOKEN_PATH)
	return { verifyCaller: createVerifyCaller({ ...options, address, audiences, runtime }) }
}

interface Verifying extends Pick<VerifierOptions, 'issuer' | 'jwksUrl' | 'onError'> {
	readonly runtime: Timed
	readonly address: Address
	readonly audiences: readonly string[]
}

/** An assertion comes with every request of its caller for minutes: it is verified once. */
interface Verified {
	readonly caller: Caller
	/** As the mesh counts: ms since the epoch. */
	readonly expiresAt: number
	/** Of the keys. */
	readonly version: number
}
const MAX_VERIFIED = 1_000

export function createVerifyCaller(verifying: Verifying): VerifyCaller {
	const { runtime, address, jwksUrl } = verifying
	const url = jwksUrl ?? `${address.admin}/.well-known/jwks.json`
	const keys = createKeySet({ runtime, url, onError: quietly(verifying.onError) })
	const verified = new Map<string, Verified>()
	return async (request) => {
		const assertion = readHeader(request, 'selvedge-caller')
		if (assertion === undefined) return ok(undefined)
		const known = verified.get(assertion)
		if (known !== undefined && runtime.clock.judgingNow() < known.expiresAt && known.version === keys.version())
			return ok(known.caller)
		verified.delete(assertion)
		const result = await verify(verifying, keys, assertion)
		if (!result.ok) return result
		if (verified.size >= MAX_VERIFIED) verified.clear()
		verified.set(assertion, result.value)
		return ok(result.value.caller)
	}
}

async function verify(
	{ runtime, address, audiences, issuer = address.admin }: Verifying,
	keys: KeySet,
	assertion: string,
): Promise<Result<Verified, CallerRefusal>> {
	try {
		const judge = () => verifyAssertion(assertion, keys.key, { issuer, audiences }, runtime.clock.judgingNow())
		const result = await inTime(runtime, judge)
		if (!result.ok) return err({ reason: 'invalid_caller', detail: `${result.error.code}: ${result.error.detail}` })
		const { spiffeId, method, expiresAt } = result.value
		const id = parseSpiffeId(spiffeId)!
		const own = workloadOf(id, address.domain)
		const caller: Caller = { spiffeId, trustDomain: id.trustDomain, ...own, method }
		return ok({ caller, expiresAt, version: keys.version() })
	} catch (error) {
		if (!isMeshError(error)) throw error
		return err({ reason: 'keys_unavailable', detail: asMeshError(error, 'fetching keys').message })
	}
}

/** Judged again when it seems to be of another time, and this machine's clock turns out to be wrong. */
async function inTime<T>(
	{ clock }: Timed,
	judge: () => Promise<Result<T, ProofError>>,
): Promise<Result<T, ProofError>> {
	const before = clock.aheadMs()
	const result = await judge()
	if (result.ok || (result.error.code !== 'expired' && result.error.code !== 'not_yet_valid')) return result
	await clock.ask()
	return clock.aheadMs() === before ? result : judge()
}

/** Several fields of the name make a value that no token is. */
function readHeader({ headers }: IncomingRequest, name: string): string | undefined {
	if (typeof headers.get === 'function') return headers.get(name) ?? undefined
	const value = (headers as Readonly<Record<string, string | readonly string[] | undefined>>)[name]
	return typeof value === 'object' ? value.join(',') : value
}
