/** Whom a registry checks: the endpoints that proxies see, as they come and go, in the order in which they are due. */
import { describe, expect, it } from 'vitest'
import type { EndpointWatch, LeaseRequest } from '../../../src/ports.ts'
import { beginChecks, observe } from '../../../src/registry/health.ts'
import {
	dueAfterRestart,
	dueIds,
	followEndpoints,
	type Healths,
	nextDueMs,
	statusOf,
	unhealthyIds,
} from '../../../src/registry/healthRound.ts'
import { commit, deregister, drain, type Roster, register } from '../../../src/registry/roster.ts'
import type { HealthCheck } from '../../../src/snapshot/trafficPolicy.ts'

const NOW = Date.UTC(2030, 0, 1)
const CHECK: HealthCheck = {
	path: '/',
	method: 'GET',
	intervalMs: 10_000,
	timeoutMs: 1_000,
	healthyThreshold: 2,
	unhealthyThreshold: 1,
	expectedStatuses: [[200, 299]],
	jitterShare: 0.5,
}
const request = (id: string): LeaseRequest => ({ id, url: `http://${id}`, weight: 1, labels: {}, ttlSeconds: 10 })
const roster = (...ids: readonly string[]): Roster =>
	ids.reduce<Roster>((held, id) => commit(new Map(held.leases), register(held, request(id), NOW).change), {
		version: 0,
		leases: new Map(),
	})
const watch = (over: Partial<EndpointWatch> = {}): EndpointWatch => ({ version: 1, check: CHECK, fixed: [], ...over })
const followed = (healths: Healths, held: Roster, watched = watch(), checkChanged = false) =>
	followEndpoints(healths, held, watched, { nowMs: NOW, random: () => 0.5, checkChanged })
const failing = (healths: Healths, ...ids: readonly string[]): Healths =>
	new Map(
		Array.from(healths, ([id, health]) => [
			id,
			ids.includes(id) ? observe(health, { passed: false, failure: 'timeout' }, CHECK, NOW, 0) : health,
		]),
	)

describe('the endpoints that are checked', () => {
	it('are those that take traffic: active leases, and fixed ones whose id no active lease has', () => {
		const two = roster('a', 'b')
		const fixed = [
			{ id: 'a', url: 'http://fixed-a' },
			{ id: 'f', url: 'http://f' },
		]
		const urls = (held: Roster) =>
			[...followed(new Map(), held, watch({ fixed }))].map(([id, { url }]) => `${id} ${url}`)
		expect(urls(two).sort()).toEqual(['a http://a', 'b http://b', 'f http://f'])
		const drained = commit(new Map(two.leases), drain(two, 'a', NOW).change)
		expect(urls(drained).sort()).toEqual(['a http://fixed-a', 'b http://b', 'f http://f'])
	})

	it('are none without a check', () => {
		expect(followed(followed(new Map(), roster('a')), roster('a'), watch({ check: null })).size).toBe(0)
	})

	it('keep their health while others come and go, and begin anew after they went or moved', () => {
		const two = roster('a', 'b')
		const sick = failing(followed(new Map(), two), 'a', 'b')
		const three = commit(new Map(two.leases), register(two, request('c'), NOW).change)
		expect(unhealthyIds(followed(sick, three))).toEqual(['a', 'b'])
		const moved = commit(new Map(two.leases), register(two, { ...request('a'), url: 'http://x' }, NOW).change)
		expect(unhealthyIds(followed(sick, moved))).toEqual(['b'])
		const gone = commit(new Map(two.leases), deregister(two, 'a', NOW).change)
		const without = followed(sick, gone)
		expect(unhealthyIds(without)).toEqual(['b'])
		expect(unhealthyIds(followed(without, two))).toEqual(['b'])
	})

	it('keep their health under another check, and are spread anew', () => {
		const sick = failing(followed(new Map(), roster('a', 'b')), 'a')
		const check = { ...CHECK, intervalMs: 4_000 }
		const after = followed(sick, roster('a', 'b'), watch({ check }), true)
		expect(unhealthyIds(after)).toEqual(['a'])
		expect([...after.values()].map(({ dueAtMs }) => dueAtMs)).toEqual([NOW + 2_000, NOW + 2_000])
	})
})

describe('the order of checks', () => {
	const healths: Healths = new Map(
		Object.entries({ c: 0.9, a: 0.5, b: 0.1 }).map(([id, random]) => [id, beginChecks(id, CHECK, NOW, random)]),
	)

	it('is that in which they are due, and nobody comes early', () => {
		expect(dueIds(healths, NOW + 999)).toEqual([])
		expect(dueIds(healths, NOW + 1_000)).toEqual(['b'])
		expect(dueIds(healths, NOW + 60_000)).toEqual(['b', 'a', 'c'])
		expect(nextDueMs(healths)).toBe(NOW + 1_000)
		expect(nextDueMs(new Map())).toBeUndefined()
	})

	it.each([
		['a moment ago', -1, NOW - 1],
		['soon', 5_000, NOW + 5_000],
		['as late as jitter may make it', 15_000, NOW + 15_000],
		['more than an interval ago', -10_000, NOW + 2_500],
		['later than any check can be', 15_001, NOW + 2_500],
	])('after a restart, of a check due %s, is kept if it can be, and spread else', (_, offsetMs, expected) => {
		expect(dueAfterRestart(NOW + offsetMs, CHECK, NOW, 0.25)).toBe(expected)
	})
})

it('what clients are told of an endpoint fits in a line', () => {
	const begun = beginChecks('http://a', CHECK, NOW, 0)
	expect(statusOf(begun)).toEqual({ healthy: true })
	expect(statusOf(observe(begun, { passed: false, failure: 'status 503' }, CHECK, NOW, 0))).toEqual({
		healthy: false,
		since: '2030-01-01T00:00:00.000Z',
		lastFailure: 'status 503',
	})
})
