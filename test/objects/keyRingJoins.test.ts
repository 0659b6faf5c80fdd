/** Joining: what is good once is good once only, and strangers fill nothing. */
import { reset } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { WitRequest } from '../../src/ports.ts'
import { hashOf } from '../../workers/admin/tokens.ts'
import {
	EVIDENCE,
	equip,
	granted,
	inKeyRing,
	keyRing,
	ORDERS,
	ORDERS_ID,
	type RootLink,
	restart,
	verdict,
	workloadKey,
} from './keyRingObjects.ts'
import { ACTOR, everything } from './meshObjects.ts'
import { NOW, stopTime } from './time.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
let link: RootLink
beforeEach(async () => {
	stopTime()
	vi.setSystemTime(NOW + 500)
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
	const SHOWN = { value: 'dpop x', expiresAt: NOW + 60_000 }
	const usesOf = async (secret = SECRET) => ({ joinToken: await hashOf(secret), once: [SHOWN] })
	const join = async (secret = SECRET, more: Partial<WitRequest> = {}) =>
		keyRing().issueWit({
			...{ workload: ORDERS, jwk: (await workloadKey()).jwk, ttlSeconds: 600, evidence: EVIDENCE },
			uses: { joinToken: await hashOf(secret) },
			...more,
		})
	const GONE = { ok: false, error: { reason: 'join_token_gone' } }
	const find = async (secret = SECRET) => keyRing().findJoinToken(await hashOf(secret))

	it('is good once, for one workload, also after a restart', async () => {
		const info = await create()
		expect(info).toMatchObject({ createdBy: 'ana', expiresAt: new Date(NOW + 600_500).toISOString() })
		await restart(link)
		expect([await join('another'), await find('another')]).toEqual([GONE, null])
		expect(await find(), 'looking costs nothing').toEqual({ workload: ORDERS, trust: 'default/orders' })
		expect(await verdict(granted(await join()).token)).toBe('good')
		expect([await join(), await find()]).toEqual([GONE, null])
		await restart(link)
		expect(await join()).toEqual(GONE)
		expect(await keyRing().listJoinTokens()).toMatchObject([{ id: info.id, usedAt: new Date(NOW + 500).toISOString() }])
	})

	it('is for its workload by its WorkloadTrust, and not lost to anybody else', async () => {
		await create()
		expect(await join(SECRET, { workload: { ...ORDERS, workload: 'payments' } })).toEqual(GONE)
		expect(await join(SECRET, { workload: { ...ORDERS, namespace: 'other' } })).toEqual(GONE)
		expect(await join(SECRET, { evidence: { ...EVIDENCE, trust: 'default/other' } })).toEqual(GONE)
		granted(await join())
	})

	it('makes one of twenty that show it at once, whatever they ask for', async () => {
		await create()
		const jwt = async () =>
			keyRing().issueJwtSvid({
				...{ workload: ORDERS, audiences: ['a'], ttlSeconds: 60, evidence: EVIDENCE },
				uses: { joinToken: await hashOf(SECRET) },
			})
		const all = await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? join() : jwt())))
		expect(all.filter(({ ok }) => ok)).toHaveLength(1)
		expect(all.filter(({ ok }) => !ok)).toEqual(Array(19).fill(GONE))
		const { items } = await keyRing().events({ limit: 100 })
		expect(items.filter(({ action }) => action.endsWith('.issue'))).toHaveLength(1)
	})

	const hurdles: readonly [string, () => Promise<() => unknown>, object?][] = [
		[
			'workload_revoked',
			async () => {
				const { id } = granted(await keyRing().revoke({ kind: 'workload', workload: ORDERS }, 'x', ACTOR))
				return () => keyRing().lift(id, ACTOR)
			},
		],
		['too_many', async () => exhaust()],
		['invalid_key', async () => () => {}, { jwk: { kty: 'EC', crv: 'P-256', alg: 'ES256', x: 'AA', y: 'AA' } }],
		[
			'sealed',
			async () => {
				await restart(link, 'another-master-key-of-32-characters!')
				return () => restart(link)
			},
		],
	]
	it.each(hurdles)(
		'is as it was when nothing is issued because of %s, and so are proofs',
		async (reason, build, more) => {
			await create()
			await keyRing().info()
			const remove = await build()
			const uses = await usesOf()
			expect(await join(SECRET, { uses, ...more })).toMatchObject({ ok: false, error: { reason } })
			expect((await inKeyRing(everything)).seen).toEqual([])
			await remove()
			granted(await join(SECRET, { uses }))
			expect((await inKeyRing(everything)).seen).toHaveLength(1)
			expect(await join(SECRET, { uses })).toEqual(GONE)
		},
	)

	async function exhaust(): Promise<() => unknown> {
		const request = { workload: ORDERS, audiences: ['a'], ttlSeconds: 60, evidence: EVIDENCE }
		for (let i = 0; i < 500; i++) granted(await keyRing().issueJwtSvid(request))
		return () => at(2_500)
	}

	it('is not lost to a proof that was shown before, which takes nothing of what the workload may be issued', async () => {
		await create()
		const uses = { once: [SHOWN] }
		granted(await join(SECRET, { uses }))
		const again = { ok: false, error: { reason: 'shown_before', value: SHOWN.value } }
		for (let i = 0; i < 600; i++) expect(await join(SECRET, { uses })).toEqual(again)
		expect(await join(SECRET, { uses: await usesOf() })).toEqual(again)
		granted(await join())
	})

	it('of a workload whose share of what is remembered is full stays good', async () => {
		await create()
		await inKeyRing(({ sql }) =>
			sql.exec(
				`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 125000)
					INSERT INTO seen SELECT 'h' || i, ?, ? FROM n`,
				NOW + 60_000,
				ORDERS_ID,
			),
		)
		await restart(link)
		const uses = { ...(await usesOf()), once: [{ ...SHOWN, expiresAt: NOW + 90_000 }] }
		expect(await join(SECRET, { uses })).toEqual({ ok: false, error: { reason: 'too_many', retryAfterSeconds: 60 } })
		at(60_000)
		granted(await join(SECRET, { uses }))
	})

	it('is no good when it has expired, or was deleted', async () => {
		await create(1)
		at(1_500)
		expect(await join()).toEqual(GONE)
		at(8 * DAY)
		await keyRing().tick()
		expect(await keyRing().listJoinTokens()).toEqual([])
		const { id } = await create()
		expect(await keyRing().deleteJoinToken(id, ACTOR)).toBe(true)
		expect(await keyRing().deleteJoinToken(id, ACTOR)).toBe(false)
		expect(await join()).toEqual(GONE)
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
