/** One endpoint's health: how many results change it, when the next check comes, and what never changes it. */
import { describe, expect, it } from 'vitest'
import {
	beginChecks,
	type CheckResult,
	type EndpointHealth,
	isExpected,
	observe,
	sameButDue,
	underCheck,
} from '../../../src/registry/health.ts'
import type { HealthCheck } from '../../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../../random.ts'

const NOW = Date.UTC(2030, 0, 1)
const CHECK: HealthCheck = {
	path: '/healthz',
	method: 'GET',
	intervalMs: 10_000,
	timeoutMs: 1_000,
	healthyThreshold: 2,
	unhealthyThreshold: 3,
	expectedStatuses: [[200, 299]],
	jitterShare: 0.1,
}
const PASSED: CheckResult = { passed: true }
const failed = (failure = 'status 503'): CheckResult => ({ passed: false, failure })

/** The healths after each of the results, as letters: h(ealthy) or u(nhealthy). */
function story(results: string, begun: EndpointHealth): string {
	let health = begun
	return [...results]
		.map((result) => {
			health = observe(health, result === '+' ? PASSED : failed(), CHECK, NOW, 0)
			return health.healthy ? 'h' : 'u'
		})
		.join('')
}
const fixed = beginChecks('http://a', CHECK, NOW, 0)

describe('an endpoint', () => {
	it.each([
		['nothing', '', ''],
		['failures below the threshold', '--', 'hh'],
		['as many failures in a row as the threshold', '---', 'hhu'],
		['failures that a success interrupts', '--+--', 'hhhhh'],
		['one success after failures', '---+', 'hhuu'],
		['as many successes in a row as the threshold', '---++', 'hhuuh'],
		['successes that a failure interrupts', '---+-+', 'hhuuuu'],
		['an outage, a recovery and another outage', '---++---', 'hhuuhhhu'],
	])('after %s is as it should be', (_, results, healths) => {
		expect(story(results, fixed)).toBe(healths)
	})

	it('that registered less than an interval ago and never passed is unhealthy at its first failure', () => {
		const begun = beginChecks('http://a', CHECK, NOW, 0.5, NOW)
		const early = observe(begun, failed('connection failed'), CHECK, NOW + 9_999, 0)
		expect(early).toMatchObject({ healthy: false, sinceMs: NOW + 9_999, lastFailure: 'connection failed' })
		expect(observe(begun, failed(), CHECK, NOW + 10_000, 0).healthy).toBe(true)
		const passed = observe(begun, PASSED, CHECK, NOW + 1_000, 0)
		expect(observe(passed, failed(), CHECK, NOW + 2_000, 0).healthy).toBe(true)
	})

	it('of a document, or long registered, is not judged by one failure', () => {
		expect(observe(fixed, failed(), CHECK, NOW, 0).healthy).toBe(true)
		const old = beginChecks('http://a', CHECK, NOW, 0, NOW - CHECK.intervalMs)
		expect(observe(old, failed(), CHECK, NOW, 0).healthy).toBe(true)
	})

	it('keeps the failure that counted last, and says since when it is as it is', () => {
		let health = fixed
		for (const [i, failure] of ['status 500', 'timeout', 'status 503', 'status 502'].entries())
			health = observe(health, failed(failure), CHECK, NOW + i, 0)
		expect(health).toMatchObject({ healthy: false, sinceMs: NOW + 2, lastFailure: 'status 503', against: 0 })
		for (const i of [10, 11]) health = observe(health, PASSED, CHECK, NOW + i, 0)
		expect(health).toMatchObject({ healthy: true, sinceMs: NOW + 11, lastFailure: 'status 503' })
		expect(fixed.sinceMs).toBeUndefined()
	})

	it('under another check is as healthy as before, and what the old check counted is void', () => {
		let health = fixed
		for (const i of [1, 2]) health = observe(health, failed(), CHECK, NOW + i, 0)
		const strict = { ...CHECK, intervalMs: 2_000, unhealthyThreshold: 2 }
		const moved = underCheck(health, strict, NOW + 10, 0.5)
		expect(moved).toMatchObject({ healthy: true, against: 0, dueAtMs: NOW + 1_010 })
		expect(observe(moved, failed(), strict, NOW + 20, 0).healthy).toBe(true)
	})

	it('whose checks go on as before is to be stored once at most', () => {
		const passing = observe(fixed, PASSED, CHECK, NOW + 1, 0)
		expect(sameButDue(fixed, passing)).toBe(true)
		const failing = observe(passing, failed(), CHECK, NOW + 2, 0)
		expect(sameButDue(passing, failing)).toBe(false)
		const down = [3, 4].reduce((health, i) => observe(health, failed(), CHECK, NOW + i, 0), failing)
		expect(sameButDue(down, observe(down, failed('timeout'), CHECK, NOW + 5, 0))).toBe(true)
	})
})

