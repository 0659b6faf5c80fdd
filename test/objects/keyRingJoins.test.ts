/** Joining: what is good once is good once only, and strangers fill nothing. */
import { reset } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { hashOf } from '../../workers/admin/tokens.ts'
import { EVIDENCE, equip, inKeyRing, keyRing, ORDERS, type RootLink, restart } from './keyRingObjects.ts'
import { ACTOR, everything } from './meshObjects.ts'

const NOW = Date.UTC(2100, 0, 1)
const HOUR = 3_600_000
const DAY = 24 * HOUR
let link: RootLink
beforeEach(async () => {
	vi.useFakeTimers({ toFake: ['Date'], now: NOW + 500 })
	vi.spyOn(console, 'warn').mockImplementation(() => {})
	link = { failing: undefined, sent: [] }
	await equip(link)
})
afterEach(async () => {
	vi.useRealTimers()
	vi.restoreAllMocks()
	await reset()
})

const at = (ms: number) => vi.setSystemTime(NOW + ms)

describe('a join token', () => {
	const SECRET = 'selvedge_join_a-secret-that-nobody-may-find'
	const create = async (ttlSeconds = 600) =>
		keyRing().createJoinToken(
			{ workload: ORDERS, trust: 'default/orders', hash: await hashOf(SECRET), ttlSeconds },
			ACTOR,
		)
	const redeem = async (secret = SECRET) => keyRing().redeemJoinToken(await hashOf(secret))

	it('is good once, for one workload, also after a restart', async () => {
		const info = await create()
		expect(info).toMatchObject({ createdBy: 'ana', expiresAt: new Date(NOW + 600_500).toISOString() })
		await restart(link)
		expect(await redeem('another')).toBeNull()
		const all = await Promise.all([redeem(), redeem(), redeem()])
		expect(all.filter((each) => each !== null)).toEqual([{ workload: ORDERS, trust: 'default/orders' }])
		expect(await keyRing().listJoinTokens()).toMatchObject([{ id: info.id, usedAt: new Date(NOW + 500).toISOString() }])
	})

	it('is no good when it has expired, or was deleted', async () => {
		await create(1)
		at(1_500)
		expect(await redeem()).toBeNull()
		at(8 * DAY)
		await keyRing().tick()
		expect(await keyRing().listJoinTokens()).toEqual([])
		const { id } = await create()
		expect(await keyRing().deleteJoinToken(id, ACTOR)).toBe(true)
		expect(await keyRing().deleteJoinToken(id, ACTOR)).toBe(false)
		expect(await redeem()).toBeNull()
	})

	it('is nowhere in storage, and its hash only where it is looked up', async () => {
		await create()
		const { join_tokens, ...rest } = await inKeyRing(everything)
		expect(JSON.stringify([join_tokens, rest, await keyRing().listJoinTokens()])).not.toContain(SECRET)
		expect(JSON.stringify(rest)).not.toContain(await hashOf(SECRET))
		expect(JSON.stringify(await keyRing().listJoinTokens())).not.toContain(await hashOf(SECRET))
	})
})

describe('strangers', () => {
	it('show a value once, until it has expired, also across a restart', async () => {
		const until = NOW + 60_000
		expect([
			await keyRing().once('a', until),
			await keyRing().once('a', until),
			await keyRing().once('b', until),
		]).toEqual([true, false, true])
		await restart(link)
		expect(await keyRing().once('a', until + 1)).toBe(false)
		expect(await keyRing().once('c', NOW), 'expired already').toBe(false)
		expect(JSON.stringify((await inKeyRing(everything)).seen)).not.toContain('"a"')
		at(60_000)
		await keyRing().tick()
		expect((await inKeyRing(everything)).seen).toEqual([])
		expect(await keyRing().once('a', NOW + 120_000)).toBe(true)
	})

	it('show nothing any more when too much is remembered, until some of it has expired', async () => {
		await inKeyRing(({ sql }) =>
			sql.exec(
				`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120000)
					INSERT INTO seen SELECT 'h' || i, ? FROM n`,
				NOW + 60_000,
			),
		)
		await restart(link)
		expect(await keyRing().once('a', NOW + 90_000)).toBe(false)
		at(60_000)
		expect(await keyRing().once('a', NOW + 90_000)).toBe(true)
	})

	it('may try to join so often, by network', async () => {
		for (let i = 0; i < 20; i++) expect(await keyRing().admitJoin('2001:db8:1:2::1')).toBeNull()
		expect(await keyRing().admitJoin('2001:db8:1:2:ffff::9')).toEqual({ retryAfterSeconds: 1 })
		expect(await keyRing().admitJoin('2001:db8:1:3::1')).toBeNull()
	})

	it('cannot crowd what was done out of the record, nor fill the storage', async () => {
		await keyRing().revoke({ kind: 'token', jti: 'j1' }, 'lost', ACTOR)
		const { trust: _, ...evidence } = { ...EVIDENCE, subject: 'x'.repeat(10_000) }
		await inKeyRing(({ sql }) =>
			sql.exec(
				`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
					INSERT INTO events (at, action, actor, detail, refused) SELECT 0, 'join.refuse', '', '{}', 1 FROM n`,
			),
		)
		for (let i = 0; i < 100; i++) await keyRing().refused(evidence, 'no such key')
		const { events } = await inKeyRing(everything)
		expect(events!.length).toBeLessThan(2_150)
		expect(events).toContainEqual(expect.objectContaining({ action: 'revocation.create' }))
		const [newest] = (await keyRing().events({ limit: 1 })).items
		expect(newest!.detail).toMatchObject({ subject: 'x'.repeat(256), why: 'no such key', method: 'joinToken' })
	})
})
