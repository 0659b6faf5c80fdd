/** What each event does to a service's leases, to their version, and to who may take traffic. */
import { describe, expect, it } from 'vitest'
import type { LeaseRequest } from '../../../src/ports.ts'
import { grant, type HeldLease } from '../../../src/registry/lease.ts'
import {
	type Change,
	commit,
	deregister,
	drain,
	ENDPOINT_LIMIT,
	ENDPOINTS_CHARACTERS,
	expire,
	heartbeat,
	nextDeadline,
	type Roster,
	register,
	resume,
	trafficEndpoints,
} from '../../../src/registry/roster.ts'

const NOW = Date.UTC(2030, 0, 1)
const request = (id: string, over: Partial<LeaseRequest> = {}): LeaseRequest => ({
	id,
	url: `http://${id}.internal`,
	weight: 1,
	labels: {},
	ttlSeconds: 10,
	...over,
})
const changed = (roster: Roster, change: Change): Roster => commit(new Map(roster.leases), change)
const EMPTY: Roster = { version: 0, leases: new Map() }
/** Two active endpoints, registered at NOW, at version 2. */
const TWO = ['b', 'a'].reduce((roster, id) => changed(roster, register(roster, request(id), NOW).change), EMPTY)
const DRAINING = changed(TWO, drain(TWO, 'a', NOW).change)
const idsAt = (roster: Roster, nowMs: number) => trafficEndpoints(roster, nowMs).map((endpoint) => endpoint.id)

describe('the version', () => {
	it.each<[string, Roster, (roster: Roster) => Change, number]>([
		['a new endpoint', TWO, (r) => register(r, request('c'), NOW).change, 1],
		['the same registration again', TWO, (r) => register(r, request('a'), NOW + 5_000).change, 0],
		['the same with another TTL', TWO, (r) => register(r, request('a', { ttlSeconds: 60 }), NOW).change, 0],
		['another URL', TWO, (r) => register(r, request('a', { url: 'http://x' }), NOW).change, 1],
		['another weight', TWO, (r) => register(r, request('a', { weight: 5 }), NOW).change, 1],
		['another label', TWO, (r) => register(r, request('a', { labels: { v: '2' } }), NOW).change, 1],
		['another locality', TWO, (r) => register(r, request('a', { locality: 'weur' }), NOW).change, 1],
		['a heartbeat', TWO, (r) => heartbeat(r, 'a', NOW + 5_000).change, 0],
		['a heartbeat of a stranger', TWO, (r) => heartbeat(r, 'x', NOW).change, 0],
		['a drain', TWO, (r) => drain(r, 'a', NOW).change, 1],
		['a second drain', DRAINING, (r) => drain(r, 'a', NOW).change, 0],
		['a registration of the draining', DRAINING, (r) => register(r, request('a'), NOW).change, 1],
		['a deregistration', TWO, (r) => deregister(r, 'a', NOW).change, 1],
		['a deregistration of the draining', DRAINING, (r) => deregister(r, 'a', NOW).change, 0],
		['two expiries at once', TWO, (r) => expire(r, NOW + 10_000), 1],
		[
			'an expiry of the draining alone',
			DRAINING,
			(r) => expire(changed(r, heartbeat(r, 'b', NOW + 9_000).change), NOW + 10_000),
			0,
		],
		['an expiry before its time', TWO, (r) => expire(r, NOW + 9_999), 0],
	])('%s', (_, roster, event, growth) => {
		const change = event(roster)
		expect(change.version - roster.version).toBe(growth)
	})
})

describe('traffic', () => {
	it('goes to live and active endpoints, in order of id', () => {
		expect(idsAt(TWO, NOW + 9_999)).toEqual(['a', 'b'])
		expect(idsAt(DRAINING, NOW)).toEqual(['b'])
		expect(idsAt(TWO, NOW + 10_000)).toEqual([])
	})

	it('returns to a draining endpoint that registers again', () => {
		expect(idsAt(changed(DRAINING, register(DRAINING, request('a'), NOW).change), NOW)).toEqual(['a', 'b'])
	})
})

