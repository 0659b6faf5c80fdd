/** How tokens are checked, remembered and bounded. */
import { describe, expect, it } from 'vitest'
import {
	CACHE_MS,
	createAuthenticator,
	MAX_REMEMBERED,
	MAX_STRANGERS_PER_SECOND,
} from '../../../workers/admin/authenticate.ts'
import { bearerToken, hashOf, newToken } from '../../../workers/admin/tokens.ts'
import { createWorld, meshOf, tokens, type World } from './fakeMesh.ts'

function authenticatorOf(world: World, adminToken?: string) {
	const mesh = meshOf(world)
	return createAuthenticator({ store: () => mesh.policyStore(), adminToken, now: () => world.nowMs })
}

const lookUps = (world: World): number => world.calls.filter((call) => call === 'policyStore.authenticate').length

describe('authenticate', () => {
	it('asks the store once a second for a token that is used all the time', async () => {
		const world = await createWorld()
		const { authenticate } = authenticatorOf(world)
		for (let i = 0; i < 10; i++) expect((await authenticate(`Bearer ${tokens.viewer}`)).ok).toBe(true)
		expect(lookUps(world)).toBe(1)
		world.nowMs += CACHE_MS
		await authenticate(`Bearer ${tokens.viewer}`)
		expect(lookUps(world)).toBe(2)
	})

	it('refuses a revoked token one second after it was last looked up, and not a millisecond later', async () => {
		const world = await createWorld()
		const { authenticate } = authenticatorOf(world)
		await authenticate(`Bearer ${tokens.viewer}`)
		world.principals.clear()
		world.nowMs += CACHE_MS - 1
		expect((await authenticate(`Bearer ${tokens.viewer}`)).ok).toBe(true)
		world.nowMs += 1
		expect(await authenticate(`Bearer ${tokens.viewer}`)).toEqual({ ok: false, error: 'unknown_token' })
	})

	it('refuses a token revoked here at once, after it was told to forget', async () => {
		const world = await createWorld()
		const { authenticate, forget } = authenticatorOf(world)
		await authenticate(`Bearer ${tokens.viewer}`)
		world.principals.clear()
		forget()
		expect((await authenticate(`Bearer ${tokens.viewer}`)).ok).toBe(false)
	})

	it('asks the store once for the same wrong token', async () => {
		const world = await createWorld()
		const { authenticate } = authenticatorOf(world)
		for (let i = 0; i < 50; i++) expect((await authenticate('Bearer wrong')).ok).toBe(false)
		expect(lookUps(world)).toBe(1)
	})

	it('lets guesses cost the store a bounded number of look-ups, and lets holders of good tokens in meanwhile', async () => {
		const world = await createWorld()
		const { authenticate } = authenticatorOf(world)
		await authenticate(`Bearer ${tokens.viewer}`)
		for (let i = 0; i < 3 * MAX_STRANGERS_PER_SECOND; i++) await authenticate(`Bearer guess-${i}`)
		expect(lookUps(world)).toBe(MAX_STRANGERS_PER_SECOND)
		expect(await authenticate('Bearer another')).toEqual({ ok: false, error: 'too_many_attempts' })
		world.nowMs += CACHE_MS - 1
		expect((await authenticate(`Bearer ${tokens.viewer}`)).ok).toBe(true)
		world.nowMs += 1
		for (let i = 0; i < 2 * MAX_STRANGERS_PER_SECOND; i++) await authenticate(`Bearer guess-again-${i}`)
		expect((await authenticate(`Bearer ${tokens.viewer}`)).ok).toBe(true)
	})

	it('forgets the oldest of too many wrong tokens instead of growing', async () => {
		const world = await createWorld()
		const { authenticate } = authenticatorOf(world)
		for (let i = 0; i <= MAX_REMEMBERED; i++) {
			world.nowMs += 10
			await authenticate(`Bearer guess-${i}`)
		}
		const before = lookUps(world)
		world.nowMs -= 10 * MAX_REMEMBERED
		await authenticate('Bearer guess-1')
		expect(lookUps(world)).toBe(before)
		await authenticate('Bearer guess-0')
		expect(lookUps(world)).toBe(before + 1)
	})

	it('makes the token from the secret known once, as an admin', async () => {
		const world = await createWorld()
		const { authenticate } = authenticatorOf(world, 'from-the-secret')
		expect(await authenticate('Bearer from-the-secret')).toMatchObject({ ok: true, value: { role: 'admin' } })
		await authenticate('Bearer from-the-secret')
		expect(world.calls.filter((call) => call === 'policyStore.bootstrap')).toHaveLength(1)
	})

	it('tries again to make it known when the store could not be reached', async () => {
		const world = await createWorld()
		const { authenticate } = authenticatorOf(world, 'from-the-secret')
		world.failing.set('policyStore.bootstrap', new Error('unreachable'))
		await expect(authenticate('Bearer from-the-secret')).rejects.toThrow('unreachable')
		world.failing.clear()
		expect((await authenticate('Bearer from-the-secret')).ok).toBe(true)
	})

	it('gives nobody the role admin when the secret is empty', async () => {
		const world = await createWorld()
		const { authenticate } = authenticatorOf(world, '')
		expect((await authenticate('Bearer ')).ok).toBe(false)
		expect(world.calls).toEqual([])
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
