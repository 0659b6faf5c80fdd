/** The root's API tokens: known by hash alone, replaced and revoked at once, on record. */
import { evictDurableObject, reset } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Principal } from '../../src/ports.ts'
import { hashOf } from '../../workers/admin/tokens.ts'
import { ACTOR, everything, inRoot, root, rootStub } from './meshObjects.ts'

const SECRET = 'selvedge_a-secret-that-nobody-may-find'
let hash: string
const NOW = Date.UTC(2100, 0, 1)
const DAY_MS = 86_400_000
beforeEach(async () => {
	vi.useFakeTimers({ toFake: ['Date'], now: NOW })
	hash = await hashOf(SECRET)
})
afterEach(async () => {
	vi.useRealTimers()
	await reset()
})

const create = (name: string, tokenHash: string) =>
	root().createToken({ name, role: 'operator', hash: tokenHash }, ACTOR)

describe('a token', () => {
	it('is found by its hash and by nothing else, also after a restart', async () => {
		const { id } = await create('ci', hash)
		await evictDurableObject(rootStub())
		expect(await root().authenticate(hash)).toEqual({ token: id, name: 'ci', role: 'operator' })
		for (const wrong of [SECRET, hash.slice(0, -1), hash.toUpperCase(), '', "' OR 1=1 --"])
			expect(await root().authenticate(wrong), wrong).toBeNull()
	})

	it('is nowhere in storage, and its hash only where it is looked up', async () => {
		await create('ci', hash)
		const { tokens, ...rest } = await inRoot(everything)
		expect(JSON.stringify({ tokens, rest })).not.toContain(SECRET)
		expect(JSON.stringify(tokens)).toContain(hash)
		expect(JSON.stringify(rest)).not.toContain(hash)
		expect(JSON.stringify(await root().listTokens())).not.toContain(hash)
	})

	it('revoked is refused from then on; revoking what is not there says so', async () => {
		const { id } = await create('ci', hash)
		expect(await root().revokeToken('other', ACTOR)).toBe(false)
		expect(await root().revokeToken(id, ACTOR)).toBe(true)
		expect(await root().authenticate(hash)).toBeNull()
		expect(await root().listTokens()).toEqual([])
		expect(await root().revokeToken(id, ACTOR)).toBe(false)
	})

	it('is on record when it comes and when it goes', async () => {
		const info = await create('ci', hash)
		await root().revokeToken(info.id, ACTOR)
		const key = `Token/-/${info.id}`
		expect((await root().audit({ limit: 10 })).items).toMatchObject([
			{ actor: 'ana', action: 'token.revoke', changes: [{ key, before: info, after: null }] },
			{ actor: 'ana', action: 'token.create', changes: [{ key, before: null, after: info }] },
		])
	})
})

describe('a token with namespaces', () => {
	it('is found with them, and listed with them', async () => {
		const namespaces = ['billing', 'payments']
		await root().createToken({ name: 'team', role: 'viewer', hash, namespaces }, ACTOR)
		await evictDurableObject(rootStub())
		expect(await root().authenticate(hash)).toMatchObject({ namespaces })
		expect(await root().listTokens()).toMatchObject([{ namespaces }])
	})
})

describe('a token that expires', () => {
	const expiring = (ms: number, name = 'ci', tokenHash = hash) =>
		root().createToken({ name, role: 'operator', hash: tokenHash, expiresAt: NOW + ms }, ACTOR)

	it('is good until then, and not from then on', async () => {
		expect(await expiring(60_000)).toMatchObject({ expiresAt: '2100-01-01T00:01:00.000Z' })
		vi.setSystemTime(NOW + 59_999)
		expect(await root().authenticate(hash)).not.toBeNull()
		vi.setSystemTime(NOW + 60_000)
		expect(await root().authenticate(hash)).toBeNull()
	})

	it('is listed for a month more, and forgotten when the next one is made', async () => {
		await expiring(60_000)
		vi.setSystemTime(NOW + 60_000 + 30 * DAY_MS)
		await create('kept', await hashOf('kept'))
		expect(await root().listTokens()).toHaveLength(2)
		vi.setSystemTime(NOW + 60_001 + 30 * DAY_MS)
		await create('more', await hashOf('more'))
		expect((await root().listTokens()).map(({ name }) => name)).toEqual(['kept', 'more'])
	})
})

