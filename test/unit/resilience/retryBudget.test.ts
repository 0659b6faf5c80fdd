/** How many retries a budget admits: never more than it says, and what it says whenever somebody wants them. */
import { describe, expect, it } from 'vitest'
import {
	createRetryBudget,
	mayRetry,
	onRequest,
	onRequestEnd,
	onRetryEnd,
	onRetryStart,
	type RetryBudget,
} from '../../../src/resilience/retryBudget.ts'
import type { RetryBudgetRules } from '../../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../../random.ts'

const START = 1_700_000_000_000
const REQUEST_MS = 30_000

type Active = Extract<RetryBudgetRules, { of: 'active' }>
type Interval = Extract<RetryBudgetRules, { of: 'interval' }>

const active = (share: number, minimumConcurrency = 0): Active => ({ of: 'active', share, minimumConcurrency })
const interval = (share: number, minimumPerSecond = 0, intervalMs = 10_000): Interval => ({
	of: 'interval',
	share,
	intervalMs,
	minimumPerSecond,
})
const budgetOf = (rules: RetryBudgetRules, requests = 0) => {
	const budget = createRetryBudget(rules, REQUEST_MS)
	for (let i = 0; i < requests; i++) onRequest(budget, START)
	return budget
}
/** As many as it gives at one moment. */
function drain(budget: RetryBudget, rules: RetryBudgetRules, now: number): number {
	let retries = 0
	for (; retries < 10_000 && mayRetry(budget, rules, now); retries++) onRetryStart(budget, now)
	return retries
}

describe('a budget of active requests', () => {
	it.each([
		// share, minimum, requests, retries at once
		[0.2, 0, 0, 0],
		[0.2, 3, 0, 3],
		[0.2, 3, 14, 3],
		[0.2, 3, 15, 3],
		[0.2, 3, 20, 4],
		[0.2, 0, 4, 0],
		[0.2, 0, 5, 1],
		[0.29, 0, 100, 29],
		[1, 0, 7, 7],
		[0, 0, 1_000, 0],
	])('of %d, at least %i, gives with %i requests %i retries', (share, minimum, requests, expected) => {
		const rules = active(share, minimum)
		expect(drain(budgetOf(rules, requests), rules, START)).toBe(expected)
	})

	it('gives another retry when one has ended, and fewer when requests have', () => {
		const rules = active(0.5)
		const budget = budgetOf(rules)
		const requests = Array.from({ length: 4 }, () => onRequest(budget, START))
		const retry = onRetryStart(budget, START)
		onRetryStart(budget, START)
		expect(mayRetry(budget, rules, START)).toBe(false)
		onRetryEnd(budget, retry, START)
		expect(mayRetry(budget, rules, START)).toBe(true)
		for (const request of requests.slice(0, 2)) onRequestEnd(budget, request, START)
		expect(mayRetry(budget, rules, START)).toBe(false)
	})

	it('is not used up for good by retries whose end nobody tells', () => {
		const rules = active(0, 2)
		const budget = budgetOf(rules)
		drain(budget, rules, START)
		expect(mayRetry(budget, rules, START + REQUEST_MS - 1)).toBe(false)
		expect(drain(budget, rules, START + 1.2 * REQUEST_MS)).toBe(2)
	})

	it('never has more retries under way than it says, in any order of requests and retries', () => {
		for (let seed = 1; seed <= 300; seed++) {
			const random = seeded(seed)
			const rules = active(random(), Math.floor(random() * 4))
			const budget = budgetOf(rules)
			const [requests, retries]: [number[], number[]] = [[], []]
			for (let step = 0; step < 300; step++) {
				const now = START + step
				const chance = random()
				if (chance < 0.4) requests.push(onRequest(budget, now))
				else if (chance < 0.6 && requests.length > 0) onRequestEnd(budget, requests.pop()!, now)
				else if (chance < 0.7 && retries.length > 0) onRetryEnd(budget, retries.pop()!, now)
				else {
					const most = Math.max(rules.minimumConcurrency, rules.share * requests.length)
					expect(mayRetry(budget, rules, now), `seed ${seed}, step ${step}`).toBe(retries.length + 1 <= most)
					if (retries.length + 1 <= most) retries.push(onRetryStart(budget, now))
				}
			}
		}
	})
})

