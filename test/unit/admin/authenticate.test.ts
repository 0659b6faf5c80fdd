/** How tokens are checked, remembered and bounded, and that failures of some cost others nothing. */
import { beforeEach, describe, expect, it } from 'vitest'
import { FAILURES } from '../../../workers/admin/attempts.ts'
import {
	type Authenticator,
	CACHE_MS,
	createAuthenticator,
	MAX_REMEMBERED,
} from '../../../workers/admin/authenticate.ts'
import { createTally } from '../../../workers/admin/tally.ts'
import { bearerToken, hashOf, newToken } from '../../../workers/admin/tokens.ts'
import { createWorld, meshOf, settle, tokens, type World } from './fakeMesh.ts'

let world: World
beforeEach(async () => {
	world = await createWorld()
})

function authenticatorOf(adminToken?: string): Authenticator {
	const mesh = meshOf(world, adminToken === undefined ? {} : { adminToken })
	return createAuthenticator(mesh, createTally(mesh))
}

const request = (authorization: string, address = '192.0.2.1', headers: Record<string, string> = {}): Request =>
	new Request('http://admin.mesh.localhost/', { headers: { authorization, 'cf-connecting-ip': address, ...headers } })
const outcome = async ({ authenticate }: Authenticator, ...asked: Parameters<typeof request>) => {
	const found = await authenticate(request(...asked))
	return found.ok ? found.value.principal.role : found.error.reason
}
const lookUps = (): number => world.calls.filter((call) => call === 'policyStore.authenticate').length

describe('authenticate', () => {
	it('asks the store once a second for a token that is used all the time', async () => {
		const authenticator = authenticatorOf()
		for (let i = 0; i < 10; i++) expect(await outcome(authenticator, `Bearer ${tokens.viewer}`)).toBe('viewer')
		expect(lookUps()).toBe(1)
		world.nowMs += CACHE_MS
		await outcome(authenticator, `Bearer ${tokens.viewer}`)
		expect(lookUps()).toBe(2)
	})

	it('refuses a revoked token one second after it was last looked up, and not a millisecond later', async () => {
		const authenticator = authenticatorOf()
		await outcome(authenticator, `Bearer ${tokens.viewer}`)
		world.principals.clear()
		world.nowMs += CACHE_MS - 1
		expect(await outcome(authenticator, `Bearer ${tokens.viewer}`)).toBe('viewer')
		world.nowMs += 1
		expect(await outcome(authenticator, `Bearer ${tokens.viewer}`)).toBe('unknown_token')
	})

	it('refuses a token revoked here at once, after it was told to forget', async () => {
		const authenticator = authenticatorOf()
		await outcome(authenticator, `Bearer ${tokens.viewer}`)
		world.principals.clear()
		authenticator.forget()
		expect(await outcome(authenticator, `Bearer ${tokens.viewer}`)).toBe('unknown_token')
	})

	it('asks the store once for the same wrong token', async () => {
		const authenticator = authenticatorOf()
		for (let i = 0; i < 50; i++) expect(await outcome(authenticator, 'Bearer wrong')).toBe('unknown_token')
		expect(lookUps()).toBe(1)
	})

	it('forgets the oldest of too many wrong tokens instead of growing', async () => {
		const authenticator = authenticatorOf()
		for (let i = 0; i <= MAX_REMEMBERED; i++) {
			world.nowMs += 10
			await outcome(authenticator, `Bearer guess-${i}`, `198.51.${i >> 8}.${i & 255}`)
		}
		const before = lookUps()
		world.nowMs -= 10 * MAX_REMEMBERED
		await outcome(authenticator, 'Bearer guess-1', '203.0.113.1')
		expect(lookUps()).toBe(before)
		await outcome(authenticator, 'Bearer guess-0', '203.0.113.1')
		expect(lookUps()).toBe(before + 1)
	})

	it('makes the token from the secret known once, as an admin', async () => {
		const authenticator = authenticatorOf('from-the-secret')
		expect(await outcome(authenticator, 'Bearer from-the-secret')).toBe('admin')
		await outcome(authenticator, 'Bearer from-the-secret')
		expect(world.calls.filter((call) => call === 'policyStore.bootstrap')).toHaveLength(1)
	})

	it('tries again to make it known when the store could not be reached', async () => {
		const authenticator = authenticatorOf('from-the-secret')
		world.failing.set('policyStore.bootstrap', new Error('unreachable'))
		await expect(outcome(authenticator, 'Bearer from-the-secret')).rejects.toThrow('unreachable')
		world.failing.clear()
		expect(await outcome(authenticator, 'Bearer from-the-secret')).toBe('admin')
	})

	it('gives nobody the role admin when the secret is empty', async () => {
		expect(await outcome(authenticatorOf(''), 'Bearer ')).toBe('no_credential')
		expect(world.calls).toEqual([])
	})
})

