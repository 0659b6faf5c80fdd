/** Slow bodies: that they take their time, lose nothing, and end as their source does. Time is counted, never waited for. */
import { describe, expect, it } from 'vitest'
import { throttled } from '../../../src/filters/throttle.ts'
import { seeded } from '../../random.ts'

/** A clock that only waiting moves. `lateMs` says how much later than asked a wait ends. */
function fakeClock(lateMs: () => number = () => 0) {
	const clock = {
		now: 1_000,
		waits: [] as number[],
		wait: async (ms: number) => {
			clock.waits.push(ms)
			clock.now += ms + lateMs()
		},
	}
	return clock
}

function sourceOf(chunks: readonly Uint8Array[], end?: Error): ReadableStream<Uint8Array> {
	let next = 0
	return new ReadableStream<Uint8Array>({
		pull(controller) {
			if (next < chunks.length) controller.enqueue(chunks[next++]!)
			else if (end === undefined) controller.close()
			else controller.error(end)
		},
	})
}

const slow = (body: ReadableStream<Uint8Array>, rate: number, clock: ReturnType<typeof fakeClock>) =>
	throttled(body, rate, clock.wait, () => clock.now)

/** Lets everything happen that waits for nothing. */
const idle = () => new Promise<void>((resolve) => setImmediate(resolve))

/** What arrives, and when. */
async function arrivals(body: ReadableStream<Uint8Array>, clock: ReturnType<typeof fakeClock>) {
	const seen: { at: number; bytes: Uint8Array }[] = []
	for (const reader = body.getReader(); ; ) {
		const { done, value } = await reader.read()
		if (done) return seen
		seen.push({ at: clock.now, bytes: value })
	}
}

/** Chunks whose bytes count on, so that none can be lost, doubled or moved unseen. */
function randomChunks(random: () => number): Uint8Array[] {
	let count = 0
	const largest = 10 ** (1 + Math.floor(random() * 4))
	return Array.from({ length: Math.floor(random() * 20) }, () =>
		Uint8Array.from({ length: Math.floor(random() * largest) }, () => count++ % 251),
	)
}

describe('a throttled body', () => {
	it('arrives whole and in order, in bytes/rate within one slice, whatever the chunks', async () => {
		for (let seed = 1; seed <= 200; seed++) {
			const random = seeded(seed)
			const clock = fakeClock()
			const chunks = randomChunks(random)
			const total = chunks.reduce((sum, { length }) => sum + length, 0)
			const rate = 10 + Math.floor((total + 100) / (0.05 + random() * 30))
			const start = clock.now
			const seen = await arrivals(slow(sourceOf(chunks), rate, clock), clock)
			const tookMs = (seen.at(-1)?.at ?? start) - start
			const where = `seed ${seed}: ${total} bytes at ${rate}/s took ${tookMs} ms`
			expect(Buffer.concat(seen.map(({ bytes }) => bytes)).equals(Buffer.concat(chunks)), where).toBe(true)
			expect(Math.abs(tookMs - (total * 1_000) / rate), where).toBeLessThanOrEqual(101)
			for (const { bytes } of seen) expect(bytes.length, where).toBeLessThanOrEqual(Math.max(1, rate / 10))
		}
	})

	it('is never ahead of its rate by more than two slices, however late timers are', async () => {
		for (let seed = 1; seed <= 50; seed++) {
			const random = seeded(seed)
			const clock = fakeClock(() => (random() < 0.2 ? Math.floor(random() * 2_000) : 0))
			const seen = await arrivals(slow(sourceOf([new Uint8Array(20_000)]), 10_000, clock), clock)
			for (let from = 0; from < seen.length; from++) {
				let bytes = 0
				for (let to = from; to < seen.length; to++) {
					bytes += seen[to]!.bytes.length
					const allowed = ((seen[to]!.at - seen[from]!.at) / 1_000) * 10_000 + 2_000
					expect(bytes, `seed ${seed}: from ${from} to ${to}`).toBeLessThanOrEqual(allowed + 1)
				}
			}
		}
	})

	it('of single bytes makes up for timers that are a little late', async () => {
		const clock = fakeClock(() => 5)
		const chunks = Array.from({ length: 1_000 }, () => new Uint8Array(1))
		const start = clock.now
		await arrivals(slow(sourceOf(chunks), 1_000, clock), clock)
		expect(clock.now - start).toBeLessThan(1_010)
	})

	it('sends its first slice at once, and reads no further than it sends', async () => {
		const clock = fakeClock()
		let pulled = 0
		const source = new ReadableStream<Uint8Array>(
			{
				pull(controller) {
					pulled++
					controller.enqueue(new Uint8Array(100))
				},
			},
			{ highWaterMark: 0 },
		)
		const reader = slow(source, 1_000, clock).getReader()
		await idle()
		expect(pulled).toBe(0)
		expect((await reader.read()).value).toHaveLength(100)
		await idle()
		expect([clock.waits, pulled]).toEqual([[], 1])
		await reader.read()
		expect([clock.waits, pulled]).toEqual([[100], 2])
	})

	it('of less than ten bytes a second sends byte by byte', async () => {
		const clock = fakeClock()
		const seen = await arrivals(slow(sourceOf([Uint8Array.of(1, 2, 3)]), 2, clock), clock)
		expect(seen.map(({ at, bytes }) => [at - 1_000, ...bytes])).toEqual([
			[0, 1],
			[500, 2],
			[1_000, 3],
		])
	})

	it('goes on when the clock is set back', async () => {
		const clock = fakeClock()
		const reader = slow(sourceOf([new Uint8Array(300)]), 1_000, clock).getReader()
		await reader.read()
		clock.now -= 3_600_000
		await reader.read()
		expect(clock.waits).toEqual([100])
	})

	it('fails as its source fails, after what came before', async () => {
		const clock = fakeClock()
		const failure = new Error('connection lost')
		const reader = slow(sourceOf([Uint8Array.of(1)], failure), 1_000, clock).getReader()
		expect((await reader.read()).value).toEqual(Uint8Array.of(1))
		await expect(reader.read()).rejects.toBe(failure)
	})

	it('without bytes ends at once', async () => {
		const clock = fakeClock()
		expect(await arrivals(slow(sourceOf([new Uint8Array(0)]), 1_000, clock), clock)).toEqual([])
		expect(clock.waits).toEqual([])
	})
})

describe('to cancel a throttled body', () => {
	it('cancels its source, for the same reason', async () => {
		const clock = fakeClock()
		let reason: unknown
		const source = new ReadableStream<Uint8Array>({
			cancel(why) {
				reason = why
			},
		})
		await slow(source, 1_000, clock).cancel('gone')
		expect(reason).toBe('gone')
	})

	it('while it waits ends it quietly', async () => {
		let wake = () => {}
		let cancelled = false
		const source = new ReadableStream<Uint8Array>({
			pull: (controller) => controller.enqueue(new Uint8Array(100)),
			cancel() {
				cancelled = true
			},
		})
		const wait = () =>
			new Promise<void>((resolve) => {
				wake = resolve
			})
		const reader = throttled(source, 1_000, wait, () => 0).getReader()
		await reader.read()
		const next = reader.read()
		await idle()
		await reader.cancel()
		wake()
		expect(await next).toEqual({ done: true, value: undefined })
		expect(cancelled).toBe(true)
	})
})
