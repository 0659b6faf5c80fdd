/** The few statistics that the bench reports. Paired ratios, because only figures of one moment can be compared here. */

export interface Spread {
	readonly median: number
	readonly low: number
	readonly high: number
}

/** The value below which the share `q` (0–1) of the samples lies, interpolated between the two nearest. */
export function quantile(samples: readonly number[], q: number): number {
	if (samples.length === 0) return Number.NaN
	const sorted = [...samples].sort((a, b) => a - b)
	const position = q * (sorted.length - 1)
	const below = sorted[Math.floor(position)]!
	const above = sorted[Math.ceil(position)]!
	return below + (above - below) * (position - Math.floor(position))
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5)

export const spread = (samples: readonly number[]): Spread => ({
	median: median(samples),
	low: Math.min(...samples),
	high: Math.max(...samples),
})

/** Each sample over the one of the same round. The lists are as long as each other. */
export const pairedRatios = (samples: readonly number[], baseline: readonly number[]): number[] =>
	paired(samples, baseline, (sample, base) => sample / base)

/** Each sample less the one of the same round. The lists are as long as each other. */
export const pairedDifferences = (samples: readonly number[], baseline: readonly number[]): number[] =>
	paired(samples, baseline, (sample, base) => sample - base)

function paired(
	samples: readonly number[],
	baseline: readonly number[],
	compare: (sample: number, base: number) => number,
): number[] {
	if (samples.length !== baseline.length) throw new Error('paired samples must come from the same rounds')
	return samples.map((sample, round) => compare(sample, baseline[round]!))
}
