/** Sends a request to an endpoint, for as long as its rule allows. */

/** Compressed bodies stay as they are, whoever looks at them (`encodeBody` where responses are made says the same). */
const UNTOUCHED = { redirect: 'manual', encodeResponseBody: 'manual' } as const

/** Follows no redirects. After `timeoutMs` it rejects with a TimeoutError, or breaks off the body that it has begun to bring. */
export async function send(request: Request, timeoutMs?: number): Promise<Response> {
	if (timeoutMs === undefined) return fetch(request, UNTOUCHED)
	const signal = AbortSignal.timeout(timeoutMs)
	const response = await fetch(request, { ...UNTOUCHED, signal })
	return response.body === null ? response : withBodyUntil(signal, response, response.body)
}

/**
 * The runtime pumps a body that nobody touches past us, and then no signal stops it. Piping it through keeps the pump native and
 * lets the signal stop it. A stream of known length keeps its Content-Length.
 */
function withBodyUntil(signal: AbortSignal, response: Response, body: ReadableStream): Response {
	const { status, statusText, headers } = response
	const length = headers.get('content-length')
	const through = length === null ? new IdentityTransformStream() : new FixedLengthStream(Number(length))
	// Its failure is the reader's to see: the body ends early.
	body.pipeTo(through.writable, { signal }).catch(() => {})
	return new Response(through.readable, { status, statusText, headers, encodeBody: 'manual' })
}
