/** The beginning of a request's body, for somebody who looks at it before the request is sent: all of it is still there afterwards. */

import type { Exchange } from '../exchange.ts'
import type { ProxyPorts } from '../ports.ts'
import type { Refusal } from '../refusal.ts'
import { type BodyBudget, giveBack, takeBytes } from '../sending/bodyBudget.ts'

interface Limits {
	/** What is looked at. */
	readonly bytes: number
	/** Longer bodies are refused. */
	readonly isWhole: boolean
	/** A client that sends slowly has no longer than this. */
	readonly timeoutMs: number
}

interface Beginning {
	/** At most so many as were asked for. */
	readonly bytes: Uint8Array<ArrayBuffer>
	/** To be called once, when nobody looks at them any more. */
	readonly giveBack: () => void
}

/** Undefined: there is no body. `no_room`: the isolate holds too much of others already. */
export async function beginningOf(
	{ request, method }: Exchange,
	{ bytes, isWhole, timeoutMs }: Limits,
	budget: BodyBudget,
	{ now, wait }: Pick<ProxyPorts, 'now' | 'wait'>,
): Promise<Beginning | Refusal | 'no_room' | undefined> {
	// The runtime lets nobody make a GET with a body.
	if (request.body === null || method === 'GET' || method === 'HEAD') return undefined
	const declared = Number(request.headers.get('content-length') ?? bytes)
	if (isWhole && declared > bytes) return { reason: 'content_too_large', limitBytes: bytes }
	const holding = takeBytes(budget, Math.min(declared, bytes), now())
	if (holding === undefined) return 'no_room'
	const release = () => giveBack(budget, holding)
	const aborted: Refusal = { reason: 'request_aborted' }
	const late: Refusal = { reason: 'request_timeout', limitMs: timeoutMs }
	const copy = request.clone().body!
	// One byte more tells whether there are more.
	const reading = firstBytes(copy, isWhole ? bytes + 1 : bytes).catch(() => aborted)
	const read = await Promise.race([reading, wait(timeoutMs).then(() => late)])
	if ('reason' in read || read.length > bytes) {
		release()
		return 'reason' in read ? read : { reason: 'content_too_large', limitBytes: bytes }
	}
	return { bytes: read, giveBack: release }
}

/** At most so many bytes. The rest of the stream is given up. Rejects when it breaks off before. */
export async function firstBytes(stream: ReadableStream<Uint8Array>, most: number): Promise<Uint8Array<ArrayBuffer>> {
	const reader = stream.getReader()
	const chunks: Uint8Array[] = []
	let length = 0
	while (length < most) {
		const { done, value } = await reader.read()
		if (done) return joined(chunks, length)
		chunks.push(value)
		length += value.length
	}
	// Of a body that was doubled, this settles only when its other half ends.
	reader.cancel().catch(() => {})
	return joined(chunks, most)
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
	const bytes = new Uint8Array(length)
	let at = 0
	for (const chunk of chunks) {
		bytes.set(chunk.subarray(0, length - at), at)
		at += chunk.length
	}
	return bytes
}
