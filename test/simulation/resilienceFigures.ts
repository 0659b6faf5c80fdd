/** The simulations of resilience in figures, as a Markdown table: medians of seeds, with the lowest and the highest. */
import { ranged, table } from '../../scripts/bench/report.ts'
import { ADAPTIVE_RULES, adaptiveFigures, WORKERS } from './resilienceAdaptive.ts'
import { AFTER_100, frozen } from './resilienceFrozen.ts'
import { detector, outage, totalOutage } from './resilienceHealth.ts'
import { hedging, P95 } from './resilienceHedging.ts'
import { region } from './resilienceRegion.ts'
import { ACTIVE, INTERVAL, storm } from './resilienceStorm.ts'

type Row = readonly [what: string, figure: string, value: string]

const SEEDS = Array.from({ length: 5 }, (_, i) => i + 1)

/** What happens to a service of 40 workers, one phase after the other. */
export const ADAPTIVE_PHASES = [
	{ name: 'half the load that it can bear', seconds: 60, load: 0.5, workers: WORKERS },
	{ name: 'twice the load', seconds: 240, load: 2, workers: WORKERS },
	{ name: 'twice the load, 10 of the workers', seconds: 120, load: 2, workers: WORKERS / 4 },
	{ name: 'twice the load, all 40 again', seconds: 120, load: 2, workers: WORKERS },
] as const

/** Median, lowest and highest of what the seeds give. */
function over<T>(
	seeds: readonly number[],
	run: (seed: number) => T,
): (figure: (result: T) => number, digits?: number) => string {
	const results = seeds.map(run)
	return (figure, digits = 0) => {
		const values = results.map(figure).sort((a, b) => a - b)
		return ranged({ median: values[values.length >> 1]!, low: values[0]!, high: values.at(-1)! }, digits)
	}
}

function stormRows(): Row[] {
	const budgets = [
		['no budget', undefined],
		['20 % of active requests', ACTIVE],
		['20 % over 10 s', INTERVAL],
	] as const
	return [0.5, 1].flatMap((share) =>
		budgets.map(([name, rules]): Row => {
			const value = over(SEEDS.slice(0, 3), (seed) => storm(seed, share, rules))
			return [
				`retries: ${share * 100} % fail, up to 3 more, ${name}`,
				'added load, %',
				value(({ added }) => 100 * added, 1),
			]
		}),
	)
}

function healthRows(): Row[] {
	const dead = over(SEEDS, (seed) => outage(seed, 1, 120_000))
	const flaky = over(SEEDS, (seed) => outage(seed, 0.2, 120_000))
	const brief = over(SEEDS, (seed) => outage(seed, 1, 10_000))
	const total = over(SEEDS, totalOutage)
	const found = over(SEEDS, (seed) => detector(seed, 3))
	return [
		['one of 10 fails all, for 2 min', 'ejected after, s', dead(({ ejectedAfterMs }) => ejectedAfterMs / 1_000, 1)],
		['', 'requests that failed', dead(({ failedRequests }) => failedRequests)],
		['', 'used again after, s', dead(({ usedAfterMs }) => usedAfterMs / 1_000)],
		['one of 10 fails all, for 10 s', 'used again after, s', brief(({ usedAfterMs }) => usedAfterMs / 1_000)],
		['one of 10 fails 20 %, for 2 min', 'ejected after, s', flaky(({ ejectedAfterMs }) => ejectedAfterMs / 1_000)],
		['all of 10 fail all, for 2 min', 'most ejected', total(({ mostEjected }) => mostEjected)],
		['', 'all used again after, s', total(({ allUsedAfterMs }) => allUsedAfterMs / 1_000)],
		['one of 10 fails 20 %, the others 1 %', 'found after intervals', found((figures) => figures.foundAfterIntervals)],
		['', 'good ones ejected', found(({ goodEjected }) => goodEjected)],
	]
}

function regionRows(): Row[] {
	return ([false, true] as const).flatMap((shares): Row[] => {
		const value = over(SEEDS, (seed) => region(seed, shares))
		const what = `20 isolates, one endpoint dies, ejections ${shares ? 'shared' : 'not shared'}`
		return [
			[what, 'failures in the 19 quiet ones', value(({ failedElsewhere }) => failedElsewhere)],
			['', 'all know after, s', value(({ allKnowAfterMs }) => allKnowAfterMs / 1_000, 1)],
		]
	})
}

function adaptiveRows(): Row[] {
	const value = over(SEEDS, (seed) => adaptiveFigures(seed, ADAPTIVE_PHASES, ADAPTIVE_RULES))
	return ADAPTIVE_PHASES.flatMap(({ name }, i): Row[] => [
		[`adaptive limit: ${name}`, 'limit', value((phases) => phases[i]!.limit)],
		['', 'latency, ms', value((phases) => phases[i]!.latencyMs)],
		['', 'served of what is possible, %', value((phases) => 100 * phases[i]!.served)],
	])
}

function hedgingRows(): Row[] {
	const slowed = (now: number) => (now > 20_000 ? 10 : 1)
	const ways = [
		['no hedging', (seed: number) => hedging(seed)],
		['after the p95', (seed: number) => hedging(seed, P95)],
		['after 100 ms', (seed: number) => hedging(seed, { after: { ms: 100 }, maxExtra: 1 })],
		[
			'after 50 ms, all 10 × slower',
			(seed: number) => hedging(seed, { after: { ms: 50 }, maxExtra: 2 }, slowed, 20_000),
		],
	] as const
	return ways.flatMap(([name, run]): Row[] => {
		const value = over(SEEDS, run)
		return [
			[`hedging: ${name}`, 'p99, ms', value(({ p99Ms }) => p99Ms)],
			['', 'added load, %', value(({ added }) => 100 * added, 1)],
		]
	})
}

function frozenRows(): Row[] {
	const ways = [
		['after 100 ms', AFTER_100],
		['after the p95', P95],
	] as const
	return ways.flatMap(([name, rules]): Row[] => {
		const value = over(SEEDS, (seed) => frozen(seed, rules, true))
		return [
			[`hedging: ${name}, one of 10 freezes`, 'p99 before, ms', value(({ p99Ms }) => p99Ms.before)],
			['', 'p99 until its ejection, ms', value(({ p99Ms }) => p99Ms.frozen)],
			['', 'p99 from then on, ms', value(({ p99Ms }) => p99Ms.ejected)],
			['', 'ejected after, s', value(({ ejectedAfterMs }) => ejectedAfterMs / 1_000, 1)],
		]
	})
}

/** For the page of results. Takes a few seconds. */
export const resilienceFigures = (): string =>
	table(
		['simulated', 'figure', 'median (lowest–highest)'],
		[...stormRows(), ...healthRows(), ...regionRows(), ...adaptiveRows(), ...hedgingRows(), ...frozenRows()],
	)
