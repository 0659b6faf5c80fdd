/** A body is read to its bound, and not a chunk further than it takes to know that there is more. */
import { describe, expect, it } from 'vitest'
import { readBytes } from '../../src/boundedBody.ts'

/** Chunks of these lengths, their bytes counted up from 0; says how many were taken, and whether the rest was cancelled. */
function chunked(...lengths: number[]) {
	const state = { taken: 0, isCancelled: false }
	let next = 0
	const body = new ReadableStream<Uint8Array>(
		{
			pull(controller) {
				const length = lengths[state.taken]
				if (length === undefined) return controller.close()
				state.taken++
				controller.enqueue(Uint8Array.from({ length }, () => next++))
			},
			cancel() {
				state.isCancelled = true
			},
		},
		{ highWaterMark: 0 },
	)
	return { state, response: new Response(body) }
}

describe('a body', () => {
	it('is what its chunks are together, empty ones among them', async () => {
		const { response } = chunked(3, 0, 1, 4)
		expect(await readBytes(response, 8)).toEqual(Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7))
	})

	it('of one byte more is none, and the rest of it is not asked for', async () => {
		const { state, response } = chunked(4, 5, 1_000, 1_000)
		expect(await readBytes(response, 8)).toBeUndefined()
		expect(state).toEqual({ taken: 2, isCancelled: true })
	})

	it('that is not there has no bytes', async () => {
		expect(await readBytes(new Response(null), 0)).toEqual(new Uint8Array())
		expect(await readBytes(new Request('https://a.test'), 0)).toEqual(new Uint8Array())
	})

	it('that breaks off is an error, not the half of it', async () => {
		const body = new ReadableStream({
			start(controller) {
				controller.enqueue(Uint8Array.of(1))
				controller.error(new Error('connection lost'))
			},
		})
		await expect(readBytes(new Response(body), 8)).rejects.toThrow('connection lost')
	})
})