describe('an overdue lease', () => {
	it.each([
		['heartbeat', heartbeat],
		['drain', drain],
		['deregister', deregister],
	])('is gone for %s, before expire has removed it', (_, event) => {
		const step = event(TWO, 'a', NOW + 10_000)
		expect(step.reply).toEqual({ ok: false, error: { reason: 'no_such_endpoint', id: 'a' } })
		expect(step.change).toEqual({ version: TWO.version, put: [], remove: [] })
	})

	it('is created anew by a registration', () => {
		const step = register(TWO, request('a'), NOW + 10_000)
		expect(step.reply).toMatchObject({ value: { created: true, lease: { registeredAt: '2030-01-01T00:00:10.000Z' } } })
		expect(step.change.version).toBe(TWO.version + 1)
	})
})

describe('a registration', () => {
	it('says whether the lease is new', () => {
		expect(register(TWO, request('c'), NOW).reply).toMatchObject({ value: { created: true } })
		expect(register(TWO, request('a'), NOW).reply).toMatchObject({ value: { created: false } })
	})

	it('is refused beyond the limit, unless it renews', () => {
		const leases = new Map<string, HeldLease>()
		for (let i = 0; i < ENDPOINT_LIMIT; i++) leases.set(`e${i}`, grant(request(`e${i}`), NOW))
		const full: Roster = { version: 7, leases }
		const refused = register(full, request('one-more'), NOW)
		expect(refused.reply).toEqual({ ok: false, error: { reason: 'too_many_endpoints', limit: 10_000 } })
		expect(refused.change).toEqual({ version: 7, put: [], remove: [] })
		expect(register(full, request('e0'), NOW).reply.ok).toBe(true)
	})
})

describe('a registration that makes the endpoints too large to carry', () => {
	const url = (id: string, characters: number) => `http://${id}/${'p'.repeat(characters)}`
	const leases = new Map<string, HeldLease>()
	for (let i = 0; i < 3_400; i++) leases.set(`e${i}`, grant(request(`e${i}`, { url: url(`e${i}`, 2_000) }), NOW))
	const large: Roster = { version: 7, leases }

	it('is refused, new or renewed, and changes nothing', () => {
		for (const id of ['new', 'e0']) {
			const refused = register(large, request(id, { url: url(id, ENDPOINTS_CHARACTERS / 20) }), NOW)
			expect(refused.reply).toEqual({ ok: false, error: { reason: 'endpoints_too_large', limit: 7_000_000 } })
			expect(refused.change).toEqual({ version: 7, put: [], remove: [] })
		}
	})

	it('is taken when it takes no more room than before', () => {
		const over = changed(large, {
			version: 8,
			put: [grant(request('huge', { url: url('huge', 7e6) }), NOW)],
			remove: [],
		})
		expect(register(over, request('e0', { url: url('e0', 2_000), weight: 2 }), NOW).reply.ok).toBe(true)
		expect(register(over, request('e1', { url: url('e1', 1_999) }), NOW).reply.ok).toBe(true)
		expect(register(over, request('e2', { url: url('e2', 2_001) }), NOW).reply.ok).toBe(false)
	})
})

describe('the grace after the registry was away', () => {
	it('is not given while deadlines are attended', () => {
		expect(resume(TWO, NOW + 11_000).put).toEqual([])
		expect(resume(EMPTY, NOW).put).toEqual([])
	})

	it('starts every lease one TTL anew, and leaves the version', () => {
		const back = NOW + 3_600_000
		const change = resume(TWO, back)
		const resumed = changed(TWO, change)
		expect(change.version).toBe(TWO.version)
		expect(idsAt(resumed, back + 9_999)).toEqual(['a', 'b'])
		expect(idsAt(resumed, back + 10_000)).toEqual([])
	})

	it('is given once per silence: a lease on grace that is not heard from ends however late the next alarm is', () => {
		const back = NOW + 3_600_000
		const once = changed(TWO, resume(TWO, back))
		const heard = changed(once, heartbeat(once, 'b', back + 1).change)
		const twice = changed(heard, resume(heard, back + 3_600_000))
		expect(idsAt(twice, back + 3_600_000)).toEqual(['b'])
	})
})

it('the next deadline is the earliest end of any lease, draining ones too', () => {
	const roster = changed(DRAINING, register(DRAINING, request('b', { ttlSeconds: 60 }), NOW).change)
	expect(nextDeadline(roster)).toBe(NOW + 10_000)
	expect(nextDeadline(EMPTY)).toBeUndefined()
})
