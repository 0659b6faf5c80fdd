/** Weighted choice: each index is drawn for exactly its share of the random numbers. */
import { describe, expect, it } from 'vitest'
import { weightedChoice } from '../../../src/balancing/weighted.ts'
import { seeded } from '../../random.ts'

/** Within a column of the table, one index gives way to one other: the place is found by halving. */
function sharesOf(draw: (random: number) => number, n: number): number[] {
	const shares = new Array<number>(n).fill(0)
	for (let column = 0; column < n; column++) {
		const start = column / n + 1e-13
		const end = (column + 1) / n - 1e-13
		const first = draw(start)
		let low = start
		let high = end
		while (draw(end) !== first && high - low > 1e-15) {
			const middle = (low + high) / 2
			if (draw(middle) === first) low = middle
			else high = middle
		}
		const cut = draw(end) === first ? end : low
		shares[first]! += cut - start
		shares[draw(end)]! += end - cut
	}
	return shares
}

function randomWeights(random: () => number): number[] {
	const n = 1 + Math.floor(random() * 40)
	const scale = 10 ** Math.floor(random() * 7)
	const weight = () => (random() < 0.2 ? 0 : Math.floor(random() * scale))
	return [...Array.from({ length: n }, weight), 1].sort(() => random() - 0.5)
}

describe('weightedChoice', () => {
	it.each([
		[[1]],
		[[1, 1]],
		[[1, 2, 3]],
		[[90, 10]],
		[[0, 1, 0]],
		[[0, 0, 3, 1]],
		[[1_000_000, 1]],
		[[0.1, 0.2, 0.7]],
		[[1 / 3, 1 / 3, 1 / 3]],
	])('draws each of %j for its share', (weights) => {
		expectShares(weights)
	})

	it('draws each of random weights for its share, and one of weight 0 never', () => {
		for (let seed = 1; seed <= 500; seed++) expectShares(randomWeights(seeded(seed)), `seed ${seed}`)
	})

	function expectShares(weights: readonly number[], message = ''): void {
		const draw = weightedChoice(weights)!
		const total = weights.reduce((sum, weight) => sum + weight, 0)
		sharesOf(draw, weights.length).forEach((share, i) => {
			const where = `${message} index ${i} of ${weights}`
			expect(Math.abs(share - weights[i]! / total), where).toBeLessThan(1e-9)
		})
		const drawn = new Set(Array.from({ length: 1_000 }, (_, step) => draw(step / 1_000)))
		expect(
			[...drawn].filter((i) => weights[i] === 0),
			message,
		).toEqual([])
	}

	it('keeps to the indexes at both ends of the random numbers', () => {
		for (const weights of [
			[1, 0],
			[0, 1],
			[2, 3, 5, 0],
			[1, 1e-9, 0],
		]) {
			const draw = weightedChoice(weights)!
			for (const random of [0, Number.MIN_VALUE, 1 - 2 ** -53]) expect(weights[draw(random)]).toBeGreaterThan(0)
		}
	})

	it.each([[[]], [[0]], [[0, 0, 0]]])('has nothing to draw from %j', (weights) => {
		expect(weightedChoice(weights)).toBeUndefined()
	})
})
