/** Reports on their way to the region's store: beside the path, in order, each until it has arrived. */
import { describe, expect, it } from 'vitest'
import type { Report } from '../../../src/ports.ts'
import { REPORT_INTERVAL_MS, reporter } from '../../../src/proxy/reporting.ts'

const T0 = 1_700_000_000_000

/** A reporter whose intervals end when told, with one report to take for each request that was noted. */
function reporting() {
	const waits: { ms: number; end: () => void }[] = []
	const delivered: number[] = []
	let taken = 0
	let pending: Promise<unknown>[] = []
	const store = { send: async (_: Report): Promise<void> => {}, nothing: false }
	const noteRequest = reporter({
		take: () => (store.nothing ? undefined : ({ batch: ++taken } as Report)),
		send: async (report) => {
			await store.send(report)
			delivered.push(report.batch)
		},
		wait: (ms) => new Promise((resolve) => waits.push({ ms, end: resolve })),
	})
	return {
		waits,
		delivered,
		store,
		request: (now: number) => noteRequest(now, { waitUntil: (work) => pending.push(work) }),
		async intervalEnds() {
			waits.at(-1)!.end()
			await Promise.race([Promise.all(pending), new Promise(setImmediate)])
			pending = []
		},
	}
}

describe('a report', () => {
	it('is sent one interval after the first request, however many there are', async () => {
		const { request, intervalEnds, waits, delivered } = reporting()
		for (let i = 0; i < 1_000; i++) request(T0 + i)
		expect(waits.map(({ ms }) => ms)).toEqual([REPORT_INTERVAL_MS])
		await intervalEnds()
		expect(delivered).toEqual([1])
		request(T0 + 6_000)
		expect(waits.length).toBe(2)
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
		store.send = async () => {}
		request(T0 + 14_999)
		expect(waits.length).toBe(1)
		request(T0 + 15_000)
		await intervalEnds()
		expect(delivered).toEqual([1, 2])
	})
})
