/** A single lease: when it ends, what it keeps, and what others see of it. */
import { describe, expect, it } from 'vitest'
import type { LeaseRequest } from '../../../src/ports.ts'
import { endpointOf, grant, isAlive, leaseOf, prolong, renew } from '../../../src/registry/lease.ts'

const NOW = Date.UTC(2030, 0, 1)
const REQUEST: LeaseRequest = { id: 'a', url: 'http://10.0.0.1:80', weight: 1, labels: {}, ttlSeconds: 10 }

describe('a lease', () => {
	it.each([
		[-1, true],
		[0, false],
		[1, false],
	])('%i ms from its end is alive: %s', (offset, alive) => {
		expect(isAlive(grant(REQUEST, NOW), NOW + 10_000 + offset)).toBe(alive)
	})

	it('lasts a whole TTL from each heartbeat', () => {
		expect(renew(grant(REQUEST, NOW), NOW + 9_999).expiresAtMs).toBe(NOW + 19_999)
	})

	it('stays draining when it is renewed', () => {
		expect(renew({ ...grant(REQUEST, NOW), state: 'draining' }, NOW + 1).state).toBe('draining')
	})

	it('is on grace until it is heard from', () => {
		const onGrace = prolong(grant(REQUEST, NOW), NOW + 60_000)
		expect(onGrace).toMatchObject({ onGrace: true, expiresAtMs: NOW + 70_000 })
		expect(renew(onGrace, NOW + 60_001).onGrace).toBe(false)
		expect(grant(REQUEST, NOW + 60_001, onGrace).onGrace).toBe(false)
	})

	it('remembers when it was first registered', () => {
		const first = grant(REQUEST, NOW)
		expect(leaseOf(grant({ ...REQUEST, weight: 2 }, NOW + 5_000, first))).toEqual({
			...REQUEST,
			weight: 2,
			state: 'active',
			registeredAt: '2030-01-01T00:00:00.000Z',
			expiresAt: '2030-01-01T00:00:15.000Z',
		})
	})

	it('says to the data plane when its endpoint joined, however often it is registered again', () => {
		const first = grant(REQUEST, NOW)
		expect(endpointOf(grant({ ...REQUEST, weight: 2 }, NOW + 5_000, first)).joinedAt).toBe(NOW)
		expect(endpointOf(grant(REQUEST, NOW + 60_000)).joinedAt).toBe(NOW + 60_000)
	})

	it('gives equal endpoints for labels in any order, and leaves out what is not set', () => {
		const one = endpointOf(grant({ ...REQUEST, labels: { a: '1', b: '2' }, locality: 'weur' }, NOW))
		const other = endpointOf(grant({ ...REQUEST, labels: { b: '2', a: '1' }, locality: 'weur' }, NOW))
		expect(JSON.stringify(one)).toBe(JSON.stringify(other))
		const given = { id: 'a', url: REQUEST.url, weight: 1, labels: { a: '1', b: '2' }, locality: 'weur', joinedAt: NOW }
		expect(one).toEqual(given)
		expect(Object.keys(endpointOf(grant(REQUEST, NOW)))).toEqual(['id', 'url', 'weight', 'joinedAt'])
	})
})
