/** Sends a request to an endpoint, for as long as its rule allows, and pipes its response. */
import type { PipedBody } from '../../src/proxy/ports.ts'

/** Compressed bodies stay as they are, whoever looks at them (`encodeBody` where responses are made says the same). */
const UNTOUCHED = { redirect: 'manual', encodeResponseBody: 'manual' } as const
/** Up to this declared length a body is awaited whole: that costs half of piping it, and one that does not come can be refused. */
const SMALL_BODY_BYTES = 65_536

/**
 * Follows no redirects. After `timeoutMs` it rejects with a TimeoutError; a response whose body has begun to stream by then is
 * broken off. `cancelled` aborts when another attempt has answered.
 */
export async function send(request: Request, timeoutMs?: number, cancelled?: AbortSignal): Promise<Response> {
	if (timeoutMs === undefined)
		return fetch(request, cancelled === undefined ? UNTOUCHED : { ...UNTOUCHED, signal: cancelled })
	if (request.headers.has('upgrade')) return connect(request, timeoutMs, cancelled)
	const timeout = AbortSignal.timeout(timeoutMs)
	const signal = cancelled === undefined ? timeout : AbortSignal.any([timeout, cancelled])
	const response = await fetch(request, { ...UNTOUCHED, signal })
	if (response.body === null) return response
	const length = response.headers.get('content-length')
	const isSmall = length !== null && Number(length) <= SMALL_BODY_BYTES
	return copyOf(response, isSmall ? await response.arrayBuffer() : pipe(response.body, length, signal).body)
}

/** A switched protocol outlives every timeout: a signal that aborted later would stop its frames. */
async function connect(request: Request, timeoutMs: number, cancelled: AbortSignal | undefined): Promise<Response> {
	const late = new AbortController()
	const answered = new AbortController()
	scheduler
		.wait(timeoutMs, { signal: answered.signal })
		.then(() => late.abort(new DOMException('the endpoint did not answer in time', 'TimeoutError')))
		.catch(() => {})
	const signal = cancelled === undefined ? late.signal : AbortSignal.any([late.signal, cancelled])
	try {
		return await fetch(request, { ...UNTOUCHED, signal })
	} finally {
		answered.abort()
	}
}

/**
 * The runtime pumps a body that nobody touches past us, and then no signal stops it, and nobody hears of its end. Piping it through
 * keeps the pump native. A stream of known length keeps its Content-Length.
 */
export function pipe(body: ReadableStream, length: string | null, signal: AbortSignal): PipedBody {
	const through = length === null ? new IdentityTransformStream() : new FixedLengthStream(Number(length))
	const piping = body.pipeTo(through.writable, { signal })
	// Its failure is the reader's to see: the body ends early.
	return { body: through.readable, ended: piping.catch(() => {}) }
}

function copyOf({ status, statusText, headers }: Response, body: ReadableStream | ArrayBuffer): Response {
	return new Response(body, { status, statusText, headers, encodeBody: 'manual' })
}
