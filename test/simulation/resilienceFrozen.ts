/** One of ten endpoints freezes behind hedging: every client is answered, and one in ten waits for its hedge until it is ejected. */
import { newLoad } from '../../src/balancing/endpointLoad.ts'
import { leastRequest } from '../../src/balancing/leastRequest.ts'
import { createRecentLatencies, hedgeDelayMs, recordLatency } from '../../src/resilience/hedging.ts'
import {
	answered,
	createOutlierState,
	eject,
	mayEject,
	onSend,
	recordOutcome,
	takesTraffic,
} from '../../src/resilience/outliers.ts'
import { createRetryBudget, mayRetry, onRequest, onRetryStart } from '../../src/resilience/retryBudget.ts'
import { ejectionsNow } from '../../src/resilience/sharedEjections.ts'
import type { HedgingRules, OutlierRules, RetryBudgetRules } from '../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../random.ts'
import { createEvents, poisson, quantileOf } from './resilienceEvents.ts'
import { usualMs } from './resilienceHedging.ts'

const ENDPOINTS = 10
const PER_SECOND = 200
const FREEZES_AT = 20_000
const UNTIL = 80_000
const BUDGET: RetryBudgetRules = { of: 'interval', share: 0.2, intervalMs: 10_000, minimumPerSecond: 1 }

export const AFTER_100: HedgingRules = { after: { ms: 100 }, maxExtra: 1 }

/** `looks`: whether silence behind hedging is looked for. */
const rulesWith = (looks: boolean): OutlierRules => ({
	consecutive5xx: 0,
	consecutiveGatewayErrors: 0,
	consecutiveLocalOriginFailures: looks ? 5 : 0,
	intervalMs: 10_000,
	baseEjectionMs: 30_000,
	maxEjectionMs: 300_000,
	maxEjectionShare: 0.5,
})

export interface FrozenFigures {
	/** Of the requests before it freezes; from then until its ejection, or the end; and after that. NaN without any. */
	readonly p99Ms: { readonly before: number; readonly frozen: number; readonly ejected: number }
	/** From the freeze on. Infinity: never. */
	readonly ejectedAfterMs: number
	readonly goodEjected: number
	/** Requests that were sent to it when it was ejected, to find out whether it thaws. */
	readonly probes: number
}

export function frozen(seed: number, hedging: HedgingRules, looks: boolean): FrozenFigures {
	const random = seeded(seed)
	const events = createEvents()
	const rules = rulesWith(looks)
	const endpoints = Array.from({ length: ENDPOINTS }, () => ({
		weight: 1,
		load: newLoad(),
		outlier: createOutlierState(),
	}))
	const choose = leastRequest(endpoints, 2)
	const recent = createRecentLatencies(0)
	const budget = createRetryBudget(BUDGET, 30_000)
	const answers: { readonly at: number; readonly tookMs: number }[] = []
	let ejectedAt = Number.POSITIVE_INFINITY
	let goodEjected = 0
	let probes = 0

	const pick = (but?: number): number =>
		choose(events.now, random, (i) => i === but || !takesTraffic(endpoints[i]!.outlier, events.now))!
	const learn = (index: number, outcome: Parameters<typeof recordOutcome>[2] | undefined) => {
		const { load, outlier } = endpoints[index]!
		load.inFlight--
		if (outcome === undefined || recordOutcome(rules, outlier, outcome, events.now) !== 'eject') return
		const all = endpoints.map((endpoint) => endpoint.outlier)
		if (!mayEject(rules, ejectionsNow(all, events.now).ejected - (outlier.onTrial ? 1 : 0), ENDPOINTS)) return
		eject(rules, outlier, events.now, random())
		if (index === 0) ejectedAt = Math.min(ejectedAt, events.now)
		else goodEjected++
	}
	const send = (index: number, onAnswer: () => void) => {
		const isFrozen = index === 0 && events.now >= FREEZES_AT
		endpoints[index]!.load.inFlight++
		onSend(rules, endpoints[index]!.outlier, events.now)
		if (isFrozen && events.now > ejectedAt) probes++
		if (!isFrozen) events.after(usualMs(random), onAnswer)
	}

	poisson(events, random, PER_SECOND, UNTIL, () => {
		const arrivedAt = events.now
		onRequest(budget, arrivedAt)
		const lead = pick()
		let extra: number | undefined
		let isOver = false
		const answer = (winner: number) => () => {
			if (isOver) return
			isOver = true
			recordLatency(recent, events.now - arrivedAt, events.now)
			answers.push({ at: arrivedAt, tookMs: events.now - arrivedAt })
			learn(winner, answered(200))
			if (winner !== lead) learn(lead, { kind: 'beaten' })
			else if (extra !== undefined) learn(extra, undefined)
		}
		const hedge = () => {
			if (isOver) return
			if (!mayRetry(budget, BUDGET, events.now)) return events.after(delayMs!, hedge)
			onRetryStart(budget, events.now)
			extra = pick(lead)
			send(extra, answer(extra))
		}
		const delayMs = hedgeDelayMs(recent, hedging, arrivedAt)
		send(lead, answer(lead))
		if (delayMs !== undefined) events.after(delayMs, hedge)
	})
	events.runUntil(UNTIL + 60_000)
	const p99 = (from: number, to: number) =>
		quantileOf(
			answers.filter(({ at }) => at >= from && at < to).map(({ tookMs }) => tookMs),
			0.99,
		)
	return {
		p99Ms: { before: p99(0, FREEZES_AT), frozen: p99(FREEZES_AT, ejectedAt), ejected: p99(ejectedAt, UNTIL) },
		ejectedAfterMs: ejectedAt - FREEZES_AT,
		goodEjected,
		probes,
	}
}
