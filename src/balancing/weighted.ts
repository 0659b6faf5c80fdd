/**
 * Weighted choice in constant time, whatever the number of items: Walker's alias method in Vose's form.
 *
 * A. J. Walker (1977); M. D. Vose, "A Linear Algorithm for Generating Random Numbers with a Given Distribution" (1991).
 */

/**
 * Makes a function from a uniform random number in [0, 1) to an index, drawn in proportion to `weights`.
 * Undefined when no weight is positive. Weights are finite and ≥ 0.
 */
export function weightedChoice(weights: readonly number[]): ((random: number) => number) | undefined {
	const total = weights.reduce((sum, weight) => sum + weight, 0)
	if (!(total > 0)) return undefined
	const only = weights.indexOf(total)
	if (only >= 0) return () => only
	const { chance, alias } = aliasTable(weights, total)
	const n = weights.length
	return (random) => {
		const scaled = random * n
		const column = Math.min(n - 1, Math.floor(scaled))
		return scaled - column < chance[column]! ? column : alias[column]!
	}
}

/** Each column holds one item's share up to `chance`, and another item's above it. */
function aliasTable(weights: readonly number[], total: number): { chance: Float64Array; alias: Int32Array } {
	const n = weights.length
	const scaled = weights.map((weight) => (weight * n) / total)
	const chance = new Float64Array(n).fill(1)
	const alias = Int32Array.from({ length: n }, (_, i) => i)
	const small = scaled.flatMap((share, i) => (share < 1 ? [i] : []))
	const large = scaled.flatMap((share, i) => (share < 1 ? [] : [i]))
	while (small.length > 0 && large.length > 0) {
		const less = small.pop()!
		const more = large[large.length - 1]!
		chance[less] = scaled[less]!
		alias[less] = more
		scaled[more] = scaled[more]! - (1 - scaled[less]!)
		if (scaled[more]! < 1) small.push(large.pop()!)
	}
	return { chance, alias }
}
