/** What a region makes of the ejections that its isolates tell: each once, bounded, and no isolate believed alone for much. */
import { describe, expect, it } from 'vitest'
import type { EndpointEjection } from '../../../src/ports.ts'
import { believed, current, type RegionEjections, takeIn } from '../../../src/telemetry/ejections.ts'
import { seeded } from '../../random.ts'

const NOW = 1_700_000_000_000
const UNTIL = NOW + 30_000
const DAY_MS = 24 * 3_600_000

const region = (): RegionEjections => new Map()
const of = (service: string, ...ids: readonly string[]): EndpointEjection[] =>
	ids.map((id) => ({ service, id, until: UNTIL }))
const idsOf = (told: readonly { id: string }[]) => told.map(({ id }) => id)

describe('an ejection', () => {
	it('is told to whoever asks about its service, until it is over', () => {
		const known = region()
		takeIn(known, 'a', [...of('d/web', 'e1'), ...of('d/shop', 'e1')], NOW)
		expect(believed(known, ['d/web', 'd/other'], NOW)).toEqual(of('d/web', 'e1'))
		expect(believed(known, ['d/web'], UNTIL - 1)).toHaveLength(1)
		expect(believed(known, ['d/web'], UNTIL)).toEqual([])
		expect(current(known, 'd/web', UNTIL - 1)).toEqual([{ id: 'e1', until: UNTIL }])
		expect(current(known, 'd/web', UNTIL)).toEqual([])
	})

	it('that several isolates find at a time is one, and ends as the first one said', () => {
		const known = region()
		const found = takeIn(known, 'a', of('d/web', 'e1'), NOW)
		const confirmed = takeIn(known, 'b', [{ service: 'd/web', id: 'e1', until: UNTIL + 60_000 }], NOW + 1_000)
		expect([found, confirmed].flat()).toMatchObject([
			{ isNew: true, isConfirmed: false, isolate: 'a', until: UNTIL },
			{ isNew: false, isConfirmed: true, isolate: 'a', until: UNTIL },
		])
		expect(takeIn(known, 'c', of('d/web', 'e1'), NOW + 2_000)).toEqual([])
	})

	it('is new again once it was over', () => {
		const known = region()
		takeIn(known, 'a', of('d/web', 'e1'), NOW)
		const again = takeIn(known, 'b', [{ service: 'd/web', id: 'e1', until: UNTIL + 60_000 }], UNTIL)
		expect(again).toMatchObject([{ isNew: true, isConfirmed: false, isolate: 'b', until: UNTIL + 60_000 }])
	})

	it.each([
		['that is over already', NOW],
		['until nobody knows when', Number.NaN],
	])('%s is none', (_, until) => {
		const known = region()
		expect(takeIn(known, 'a', [{ service: 'd/web', id: 'e1', until }], NOW)).toEqual([])
		expect(known.size).toBe(0)
	})

	it.each([Number.MAX_VALUE, Number.POSITIVE_INFINITY])('until %d lasts no longer than any policy says', (until) => {
		const known = region()
		takeIn(known, 'a', [{ service: 'd/web', id: 'e1', until }], NOW)
		expect(believed(known, ['d/web'], NOW + DAY_MS)).toHaveLength(1)
		expect(believed(known, ['d/web'], NOW + 1.2 * DAY_MS)).toEqual([])
	})
})

describe('an isolate alone', () => {
	it('is believed for two endpoints of each service', () => {
		const known = region()
		takeIn(known, 'broken', [...of('d/web', 'e1', 'e2', 'e3', 'e4'), ...of('d/shop', 'e1', 'e2', 'e3')], NOW)
		expect(idsOf(believed(known, ['d/web'], NOW))).toEqual(['e1', 'e2'])
		expect(idsOf(believed(known, ['d/shop'], NOW))).toEqual(['e1', 'e2'])
	})

	it('is believed for more as soon as another found the same', () => {
		const known = region()
		takeIn(known, 'a', of('d/web', 'e1', 'e2', 'e3', 'e4'), NOW)
		takeIn(known, 'a', of('d/web', 'e4'), NOW)
		expect(idsOf(believed(known, ['d/web'], NOW))).toEqual(['e1', 'e2'])
		takeIn(known, 'b', of('d/web', 'e4'), NOW)
		expect(idsOf(believed(known, ['d/web'], NOW))).toEqual(['e1', 'e2', 'e4'])
		takeIn(known, 'b', of('d/web', 'e1'), NOW)
		expect(idsOf(believed(known, ['d/web'], NOW))).toEqual(['e1', 'e2', 'e3', 'e4'])
	})

	it('takes nothing from the word of the others', () => {
		const known = region()
		takeIn(known, 'broken', of('d/web', 'e1', 'e2', 'e3'), NOW)
		takeIn(known, 'b', of('d/web', 'e5', 'e6'), NOW)
		expect(idsOf(believed(known, ['d/web'], NOW))).toEqual(['e1', 'e2', 'e5', 'e6'])
	})
})

describe('a region', () => {
	const many = (service: string, from: number, count: number) =>
		of(service, ...Array.from({ length: count }, (_, i) => `e${from + i}`))

	it('remembers 10,000 ejections, and takes others in when those are over', () => {
		const known = region()
		for (let i = 0; i < 15; i++) takeIn(known, 'a', many(`d/s${i}`, 0, 700), NOW)
		const held = (now: number) =>
			[...known.keys()].reduce((sum, service) => sum + current(known, service, now).length, 0)
		expect(held(NOW)).toBe(10_000)
		expect(takeIn(known, 'a', many('d/late', 0, 1), NOW)).toEqual([])
		expect(takeIn(known, 'a', [{ service: 'd/late', id: 'e0', until: UNTIL + 1 }], UNTIL)).toHaveLength(1)
		expect([...known.keys()]).toEqual(['d/late'])
	})

	it('answers 1,000 at most, and about a service once however often it is named', () => {
		const known = region()
		for (const isolate of ['a', 'b']) takeIn(known, isolate, many('d/web', 0, 1_500), NOW)
		expect(believed(known, ['d/web'], NOW)).toHaveLength(1_000)
		takeIn(known, 'a', of('d/shop', 'e1'), NOW)
		expect(believed(known, Array(1_000).fill('d/shop') as string[], NOW)).toHaveLength(1)
	})

	it.each([1, 2, 3])('never believes one isolate alone for more than two, whoever says what when (seed %d)', (seed) => {
		const random = seeded(seed)
		const known = region()
		const finders = new Map<string, Set<string>>()
		for (let now = NOW; now < NOW + 300_000; now += 1_000) {
			const isolate = `i${Math.floor(random() * 4)}`
			const told = Array.from({ length: Math.floor(random() * 4) }, () => ({
				service: 'd/web',
				id: `e${Math.floor(random() * 12)}`,
				until: now + random() * 60_000,
			}))
			for (const { id, isNew } of takeIn(known, isolate, told, now))
				finders.set(id, isNew ? new Set([isolate]) : finders.get(id)!.add(isolate))
			const alone = new Map<string, number>()
			for (const { id, until } of believed(known, ['d/web'], now)) {
				expect(until).toBeGreaterThan(now)
				const [finder, another] = [...finders.get(id)!]
				if (another === undefined) alone.set(finder!, (alone.get(finder!) ?? 0) + 1)
			}
			expect(Math.max(0, ...alone.values())).toBeLessThanOrEqual(2)
		}
	})
})
