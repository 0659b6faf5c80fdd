/** A service that fails, and clients that try again: how many attempts one request becomes. */
import { backoffMs } from '../../src/resilience/retry.ts'
import {
	createRetryBudget,
	mayRetry,
	onRequest,
	onRequestEnd,
	onRetryEnd,
	onRetryStart,
	type RetryBudget,
} from '../../src/resilience/retryBudget.ts'
import type { RetryRule } from '../../src/snapshot/filters.ts'
import type { RetryBudgetRules } from '../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../random.ts'
import { createEvents, exponential, poisson } from './resilienceEvents.ts'

const RETRY: RetryRule = { attempts: 3, codes: [503], backoffMs: 25, methods: [], maxBodyBytes: 0 }
const SECONDS = 60
const PER_SECOND = 500
const ATTEMPT_MS = 50

export const SHARE = 0.2
export const ACTIVE: RetryBudgetRules = { of: 'active', share: SHARE, minimumConcurrency: 3 }
export const INTERVAL: RetryBudgetRules = {
	of: 'interval',
	share: SHARE,
	intervalMs: 10_000,
	minimumPerSecond: 10,
}

export interface StormFigures {
	/** Retries as a share of requests. */
	readonly added: number
	/** Requests that failed in the end. */
	readonly failed: number
	/** Most attempts in one second, as a share of the requests that came in a second. */
	readonly worstSecond: number
}

export function storm(seed: number, failureShare: number, rules?: RetryBudgetRules): StormFigures {
	const random = seeded(seed)
	const events = createEvents()
	const budget = rules && createRetryBudget(rules, 30_000)
	const bySecond = new Float64Array(SECONDS + 10)
	let requests = 0
	let retries = 0
	let failed = 0
	const attempt = (then: (ok: boolean) => void) => {
		bySecond[Math.floor(events.now / 1_000)]! += 1
		const ok = random() >= failureShare
		events.after(exponential(random, ATTEMPT_MS), () => then(ok))
	}
	poisson(events, random, PER_SECOND, SECONDS * 1_000, () => {
		requests++
		const request = budget && onRequest(budget, events.now)
		const end = (ok: boolean) => {
			if (!ok) failed++
			if (budget) onRequestEnd(budget, request!, events.now)
		}
		const tryAgain = (tries: number) => (ok: boolean) => {
			if (ok || tries > RETRY.attempts || !hasRoom(budget, rules, events.now)) return end(ok)
			retries++
			const retry = budget && onRetryStart(budget, events.now)
			events.after(backoffMs(RETRY, tries, random()), () =>
				attempt((again) => {
					if (budget) onRetryEnd(budget, retry!, events.now)
					tryAgain(tries + 1)(again)
				}),
			)
		}
		attempt(tryAgain(1))
	})
	events.runUntil(SECONDS * 1_000 + 9_000)
	return {
		added: retries / requests,
		failed: failed / requests,
		worstSecond: bySecond.reduce((a, b) => Math.max(a, b)) / PER_SECOND,
	}
}

const hasRoom = (budget: RetryBudget | undefined, rules: RetryBudgetRules | undefined, now: number): boolean =>
	budget === undefined || mayRetry(budget, rules!, now)
