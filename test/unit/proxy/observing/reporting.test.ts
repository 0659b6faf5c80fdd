/** Reports on their way to the region's store: beside the path, in order, each until it has arrived. */
import { describe, expect, it } from 'vitest'
import type { Report, ReportAnswer } from '../../../../src/ports.ts'
import { REPORT_INTERVAL_MS, reporter } from '../../../../src/proxy/observing/reporting.ts'

const T0 = 1_700_000_000_000

/** A reporter whose intervals end when told, with one report to take for each request that was noted. */
function reporting() {
	const waits: { ms: number; end: () => void }[] = []
	const delivered: number[] = []
	const learnt: (ReportAnswer | undefined)[] = []
	let taken = 0
	let pending: Promise<unknown>[] = []
	const store = {
		send: async (_: Report): Promise<ReportAnswer | undefined> => ({ ejections: [] }),
		nothing: false,
		/** How long into an interval something becomes urgent. */
		urgentAfterMs: Number.POSITIVE_INFINITY,
	}
	const noteRequest = reporter({
		take: () => (store.nothing ? undefined : ({ batch: ++taken } as Report)),
		send: async (report) => {
			const answer = await store.send(report)
			delivered.push(report.batch)
			return answer
		},
		learn: (answer) => learnt.push(answer),
		isUrgent: (waitedMs) => waitedMs >= store.urgentAfterMs,
		wait: (ms) => new Promise((resolve) => waits.push({ ms, end: resolve })),
	})
	const secondPasses = async () => {
		const [waiting, before] = [waits.at(-1)!, waits.length]
		waiting.end()
		await Promise.race([Promise.all(pending), new Promise(setImmediate)])
		return waits.length > before
	}
	return {
		waits,
		delivered,
		learnt,
		store,
		request: (now: number) => noteRequest(now, { waitUntil: (work) => pending.push(work) }),
		/** How many seconds it took. */
		async intervalEnds() {
			let seconds = 1
			while (await secondPasses()) seconds++
			pending = []
			return seconds
		},
	}
}

describe('a report', () => {
	it('is sent one interval after the first request, however many there are', async () => {
		const { request, intervalEnds, waits, delivered } = reporting()
		for (let i = 0; i < 1_000; i++) request(T0 + i)
		expect(waits.length).toBe(1)
		await intervalEnds()
		expect(waits.reduce((sum, { ms }) => sum + ms, 0)).toBe(REPORT_INTERVAL_MS)
		expect(delivered).toEqual([1])
		request(T0 + 6_000)
		expect(waits.length).toBe(6)
	})

	it('is not sent when nothing was counted', async () => {
		const { request, intervalEnds, store, delivered } = reporting()
		store.nothing = true
		request(T0)
		await intervalEnds()
		expect(delivered).toEqual([])
	})

	it('that fails is sent again with its number, before the next', async () => {
		const { request, intervalEnds, store, delivered } = reporting()
		let failures = 2
		const tried: number[] = []
		store.send = async ({ batch }) => {
			tried.push(batch)
			if (failures-- > 0) throw new Error('unreachable')
			return undefined
		}
		for (let i = 0; i < 3; i++) {
			request(T0 + i * 6_000)
			await intervalEnds()
		}
		expect([tried, delivered]).toEqual([
			[1, 1, 1, 2],
			[1, 2],
		])
	})

	it('that the store refuses as malformed is given up, so that later ones get through', async () => {
		const { request, intervalEnds, store, delivered } = reporting()
		store.send = async ({ batch }) => {
			if (batch === 1) throw new TypeError('malformed')
			return undefined
		}
		for (let i = 0; i < 2; i++) {
			request(T0 + i * 6_000)
			await intervalEnds()
		}
		expect(delivered).toEqual([2])
	})

	it('whose request was cancelled does not silence the isolate: it is sent again after 15 s', async () => {
		const { request, intervalEnds, store, delivered, waits } = reporting()
		store.send = () => new Promise(() => {})
		request(T0)
		await intervalEnds()
		store.send = async () => undefined
		request(T0 + 14_999)
		expect(waits.length).toBe(5)
		request(T0 + 15_000)
		await intervalEnds()
		expect(delivered).toEqual([1, 2])
	})
})

describe('what cannot wait', () => {
	it.each([
		['at once', 0, 1],
		['after two seconds', 2_000, 2],
		['later than the interval lasts', 6_000, 5],
	])('%s is reported so many seconds after the request, one at least', async (_, urgentAfterMs, seconds) => {
		const { request, intervalEnds, store, delivered } = reporting()
		store.urgentAfterMs = urgentAfterMs
		request(T0)
		expect(await intervalEnds()).toBe(seconds)
		expect(delivered).toEqual([1])
	})

	it('waits all the same for a store that did not take the last report', async () => {
		const { request, intervalEnds, store, delivered } = reporting()
		store.urgentAfterMs = 0
		store.send = async () => {
			throw new Error('overloaded')
		}
		request(T0)
		expect(await intervalEnds()).toBe(1)
		store.send = async () => undefined
		request(T0 + 1_000)
		expect(await intervalEnds()).toBe(5)
		expect(delivered).toEqual([1, 2])
		request(T0 + 6_000)
		expect(await intervalEnds()).toBe(1)
	})
})

describe('the answer to a report', () => {
	it('is learnt, once for each that was answered, also after a second try', async () => {
		const { request, intervalEnds, store, learnt } = reporting()
		const answerTo = (batch: number) => ({ ejections: [{ service: 'd/a', id: 'web1', until: T0 + batch }] })
		let failures = 1
		store.send = async ({ batch }) => {
			if (batch === 2 && failures-- > 0) throw new Error('unreachable')
			return answerTo(batch)
		}
		for (let i = 0; i < 3; i++) {
			request(T0 + i * 6_000)
			await intervalEnds()
		}
		expect(learnt).toEqual([1, 2, 3].map(answerTo))
	})
})
