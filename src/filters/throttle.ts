/** A body that flows no faster than a fault lets it. */

/** The longest stretch of a body that goes out at once, and the longest that is made up for after a pause, in ms. */
const SLICE_MS = 100

/**
 * Passes `body` on at `bytesPerSecond` (> 0), in slices of at most 100 ms each (at least a byte), the first one at once. What the
 * reader or the source leaves unused is lost but for 100 ms, so that no pause is followed by a flood. `wait` resolves after
 * the ms it is given, `now` is in ms. Errors of the source pass on; to cancel cancels the source. The bytes counted are decoded
 * ones: the runtime takes the content coding off what is read, and puts it on again where the response names it.
 */
export function throttled(
	body: ReadableStream<Uint8Array>,
	bytesPerSecond: number,
	wait: (ms: number) => Promise<void>,
	now: () => number,
): ReadableStream<Uint8Array> {
	const reader = body.getReader()
	const sliceBytes = Math.max(1, Math.floor((bytesPerSecond * SLICE_MS) / 1_000))
	const msPerByte = 1_000 / bytesPerSecond
	let rest: Uint8Array = new Uint8Array(0)
	/** When the bytes sent so far are paid for (ITU-T I.371: the virtual scheduling algorithm). */
	let paidAt = now()
	let cancelled = false

	async function pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
		while (rest.length === 0) {
			const { done, value } = await reader.read()
			if (cancelled) return
			if (done) return controller.close()
			rest = value
		}
		const arrivedAt = now()
		// Never further ahead than a slice costs: a clock that is set back must not stop the body.
		paidAt = Math.min(paidAt, arrivedAt + sliceBytes * msPerByte)
		if (paidAt > arrivedAt) await wait(Math.ceil(paidAt - arrivedAt))
		if (cancelled) return
		const slice = rest.subarray(0, sliceBytes)
		rest = rest.subarray(slice.length)
		paidAt = Math.max(paidAt, now() - SLICE_MS) + slice.length * msPerByte
		controller.enqueue(slice)
	}

	return new ReadableStream<Uint8Array>(
		{
			pull,
			cancel(reason) {
				cancelled = true
				return reader.cancel(reason)
			},
		},
		{ highWaterMark: 0 },
	)
}
