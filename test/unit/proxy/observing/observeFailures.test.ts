/** What an observer makes of failures: whom it tells of, whom it asks about, and how soon. */
import { describe, expect, it } from 'vitest'
import { service } from '../knowledge/fakeReplica.ts'
import { NOW, observed } from './observed.ts'

/** A service with three endpoints. */
const web = service('d/web', { id: 'a' }, { id: 'b' }, { id: 'c' })

describe('a report', () => {
	it('asks about the services that may have ejections', () => {
		const { see, report, hold } = observed()
		hold({ ...web, ...service('d/single', { id: 'a' }), ...service('d/none') })
		see('r', 'd/single')
		expect(report(NOW)!.services).toEqual(['d/web'])
	})

	it('tells an ejection once, even if there is nothing else to tell', () => {
		const { report, hold, ejectOf } = observed()
		hold(web)
		const until = ejectOf('d/web', 'b')
		expect(report(NOW)).toMatchObject({ series: [], ejections: [{ service: 'd/web', id: 'b', until }] })
		expect(report(NOW)).toBe(undefined)
	})
})

describe('a report waits', () => {
	const failed = () => new Response(null, { status: 502 })
	/** After how many seconds of its interval a report is made. */
	const secondsUntil = (isUrgent: (waitedMs: number) => boolean) =>
		[1, 2, 3, 4].find((second) => isUrgent(second * 1_000)) ?? 5

	it('for its interval while nothing fails', () => {
		const { see, sending, isUrgent } = observed()
		see('r', 'd/web')
		// Refused by the mesh itself: nothing was sent.
		sending(0)
		see('r', '', new Response(null, { status: 503 }), { reason: 'no_endpoint', service: 'd/web' })
		expect(secondsUntil(isUrgent)).toBe(5)
	})

	it.each([
		['an attempt that failed', 1, failed],
		['an attempt that was repeated', 2, () => new Response()],
	])('no longer than a second after %s: the region may know more', (_, times, response) => {
		const { see, sending, isUrgent } = observed()
		sending(times)
		see('r', 'd/web', response())
		expect(secondsUntil(isUrgent)).toBe(1)
	})

	it('twice as long each time that the region knew no more, and a second again when it did, or all was well', () => {
		const { see, isUrgent, report, learn, hold } = observed()
		hold(web)
		const failAndReport = () => {
			see('r', 'd/web', failed())
			const seconds = secondsUntil(isUrgent)
			report(NOW)
			learn({ ejections: [] }, NOW)
			return seconds
		}
		expect(Array.from({ length: 5 }, failAndReport)).toEqual([1, 2, 4, 5, 5])
		learn({ ejections: [{ service: 'd/web', id: 'b', until: NOW + 30_000 }] }, NOW)
		expect([failAndReport(), failAndReport()]).toEqual([1, 2])
		see('r', 'd/web')
		report(NOW)
		expect(failAndReport()).toBe(1)
	})

	it('no longer than a second after an ejection, however often it asked in vain', () => {
		const { see, isUrgent, report, hold, ejectOf } = observed()
		hold(web)
		for (let i = 0; i < 4; i++) {
			see('r', 'd/web', failed())
			report(NOW)
		}
		see('r', 'd/web', failed())
		expect(secondsUntil(isUrgent)).toBe(5)
		ejectOf('d/web', 'b')
		expect(secondsUntil(isUrgent)).toBe(1)
	})
})