describe('a rotation', () => {
	let next: string
	let id: string
	beforeEach(async () => {
		next = await hashOf('the next secret')
		id = (await create('ci', hash)).id
	})
	const rotate = (rotation: object = {}) =>
		root().rotateToken(id, { hash: next, graceSeconds: 300, ...rotation }, ACTOR)
	const good = async (...hashes: string[]) =>
		Promise.all(hashes.map(async (each) => (await root().authenticate(each)) !== null))

	it('makes the new secret good at once, and lets the old one be good for the grace', async () => {
		expect(await rotate()).toMatchObject({ id, oldSecretUntil: '2100-01-01T00:05:00.000Z' })
		expect(await good(hash, next)).toEqual([true, true])
		vi.setSystemTime(NOW + 299_999)
		expect(await good(hash, next)).toEqual([true, true])
		vi.setSystemTime(NOW + 300_000)
		expect(await good(hash, next)).toEqual([false, true])
	})

	it('without grace ends the old secret at once', async () => {
		await rotate({ graceSeconds: 0 })
		expect(await good(hash, next)).toEqual([false, true])
	})

	it('soon after another leaves the two newest secrets good', async () => {
		await rotate()
		const third = await hashOf('the third secret')
		await rotate({ hash: third })
		expect(await good(hash, next, third)).toEqual([false, true, true])
	})

	it('does not let the old secret live longer than it would have', async () => {
		const short = await hashOf('short')
		const made = await root().createToken({ name: 's', role: 'viewer', hash: short, expiresAt: NOW + 60_000 }, ACTOR)
		const rotation = { hash: next, graceSeconds: 3_600, expiresAt: NOW + DAY_MS }
		expect(await root().rotateToken(made.id, rotation, ACTOR)).toMatchObject({
			expiresAt: '2100-01-02T00:00:00.000Z',
			oldSecretUntil: '2100-01-01T00:01:00.000Z',
		})
		vi.setSystemTime(NOW + 60_000)
		expect(await good(short, next)).toEqual([false, true])
	})

	it('keeps what the token may do, and is on record without either hash', async () => {
		await rotate()
		expect(await root().authenticate(next)).toEqual({ token: id, name: 'ci', role: 'operator' })
		const [entry] = (await root().audit({ limit: 1 })).items
		expect(entry).toMatchObject({ actor: 'ana', action: 'token.rotate', changes: [{ key: `Token/-/${id}` }] })
		expect(JSON.stringify(entry)).not.toContain(hash)
		expect(JSON.stringify(entry)).not.toContain(next)
	})

	it('revoked, ends with both secrets', async () => {
		await rotate()
		await root().revokeToken(id, ACTOR)
		expect(await good(hash, next)).toEqual([false, false])
	})

	it('is not for tokens that are unknown, that have expired, or that are of the secret', async () => {
		const rotation = { hash: next, graceSeconds: 0 }
		expect(await root().rotateToken('other', rotation, ACTOR)).toBeNull()
		await root().bootstrap(await hashOf('admin'))
		expect(await root().rotateToken('bootstrap', rotation, ACTOR)).toBeNull()
		const ended = await root().createToken(
			{ name: 'e', role: 'viewer', hash: await hashOf('e'), expiresAt: NOW + 1 },
			ACTOR,
		)
		vi.setSystemTime(NOW + 1)
		expect(await root().rotateToken(ended.id, rotation, ACTOR)).toBeNull()
		expect(await good(next)).toEqual([false])
	})
})

describe('the last use of a token', () => {
	it('is told by the day, and written once a day', async () => {
		await create('ci', hash)
		expect((await root().listTokens())[0]).not.toHaveProperty('lastUsedOn')
		await root().authenticate(hash)
		vi.setSystemTime(NOW + DAY_MS - 1)
		await root().authenticate(hash)
		const lastUsedOn = async () => (await root().listTokens())[0]!.lastUsedOn
		expect(await lastUsedOn()).toBe('2100-01-01')
		vi.setSystemTime(NOW + DAY_MS)
		expect(await lastUsedOn()).toBe('2100-01-01')
		await root().authenticate(hash)
		expect(await lastUsedOn()).toBe('2100-01-02')
	})
})

describe('tokens of an earlier version', () => {
	it('go on as they were: for everything, and without an end', async () => {
		await create('ci', hash)
		await inRoot(({ sql }) => {
			sql.exec('DROP INDEX tokens_by_old_hash')
			for (const column of ['namespaces', 'expires_at', 'rotated_at', 'old_hash', 'old_until', 'last_used_day'])
				sql.exec(`ALTER TABLE tokens DROP COLUMN ${column}`)
		})
		await evictDurableObject(rootStub())
		const found: Principal | null = await root().authenticate(hash)
		expect(found).toMatchObject({ name: 'ci', role: 'operator' })
		expect(found).not.toHaveProperty('namespaces')
	})
})

describe('the bootstrap token', () => {
	it('is replaced by the next secret, and there is always one', async () => {
		await root().bootstrap(hash)
		await root().bootstrap(hash)
		expect(await root().authenticate(hash)).toEqual({ token: 'bootstrap', name: 'bootstrap', role: 'admin' })
		const next = await hashOf('another secret')
		await root().bootstrap(next)
		expect(await root().authenticate(hash)).toBeNull()
		expect(await root().authenticate(next)).toMatchObject({ role: 'admin' })
		expect(await root().listTokens()).toHaveLength(1)
	})

	it('cannot be revoked over the API', async () => {
		await root().bootstrap(hash)
		expect(await root().revokeToken('bootstrap', ACTOR)).toBe(false)
		expect(await root().authenticate(hash)).not.toBeNull()
	})

	it('leaves other tokens alone when it is replaced', async () => {
		const other = await hashOf('other')
		await create('ci', other)
		await root().bootstrap(hash)
		await root().bootstrap(await hashOf('next'))
		expect(await root().authenticate(other)).toMatchObject({ name: 'ci' })
	})
})
