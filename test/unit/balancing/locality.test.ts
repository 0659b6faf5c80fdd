/** Locality: who stands in for whom, and for how much of the traffic. Shares and panic as in the tables of Envoy's documentation. */
import { describe, expect, it } from 'vitest'
import { drawLevel, levelLoads, levelsOf } from '../../../src/balancing/locality.ts'
import { seeded } from '../../random.ts'

const FACTOR = 1.4
const loads = (percents: readonly number[], panicShare = 0.5) =>
	levelLoads(
		percents.map((percent) => percent / 100),
		1 / FACTOR,
		panicShare,
	)
const sharesOf = (percents: readonly number[]) => loads(percents).map(({ share }) => 100 * share)

describe('levels', () => {
	const at = (...localities: (string | undefined)[]) =>
		localities.map((locality) => (locality === undefined ? {} : { locality }))
	it.each([
		['own region, failover in order, then others', ['apac', 'weur', 'eeur', 'enam', 'weur'], [[1, 4], [2], [3], [0]]],
		['no level where no endpoint is', ['apac', 'enam'], [[1], [0]]],
		['those that name none among the others', [undefined, 'weur', 'apac'], [[1], [0, 2]]],
		['one where none names any', [undefined, undefined], [[0, 1]]],
		['none without endpoints', [], []],
	])('are: %s', (_, localities, expected) => {
		expect(
			levelsOf(at(...localities), 'weur', { failover: ['eeur', 'enam'], others: 'last', overflowBelow: 0.7 }),
		).toEqual(expected)
	})

	it('leave out the others where those are never to be used', () => {
		const rules = { failover: ['eeur'], others: 'never', overflowBelow: 0.7 } as const
		expect(levelsOf(at('apac', undefined, 'eeur'), 'weur', rules)).toEqual([[2]])
		expect(levelsOf(at('apac'), 'weur', rules)).toEqual([])
	})

	it('have the own region first, even if it is said to stand in for itself', () => {
		const rules = { failover: ['eeur', 'weur'], others: 'last', overflowBelow: 0.7 } as const
		expect(levelsOf(at('weur', 'eeur'), 'weur', rules)).toEqual([[0], [1]])
	})
})

describe('the shares of levels', () => {
	it.each([
		// Two levels, the second one whole.
		[
			[100, 100],
			[100, 0],
		],
		[
			[72, 100],
			[100, 0],
		],
		[
			[71, 100],
			[99, 1],
		],
		[
			[50, 100],
			[70, 30],
		],
		[
			[25, 100],
			[35, 65],
		],
		[
			[0, 100],
			[0, 100],
		],
		// Two levels.
		[
			[72, 72],
			[100, 0],
		],
		[
			[71, 71],
			[99, 1],
		],
		[
			[50, 50],
			[70, 30],
		],
		[
			[25, 25],
			[50, 50],
		],
		[
			[5, 65],
			[7, 93],
		],
		// Three.
		[
			[100, 100, 100],
			[100, 0, 0],
		],
		[
			[72, 72, 100],
			[100, 0, 0],
		],
		[
			[71, 71, 100],
			[99, 1, 0],
		],
		[
			[50, 50, 100],
			[70, 30, 0],
		],
		[
			[25, 100, 100],
			[35, 65, 0],
		],
		[
			[25, 25, 100],
			[35, 35, 30],
		],
		[
			[25, 25, 20],
			[36, 36, 28],
		],
	])('with %j %% available are %j %%', (available, expected) => {
		// The documentation rounds to whole percents.
		for (const [level, share] of sharesOf(available).entries())
			expect(Math.abs(share - expected[level]!)).toBeLessThan(1)
	})

	it.each([
		[
			[72, 100],
			[false, false],
		],
		[
			[25, 100],
			[false, false],
		],
		[
			[0, 100],
			[false, false],
		],
		[
			[71, 71],
			[false, false],
		],
		[
			[25, 25],
			[true, true],
		],
		[
			[5, 65],
			[true, false],
		],
		[
			[0, 0],
			[true, true],
		],
		[[51], [false]],
		[[49], [true]],
	])('with %j %% available have panic %j', (available, expected) => {
		expect(loads(available).map(({ inPanic }) => inPanic)).toEqual(expected)
	})

	it('are all of the first level when nothing is available, and none where panic is turned off', () => {
		expect(sharesOf([0, 0])).toEqual([100, 0])
		expect(loads([0, 0], 0)).toEqual([
			{ share: 0, inPanic: false },
			{ share: 0, inPanic: false },
		])
		expect(loads([10, 10], 0).some(({ inPanic }) => inPanic)).toBe(false)
		expect(loads([])).toEqual([])
	})

	it('make up all of the traffic, and never give to a farther level what a nearer whole one could take', () => {
		for (let seed = 1; seed <= 2_000; seed++) {
			const random = seeded(seed)
			const available = Array.from({ length: 1 + Math.floor(random() * 5) }, () =>
				random() < 0.3 ? Math.round(random()) : random(),
			)
			const overflowBelow = 0.1 + 0.9 * random()
			const shares = levelLoads(available, overflowBelow, 0.5).map(({ share }) => share)
			expect(
				shares.reduce((sum, share) => sum + share, 0),
				`seed ${seed}`,
			).toBeCloseTo(1, 9)
			const whole = available.findIndex((share) => share >= overflowBelow)
			if (whole >= 0) for (const share of shares.slice(whole + 1)) expect(share, `seed ${seed}`).toBeLessThan(1e-9)
		}
	})
})

describe('the level of a request', () => {
	it.each([
		[[50, 100], 0, 0],
		[[50, 100], 0.699, 0],
		[[50, 100], 0.701, 1],
		[[0, 100], 0, 1],
		[[100, 100], 1 - 2 ** -53, 0],
		[[25, 25, 20], 1 - 2 ** -53, 2],
	])('with %j %% available and %d drawn is %i', (available, random, expected) => {
		expect(drawLevel(loads(available), random)).toBe(expected)
	})

	it('is none where none takes traffic', () => {
		expect(drawLevel(loads([0, 0], 0), 0.5)).toBeUndefined()
		expect(drawLevel([], 0.5)).toBeUndefined()
	})
})