describe('a budget over an interval', () => {
	it('gives its share of the requests of the interval, and forgets both after it', () => {
		const rules = interval(0.2)
		const budget = budgetOf(rules, 100)
		expect(drain(budget, rules, START + 5_000)).toBe(20)
		expect(drain(budget, rules, START + 9_999)).toBe(0)
		for (let i = 0; i < 50; i++) onRequest(budget, START + 12_000)
		// The requests are older than the retries, which still count.
		expect(drain(budget, rules, START + 12_000)).toBe(0)
		expect(drain(budget, rules, START + 17_500)).toBe(10)
	})

	it('does not give for requests that have ended, nor takes back what they gave', () => {
		const rules = interval(0.2)
		const budget = budgetOf(rules)
		for (let i = 0; i < 10; i++) onRequestEnd(budget, onRequest(budget, START), START)
		const retry = onRetryStart(budget, START)
		onRetryEnd(budget, retry, START)
		expect(drain(budget, rules, START)).toBe(1)
	})

	it.each([
		[10, 10_000, 100],
		[10, 1_000, 10],
		[0.5, 10_000, 5],
		[0.1, 10_000, 1],
		[0.01, 10_000, 1],
		[0, 10_000, 0],
	])(
		'of at least %d a second gives in %i ms without requests %i, then none until they are over',
		(perSecond, ms, expected) => {
			const rules = interval(0.2, perSecond, ms)
			const budget = budgetOf(rules)
			const hourLater = START + 3_600_000
			expect(drain(budget, rules, hourLater)).toBe(expected)
			expect(drain(budget, rules, hourLater + ms - 1)).toBe(0)
			expect(drain(budget, rules, hourLater + 1.2 * ms)).toBe(expected)
		},
	)

	it.each([
		[50, 100],
		[500, 100],
		[505, 101],
	])('gives after %i requests the more of share and minimum rate: %i', (requests, expected) => {
		const rules = interval(0.2, 10)
		expect(drain(budgetOf(rules, requests), rules, START)).toBe(expected)
	})

	it('never gives more in an interval than the more of its share and the minimum rate', () => {
		for (let seed = 1; seed <= 100; seed++) {
			const random = seeded(seed)
			const rules = interval(random() * 0.5, random() * 20, 1_000 + random() * 20_000)
			const budget = budgetOf(rules)
			const [requests, retries]: [number[], number[]] = [[], []]
			let now = START
			for (let step = 0; step < 300; step++) {
				now += random() ** 3 * 500
				for (let many = random() * 10; many > 1; many--) {
					onRequest(budget, now)
					requests.push(now)
				}
				for (let wanted = random() * 10; wanted > 1 && mayRetry(budget, rules, now); wanted--) {
					onRetryStart(budget, now)
					retries.push(now)
				}
				if (retries.at(-1) !== now) continue
				const within = (times: number[], ms: number) => times.filter((time) => time > now - ms).length
				// The window's edge is as wide as a seventh of it.
				const most = Math.max(
					1,
					rules.share * within(requests, (rules.intervalMs * 9) / 7),
					(rules.minimumPerSecond * rules.intervalMs) / 1_000,
				)
				expect(within(retries, rules.intervalMs), `seed ${seed}, step ${step}`).toBeLessThanOrEqual(most)
			}
		}
	})
})

describe('a budget of one form', () => {
	it('gives nothing under rules of the other', () => {
		expect(mayRetry(budgetOf(active(1), 100), interval(1, 10), START)).toBe(false)
		expect(mayRetry(budgetOf(interval(1, 10), 100), active(1, 10), START)).toBe(false)
	})
})
