/** A service whose answers now and then take long for no reason of the request's: what hedging makes of its tail, and what it costs. */
import { createRecentLatencies, hedgeDelayMs, mayHedge, recordLatency } from '../../src/resilience/hedging.ts'
import {
	createRetryBudget,
	mayRetry,
	onRequest,
	onRequestEnd,
	onRetryEnd,
	onRetryStart,
} from '../../src/resilience/retryBudget.ts'
import type { HedgingRules, RetryBudgetRules } from '../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../random.ts'
import { createEvents, poisson, quantileOf } from './resilienceEvents.ts'

const PER_SECOND = 500
const SECONDS = 60
/** One answer in thirty meets a pause (of a collector, a disk, a neighbour). */
const PAUSE_CHANCE = 1 / 30
const PAUSE_MS = 500

export const P95: HedgingRules = { after: { quantile: 0.95 }, maxExtra: 1 }
export const HEDGE_BUDGET: RetryBudgetRules = { of: 'interval', share: 0.1, intervalMs: 10_000, minimumPerSecond: 1 }

export interface HedgingFigures {
	readonly p50Ms: number
	readonly p99Ms: number
	/** Extra requests as a share of the requests. */
	readonly added: number
}

/** Log-normal around 20 ms (Box–Muller). */
export function usualMs(random: () => number): number {
	const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
	return 20 * Math.exp(0.4 * normal)
}

/** And the pause. */
const latencyMs = (random: () => number): number =>
	usualMs(random) + (random() < PAUSE_CHANCE ? PAUSE_MS * (0.5 + random()) : 0)

/** `slowdown`: what latencies are multiplied by, at a time. Figures are of what comes after `measuredFrom`. */
export function hedging(
	seed: number,
	rules?: HedgingRules,
	slowdown: (now: number) => number = () => 1,
	measuredFrom = 2_000,
): HedgingFigures {
	const random = seeded(seed)
	const events = createEvents()
	const recent = createRecentLatencies(0)
	const budget = createRetryBudget(HEDGE_BUDGET, 30_000)
	const latencies: number[] = []
	let extras = 0
	poisson(events, random, PER_SECOND, SECONDS * 1_000, () => {
		const arrivedAt = events.now
		const isMeasured = arrivedAt >= measuredFrom
		const request = onRequest(budget, events.now)
		let isOver = false
		const answer = () => {
			if (isOver) return
			isOver = true
			recordLatency(recent, events.now - arrivedAt, events.now)
			onRequestEnd(budget, request, events.now)
			if (isMeasured) latencies.push(events.now - arrivedAt)
		}
		events.after(latencyMs(random) * slowdown(events.now), answer)
		const delayMs = rules && hedgeDelayMs(recent, rules, events.now)
		const hedge = (sent: number) => () => {
			if (isOver || !mayHedge(rules!, sent, 'GET') || !mayRetry(budget, HEDGE_BUDGET, events.now)) return
			if (isMeasured) extras++
			const retry = onRetryStart(budget, events.now)
			events.after(latencyMs(random) * slowdown(events.now), () => {
				onRetryEnd(budget, retry, events.now)
				answer()
			})
			events.after(delayMs!, hedge(sent + 1))
		}
		if (delayMs !== undefined) events.after(delayMs, hedge(0))
	})
	events.runUntil(SECONDS * 1_000 + 60_000)
	return { p50Ms: quantileOf(latencies, 0.5), p99Ms: quantileOf(latencies, 0.99), added: extras / latencies.length }
}
