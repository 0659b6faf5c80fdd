/** A proxy whose service hedges, for tests of what comes of it. */
import type { HedgingRules, RetryBudgetRules, TrafficRules } from '../../../../src/snapshot/trafficPolicy.ts'
import { type Behaviour, type Sent, serving, type TimedProxy, timed } from '../timedProxy.ts'

export const AFTER_50: HedgingRules = { after: { ms: 50 }, maxExtra: 1 }
export const AMPLE: RetryBudgetRules = { of: 'active', share: 1, minimumConcurrency: 100 }

export const hedged = (more: TrafficRules = {}, hedging = AFTER_50, endpoints = ['a', 'b', 'c']) =>
	timed(serving({ hedging, retryBudget: AMPLE, balancer: { type: 'RoundRobin' }, ...more }, endpoints))

/** What the first request does, the second, and so on; the last for all that follow. */
export function inTurn(proxy: TimedProxy, ...behaviours: readonly Behaviour[]) {
	proxy.behave = () => behaviours[Math.min(proxy.sent.length, behaviours.length) - 1]!
}
export const times = (sent: readonly Sent[]) => sent.map(({ atMs }) => atMs - sent[0]!.atMs)

export const EVERY_FAILURE = {
	consecutive5xx: 1,
	consecutiveGatewayErrors: 0,
	consecutiveLocalOriginFailures: 1,
	intervalMs: 10_000,
	baseEjectionMs: 30_000,
	maxEjectionMs: 30_000,
	maxEjectionShare: 1,
}
