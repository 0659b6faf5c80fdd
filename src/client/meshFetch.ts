/** `fetch` in the name of a workload: with its WIT and a proof, to hosts of the mesh and to nobody else. */
import { type Address, isOfMesh } from './address.ts'
import type { Timed } from './clock.ts'
import type { Credential } from './credential.ts'
import type { Keeper } from './keeper.ts'
import { type Bound, boundTokens, proofFor } from './proofs.ts'
import type { Runtime } from './runtime.ts'

/**
 * `each`: a proof is made for one request and its URL, as services want it unless a PeerAuthentication says `proofReuse: UntilExpiry`.
 * `reuse`: for an origin, shown for up to four minutes; it saves a signature here and a check there.
 */
export type Proofs = 'each' | 'reuse'

export interface MeshInit extends RequestInit {
	/** For the whole request. The mesh and each service behind it learn what is left of it (`Selvedge-Deadline`). */
	readonly timeoutMs?: number
}

export type MeshFetch = (input: string | URL | Request, init?: MeshInit) => Promise<Response>

export interface Sending {
	readonly runtime: Timed
	readonly keeper: Keeper<Credential>
	readonly address: Address
	/** Of the mesh, too, beside those below its domain: hosts of its Gateways. */
	readonly hosts: readonly string[]
	readonly proofs: Proofs
}

const LIFETIME_MS = 60_000
/** The mesh takes none that lives longer than five minutes. */
const REUSED_LIFETIME_MS = 270_000
const REUSE_MS = 240_000
const MAX_REUSED = 256
const MAX_REDIRECTS = 10

/** Proofs that are shown again, for whose WIT, and the time by which they were made. */
interface Reusable {
	credential?: Credential
	aheadMs?: number
	readonly proofs: Map<string, { readonly wpt: string; readonly until: number }>
}

export function createMeshFetch(sending: Sending): MeshFetch {
	const reusable: Reusable = { proofs: new Map() }
	return async (input, init = {}) => {
		const url = new URL(input instanceof Request ? input.url : input)
		const { timeoutMs, ...rest } = init
		const signal = signalOf(sending.runtime, input, init)
		const request = { ...rest, ...(signal === undefined ? {} : { signal }) }
		if (!isOfMesh(sending.address, url, sending.hosts)) return sending.runtime.send(input, request)
		const deadline = timeoutMs === undefined ? undefined : sending.runtime.now() + timeoutMs
		return follow({ sending, reusable, input, init: request, deadline }, url)
	}
}

interface Call {
	readonly sending: Sending
	readonly reusable: Reusable
	readonly input: string | URL | Request
	readonly init: RequestInit
	/** ms since the epoch. */
	readonly deadline: number | undefined
}

/**
 * Redirects are followed within one origin, by requests that only read, each with a proof of its own. All others are answered as they
 * came, status 3xx and Location: the platform would take the credentials along to wherever a redirect leads.
 */
async function follow(call: Call, first: URL): Promise<Response> {
	const { input, init } = call
	const asked = input instanceof Request ? input : undefined
	const method = (init.method ?? asked?.method ?? 'GET').toUpperCase()
	const redirect = init.redirect ?? asked?.redirect ?? 'follow'
	const isRepeatable = redirect === 'follow' && (method === 'GET' || method === 'HEAD')
	let url = first
	let response = await sendInTime(call, asked ?? url.href, url)
	for (let hop = 0; hop < MAX_REDIRECTS && isRepeatable; hop++) {
		const next = locationOf(response, url)
		if (next?.origin !== url.origin) break
		await response.body?.cancel()
		url = next
		response = await sendInTime({ ...call, init: { ...init, method } }, url.href, url)
	}
	if (redirect === 'error' && locationOf(response, url) !== undefined)
		throw new TypeError(`${url.origin} answered with a redirect, which this request does not want`)
	return response
}

const REDIRECTS = [301, 302, 303, 307, 308]

function locationOf(response: Response, base: URL): URL | undefined {
	const location = REDIRECTS.includes(response.status) ? response.headers.get('location') : null
	return location !== null && URL.canParse(location, base.href) ? new URL(location, base.href) : undefined
}