describe('who guesses', () => {
	const guess = (authenticator: Authenticator, count: number, address: (i: number) => string) =>
		Promise.all(
			Array.from({ length: count }, (_, i) => outcome(authenticator, `Bearer guess-${lookUps()}-${i}`, address(i))),
		)
	const ofOne = () => '192.0.2.66'
	const ofMany = (i: number) => `10.${i >> 8}.${i & 255}.1`

	it('from one network is stopped after so many failures, and locks nobody out who comes from another', async () => {
		const authenticator = authenticatorOf()
		const outcomes = await guess(authenticator, 5 * FAILURES.each.burst, ofOne)
		expect(outcomes.filter((reason) => reason === 'unknown_token')).toHaveLength(FAILURES.each.burst)
		// Hashes are made in threads: who came first need not be looked up first.
		expect(outcomes.filter((reason) => reason === 'too_many_attempts')).toHaveLength(4 * FAILURES.each.burst)
		expect(lookUps()).toBe(FAILURES.each.burst)
		expect(await outcome(authenticator, `Bearer ${tokens.viewer}`, '192.0.2.67')).toBe('viewer')
	})

	it('is told when to come again, and may then', async () => {
		const authenticator = authenticatorOf()
		await guess(authenticator, FAILURES.each.burst, ofOne)
		expect(await authenticator.authenticate(request('Bearer one-more', ofOne()))).toEqual({
			ok: false,
			error: { reason: 'too_many_attempts', retryAfterSeconds: 1 },
		})
		world.nowMs += 1000
		expect(await outcome(authenticator, 'Bearer yet-another', ofOne())).toBe('unknown_token')
	})

	it('has one network for all addresses of an IPv6 /64', async () => {
		const authenticator = authenticatorOf()
		const outcomes = await guess(authenticator, 2 * FAILURES.each.burst, (i) => `2001:db8:1:2::${i.toString(16)}`)
		expect(outcomes.filter((reason) => reason === 'too_many_attempts')).toHaveLength(FAILURES.each.burst)
	})

	it('from many networks costs the store a bounded number of look-ups', async () => {
		const authenticator = authenticatorOf()
		await guess(authenticator, 3 * FAILURES.all.burst, ofMany)
		expect(lookUps()).toBe(FAILURES.all.burst)
	})

	it('stops no token that was good before, from wherever it comes and however often', async () => {
		const authenticator = authenticatorOf()
		await outcome(authenticator, `Bearer ${tokens.viewer}`, ofOne())
		for (let round = 0; round < 3; round++) {
			await guess(authenticator, 3 * FAILURES.all.burst, round === 0 ? ofOne : ofMany)
			world.nowMs += CACHE_MS
			expect(await outcome(authenticator, `Bearer ${tokens.viewer}`, ofOne())).toBe('viewer')
		}
	})

	it('is not whoever has a good token, however many an isolate sees for the first time', async () => {
		const authenticator = authenticatorOf()
		for (let i = 0; i < 3 * FAILURES.all.burst; i++) {
			world.principals.set(await hashOf(`good-${i}`), { token: `${i}`, name: `t${i}`, role: 'viewer' })
			expect(await outcome(authenticator, `Bearer good-${i}`)).toBe('viewer')
		}
	})

	it('is not whoever asks while the store does not answer', async () => {
		const authenticator = authenticatorOf()
		world.failing.set('policyStore.authenticate', new Error('unreachable'))
		for (let i = 0; i < 2 * FAILURES.each.burst; i++)
			await expect(outcome(authenticator, `Bearer ${tokens.viewer}`)).rejects.toThrow()
		world.failing.clear()
		expect(await outcome(authenticator, `Bearer ${tokens.viewer}`)).toBe('viewer')
	})

	it('is told of to the audit log once a second, as counts by network', async () => {
		const authenticator = authenticatorOf()
		await guess(authenticator, 30, ofOne)
		await guess(authenticator, 2, () => '2001:db8::7')
		await outcome(authenticator, '')
		expect([world.afterwards.length, world.refused]).toEqual([1, []])
		await settle(world)
		expect(world.refused).toEqual([
			{ what: 'login', network: '192.0.2.66', actor: '', count: 30 },
			{ what: 'login', network: '2001:db8:0:0', actor: '', count: 2 },
		])
		await guess(authenticator, 1, ofOne)
		await settle(world)
		expect(world.refused).toHaveLength(3)
	})

	it('from a thousand networks within a second is told of as some of them, and the rest together', async () => {
		const authenticator = authenticatorOf()
		await guess(authenticator, 1_000, ofMany)
		await settle(world)
		expect(world.refused).toHaveLength(501)
		expect(world.refused.at(-1)).toMatchObject({ network: '*', count: 500 })
	})
})

describe('bearerToken', () => {
	it.each([
		['Bearer abc', 'abc'],
		['bearer abc', 'abc'],
		['Bearer   abc', 'abc'],
		['Basic abc', undefined],
		['Bearer', undefined],
		['Bearer ', undefined],
		['Bearer a b', undefined],
		['Bearerabc', undefined],
		[`Bearer ${'x'.repeat(513)}`, undefined],
		[null, undefined],
	])('reads %j as %j', (header, token) => {
		expect(bearerToken(header)).toBe(token)
	})
})

describe('newToken', () => {
	it('has 256 random bits that are good in a header as they are, and never the same twice', () => {
		const [one, other] = [newToken(), newToken()]
		expect(one).toMatch(/^selvedge_[A-Za-z0-9_-]{43}$/)
		expect(one).not.toBe(other)
		expect(bearerToken(`Bearer ${one}`)).toBe(one)
	})

	it('is stored as the SHA-256 of its text (FIPS 180-4 example)', async () => {
		expect(await hashOf('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
	})
})