it.each([
	[199, false],
	[200, true],
	[299, true],
	[300, false],
	[404, true],
	[500, false],
])('a status of %i is expected: %s', (status, expected) => {
	expect(
		isExpected(status, {
			...CHECK,
			expectedStatuses: [
				[200, 299],
				[404, 404],
			],
		}),
	).toBe(expected)
})

describe('checks', () => {
	it('of 10,000 endpoints begin evenly over one interval', () => {
		const random = seeded(7)
		const seconds = new Array<number>(10).fill(0)
		for (let i = 0; i < 10_000; i++)
			seconds[Math.floor((beginChecks('http://a', CHECK, NOW, random()).dueAtMs - NOW) / 1_000)]!++
		for (const count of seconds) expect(Math.abs(count - 1_000), `${seconds}`).toBeLessThan(120)
	})

	it.each([
		[0, 10_000],
		[0.5, 10_500],
		[0.999_999, 11_000],
	])('with a random number of %d come again after %i ms', (random, laterMs) => {
		for (const result of [PASSED, failed()])
			expect(observe(fixed, result, CHECK, NOW, random).dueAtMs).toBe(NOW + laterMs)
	})

	it('that began together drift apart', () => {
		const random = seeded(11)
		let dues = Array.from({ length: 100 }, () => NOW)
		for (let round = 0; round < 20; round++)
			dues = dues.map((due) => observe(fixed, PASSED, CHECK, due, random()).dueAtMs)
		expect(Math.max(...dues) - Math.min(...dues)).toBeGreaterThan(4_000)
	})
})

const SEEDS = Number(process.env.SEEDS ?? 200)

describe('health', () => {
	it.each(Array.from({ length: SEEDS }, (_, i) => i + 1))('is what its history says, seed %i', (seed) => {
		const random = seeded(seed)
		const pick = (count: number) => 1 + Math.floor(random() * count)
		const check = { ...CHECK, healthyThreshold: pick(4), unhealthyThreshold: pick(4), jitterShare: random() }
		let health = beginChecks('http://a', check, NOW, random())
		let nowMs = health.dueAtMs
		/** Results since the last change. */
		let history: boolean[] = []
		let healthy = true
		const failing = random()
		for (let i = 0; i < 300; i++) {
			const passed = random() > failing
			history.push(passed)
			const needed = healthy ? check.unhealthyThreshold : check.healthyThreshold
			if (history.length >= needed && history.slice(-needed).every((one) => one !== healthy)) {
				healthy = !healthy
				history = []
			}
			const next = observe(health, passed ? PASSED : failed(), check, nowMs, random())
			expect(next.healthy).toBe(healthy)
			expect(next.sinceMs).toBe(next.healthy === health.healthy ? health.sinceMs : nowMs)
			expect(next.dueAtMs).toBeGreaterThanOrEqual(nowMs + check.intervalMs)
			expect(next.dueAtMs).toBeLessThanOrEqual(nowMs + check.intervalMs * (1 + check.jitterShare) + 1)
			expect(next.against).toBeLessThan(Math.max(check.healthyThreshold, check.unhealthyThreshold))
			health = next
			nowMs = next.dueAtMs + Math.floor(random() * 1_000)
		}
	})
})