/** Once more when the mesh does not take the proof, and the clock that it was made by turns out to be wrong. No service saw it then. */
async function sendInTime(call: Call, to: string | Request, url: URL): Promise<Response> {
	const { runtime, keeper, address } = call.sending
	const before = runtime.clock.aheadMs()
	let response = await sendOnce(call, to, url)
	if (isUntimely(response, url.origin === address.admin)) {
		await runtime.clock.ask()
		if (runtime.clock.aheadMs() !== before && isRepeatable(to, call.init)) {
			await response.body?.cancel()
			response = await sendOnce(call, to, url)
		}
	}
	if (isUnbelieved(response)) keeper.doubt()
	return response
}

/** Perhaps: of a wrong proof the mesh says only in the body whether it is the time, and that is the caller's to read. */
const isUntimely = ({ status, headers }: Response, isOfAdmin: boolean): boolean =>
	status === 400 && (isOfAdmin || detailsOf(headers) === 'invalid_proof')

/** Streams can be read once. */
const isRepeatable = (to: string | Request, { body, method }: RequestInit): boolean =>
	body === undefined || body === null
		? !(to instanceof Request) || ['GET', 'HEAD'].includes((method ?? to.method).toUpperCase())
		: typeof body === 'string' ||
			body instanceof URLSearchParams ||
			body instanceof ArrayBuffer ||
			ArrayBuffer.isView(body) ||
			body instanceof Blob ||
			body instanceof FormData

async function sendOnce({ sending, reusable, input, init, deadline }: Call, to: string | Request, url: URL) {
	const { runtime, keeper } = sending
	const credential = await keeper.current()
	const headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : undefined))
	const bound = await boundTokens(headers)
	headers.set('workload-identity-token', credential.wit)
	headers.set('workload-proof-token', await proof(sending, reusable, credential, url, bound))
	if (deadline !== undefined) headers.set('selvedge-deadline', String(Math.max(0, Math.ceil(deadline - runtime.now()))))
	return runtime.send(to, { ...init, headers, redirect: 'manual' })
}

/** Refusals of the mesh itself that another WIT could change. */
const isUnbelieved = ({ status, headers }: Response): boolean =>
	(status === 400 || status === 401) && ['invalid_proof', 'credential_revoked'].includes(detailsOf(headers))

/** What the mesh itself says of a reply (RFC 9209); empty for replies of services. */
const detailsOf = (headers: Headers): string =>
	/(?:^|, *)selvedge;.*\bdetails="(\w+)"/.exec(headers.get('proxy-status') ?? '')?.[1] ?? ''

async function proof(
	{ runtime, proofs, address }: Sending,
	reusable: Reusable,
	credential: Credential,
	{ origin, pathname }: URL,
	bound: Bound,
): Promise<string> {
	// The control plane takes each proof once, whatever services do.
	if (proofs === 'each' || origin === address.admin)
		return proofFor(runtime, credential, { audience: origin + pathname, bound, lifetimeMs: LIFETIME_MS })
	const aheadMs = runtime.clock.aheadMs()
	if (reusable.credential !== credential || reusable.aheadMs !== aheadMs) reusable.proofs.clear()
	reusable.credential = credential
	reusable.aheadMs = aheadMs
	const key = `${origin} ${bound.ath ?? ''} ${bound.tth ?? ''}`
	const known = reusable.proofs.get(key)
	if (known !== undefined && runtime.now() < known.until) return known.wpt
	const until = runtime.now() + REUSE_MS
	const wpt = await proofFor(runtime, credential, { audience: origin, bound, lifetimeMs: REUSED_LIFETIME_MS })
	// Not in place of what came meanwhile: the credential, or the time, may be another one by now.
	if (reusable.credential === credential && reusable.aheadMs === aheadMs) {
		if (reusable.proofs.size >= MAX_REUSED) reusable.proofs.clear()
		reusable.proofs.set(key, { wpt, until })
	}
	return wpt
}

/** The caller's own, the timeout's, or whichever comes first. */
function signalOf(runtime: Runtime, input: string | URL | Request, { signal, timeoutMs }: MeshInit) {
	const own = signal ?? (input instanceof Request ? input.signal : undefined)
	if (timeoutMs === undefined) return own
	const overdue = new AbortController()
	runtime.later(() => overdue.abort(new DOMException(`no answer within ${timeoutMs} ms`, 'TimeoutError')), timeoutMs)
	return own === undefined ? overdue.signal : AbortSignal.any([own, overdue.signal])
}
