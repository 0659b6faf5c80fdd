/** Revocation: refused at once and everywhere, for as long as it matters. */
import { reset } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { derOf } from '../../src/certificates/pem.ts'
import { verifyCertificate } from '../../src/identity/certificate.ts'
import { parseJws } from '../../src/identity/jws.ts'
import { thumbprint } from '../../src/identity/publicKey.ts'
import type { RevocationTarget } from '../../src/ports.ts'
import {
	askForCertificate,
	askForWit,
	EVIDENCE,
	equip,
	granted,
	inKeyRing,
	keyRing,
	ORDERS,
	ORDERS_ID,
	type RootLink,
	restart,
	storeNow,
	trustNow,
	verdict,
	workloadKey,
} from './keyRingObjects.ts'
import { ACTOR, everything, replica, root } from './meshObjects.ts'
import { NOW, stopTime } from './time.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** 24 h is the longest life there is; 5 min are for clocks. */
const OVER = DAY + 300_000
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
const WORKLOAD: RevocationTarget = { kind: 'workload', workload: ORDERS }
const revoke = async (target: RevocationTarget) => granted(await keyRing().revoke(target, 'stolen', ACTOR))

describe('a revoked workload', () => {
	it('is refused with all that it has, in every region before the answer, and is issued nothing', async () => {
		const { token } = granted(await askForWit())
		const { chain } = granted(await askForCertificate())
		await replica('weur').load('weur', {})
		const revocation = await revoke(WORKLOAD)
		expect(revocation).toMatchObject({ target: WORKLOAD, reason: 'stolen', revokedBy: 'ana' })
		expect(revocation).not.toHaveProperty('expiresAt')
		const { parts } = await replica('weur').load('weur', { parts: ['trust'] })
		expect(JSON.parse(parts[0]!.body!).revocations.workloads).toEqual({ [ORDERS_ID]: NOW + 500 })
		expect(await verdict(token)).toBe('revoked')
		const leaf = await verifyCertificate(await storeNow(), derOf(chain[0]!), Date.now())
		expect(leaf).toMatchObject({ error: { code: 'revoked' } })
		const refused = { ok: false, error: { reason: 'workload_revoked' } }
		await restart(link)
		expect([await askForWit(), await askForCertificate()]).toEqual([refused, refused])
		expect(
			await keyRing().issueJwtSvid({ workload: ORDERS, audiences: ['a'], ttlSeconds: 60, evidence: EVIDENCE }),
		).toEqual(refused)
		expect(
			await keyRing().issueWit({
				workload: { ...ORDERS, namespace: 'other' },
				jwk: (await workloadKey()).jwk,
				ttlSeconds: 600,
				evidence: EVIDENCE,
			}),
		).toMatchObject({ ok: true })
	})

	it('joins again when that is lifted, in the same second even; what it had before stays refused', async () => {
		const { token: before } = granted(await askForWit())
		const { id } = await revoke(WORKLOAD)
		at(700)
		expect(await keyRing().lift(id, ACTOR)).toBe(true)
		const { token: after } = granted(await askForWit())
		const { chain } = granted(await askForCertificate())
		expect([await verdict(before), await verdict(after)]).toEqual(['revoked', 'good'])
		expect(await verifyCertificate(await storeNow(), derOf(chain[0]!), NOW + 1_000)).toMatchObject({ ok: true })
		expect(await keyRing().lift(id, ACTOR), 'lifted already').toBe(false)
		const { items } = await keyRing().listRevocations({ limit: 10 })
		expect(items).toMatchObject([{ id, liftedAt: new Date(NOW + 700).toISOString() }])
		expect((await keyRing().events({ limit: 10 })).items.map(({ action }) => action)).toContain('revocation.lift')
	})

	it('stays so for good unless that is lifted, though the data plane need not remember it', async () => {
		await revoke(WORKLOAD)
		at(500 + OVER - 1)
		await keyRing().tick()
		expect((await trustNow()).revocations.workloads).toHaveProperty([ORDERS_ID])
		at(500 + OVER)
		const { version } = await keyRing().info()
		const ticked = await keyRing().tick()
		expect((await trustNow()).revocations.workloads).toEqual({})
		expect(ticked.version).toBeGreaterThan(version)
		expect(await root().trustVersion()).toBe(ticked.version)
		at(200 * DAY)
		await keyRing().tick()
		expect(await askForWit()).toMatchObject({ error: { reason: 'workload_revoked' } })
	})

	it('revoked twice is revoked once, until it is lifted', async () => {
		const first = await revoke(WORKLOAD)
		at(HOUR)
		expect(await revoke({ kind: 'workload', workload: { workload: 'orders', namespace: 'default' } })).toEqual(first)
		await keyRing().lift(first.id, ACTOR)
		at(2 * HOUR)
		const second = await revoke(WORKLOAD)
		expect(second.id).not.toBe(first.id)
		expect((await trustNow()).revocations.workloads).toEqual({ [ORDERS_ID]: NOW + 2 * HOUR })
		expect(await askForWit()).toMatchObject({ error: { reason: 'workload_revoked' } })
	})
})

describe('a revoked', () => {
	it('token is refused until it has expired, and others of the workload are not', async () => {
		const [{ token }, { token: other }] = [granted(await askForWit()), granted(await askForWit())]
		const jti = granted(parseJws(token)).claims.jti as string
		const { expiresAt } = await revoke({ kind: 'token', jti })
		expect(expiresAt).toBe(new Date(NOW + 500 + OVER).toISOString())
		expect([await verdict(token), await verdict(other)]).toEqual(['revoked', 'good'])
		at(500 + OVER)
		await keyRing().tick()
		expect((await trustNow()).revocations.tokens).toEqual([])
		expect((await keyRing().listRevocations({ limit: 1 })).items).toHaveLength(1)
		at(91 * DAY)
		await keyRing().tick()
		expect((await keyRing().listRevocations({ limit: 1 })).items).toEqual([])
	})

	it('key is refused with whatever binds it, and nothing is issued for it', async () => {
		const { jwk, keys } = await workloadKey()
		const { token } = granted(await askForWit(jwk))
		await revoke({ kind: 'key', thumbprint: await thumbprint(jwk) })
		expect(await verdict(token)).toBe('revoked')
		const refused = { ok: false, error: { reason: 'key_revoked' } }
		expect([await askForWit(jwk), await askForCertificate(keys)]).toEqual([refused, refused])
		expect(await askForWit()).toMatchObject({ ok: true })
	})

	it('certificate is refused, however its serial number is written', async () => {
		const { chain, serialNumber } = granted(await askForCertificate())
		await revoke({ kind: 'certificate', serialNumber: `00${serialNumber.toUpperCase()}` })
		const verified = await verifyCertificate(await storeNow(), derOf(chain[0]!), Date.now())
		expect(verified).toMatchObject({ error: { code: 'revoked' } })
	})

	it('token cannot be lifted, nor what is not there', async () => {
		const { id } = await revoke({ kind: 'token', jti: 'j1' })
		for (const each of [id, '99', '', 'NaN', "1' OR 1=1"]) expect(await keyRing().lift(each, ACTOR), each).toBe(false)
	})
})

describe('the room for revocations', () => {
	const LIMIT = 20_000
	/** Some that were made an hour ago, of so many characters. */
	const fill = (count: number, by: string, { kind = 'token', characters = 61, at = NOW } = {}) =>
		inKeyRing(({ sql }) =>
			sql.exec(
				`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
					INSERT INTO revocations (target, reason, revoked_at, revoked_by)
					SELECT SUBSTR('{"kind":"' || ?2 || '","jti":"' || ?4 || i || PRINTF('%1000s', ''), 1, ?3 - 2) || '"}', '', ?5, ?4 FROM n`,
				count,
				kind,
				characters,
				by,
				at,
			),
		)
	const asAna = (jti: string) => keyRing().revoke({ kind: 'token', jti }, 'x', ACTOR)
	const asBen = (jti: string) => keyRing().revoke({ kind: 'token', jti }, 'x', { ...ACTOR, name: 'ben' })

	it('is bounded: one operator alone has half, who then is refused alone, is told how much, and is counted', async () => {
		await fill(LIMIT / 2 - 1, 'ana')
		const last = granted(await asAna('last'))
		const { version } = await keyRing().info()
		const refused = { reason: 'too_many_revocations', held: LIMIT / 2, inForce: LIMIT / 2, limit: LIMIT }
		expect(await asAna('one-more')).toEqual({ ok: false, error: refused })
		expect(granted(await asAna('last')), 'in force already').toEqual(last)
		granted(await asBen('another'))
		const { revocations } = await keyRing().info()
		expect(revocations).toEqual({ inForce: LIMIT / 2 + 1, limit: LIMIT, refused: 1 })
		expect((await trustNow()).revocations.tokens).toHaveLength(LIMIT / 2 + 1)
		expect(await root().trustVersion()).toBe(version + 1)
		const [, event] = (await keyRing().events({ limit: 2 })).items
		expect(event).toMatchObject({ action: 'revocation.refuse', actor: 'ana', detail: { inForce: LIMIT / 2 } })
		await restart(link)
		expect((await keyRing().info()).revocations).toMatchObject({ refused: 1 })
	})

	it('is not there for one that is long where there is some for a short one', async () => {
		await fill(LIMIT / 2 - 3, 'ana')
		expect(await asAna('\u0001'.repeat(256)), 'seven times 256 characters').toMatchObject({ ok: false })
		expect(await asAna('short')).toMatchObject({ ok: true })
	})

	it('is there again when what fills it has ended', async () => {
		await fill(LIMIT / 2, 'ana')
		at(OVER - 1)
		expect(await asAna('x')).toMatchObject({ ok: false })
		at(OVER)
		expect(await asAna('x')).toMatchObject({ ok: true })
		expect((await keyRing().info()).revocations).toMatchObject({ inForce: 1 })
	})

	it('is taken by workloads until they are lifted, though nothing else of them is left', async () => {
		await fill(LIMIT / 2, 'ana', { kind: 'workload', at: NOW - 30 * DAY })
		await keyRing().tick()
		expect(await asAna('x')).toMatchObject({ ok: false })
		const [newest] = (await keyRing().listRevocations({ limit: 1 })).items
		expect(await keyRing().lift(newest!.id, ACTOR)).toBe(true)
		expect(await asAna('x')).toMatchObject({ ok: true })
	})

	it('holds as much as the part can carry, whatever is revoked: long ones count several times', async () => {
		await fill(4_999, 'ana', { characters: 512 })
		await fill(4_999, 'ben', { characters: 256 })
		const control = '\u0001'.repeat(256)
		const { trust } = await keyRing().published()
		expect(JSON.stringify(trust).length).toBeLessThan(4_000_000)
		expect((await keyRing().info()).revocations).toMatchObject({ inForce: 3 * 4_999 })
		expect(await asAna(control)).toMatchObject({ ok: false })
		expect(await keyRing().revoke({ kind: 'token', jti: control }, 'x', { ...ACTOR, name: 'cy' })).toMatchObject({
			ok: true,
		})
		expect((await keyRing().info()).revocations).toMatchObject({ inForce: 3 * 4_999 + 7 })
		expect(await root().trustVersion()).toBe((await keyRing().info()).version)
	})

	it('forgets of what has ended all but the newest, and nothing that is needed', async () => {
		await fill(5, 'ana', { kind: 'workload', at: NOW - 200 * DAY })
		await fill(12_000, 'ana', { at: NOW - 2 * DAY })
		await fill(3, 'ana', { at: NOW - HOUR })
		const before = await trustNow()
		await keyRing().tick()
		const { revocations = [] } = (await inKeyRing(everything)) as {
			revocations?: { target: string; revoked_at: number }[]
		}
		expect(revocations.filter(({ target }) => target.includes('workload'))).toHaveLength(5)
		expect(revocations.filter(({ revoked_at }) => revoked_at === NOW - HOUR)).toHaveLength(3)
		expect(revocations).toHaveLength(5 + 10_000 + 3)
		expect((await trustNow()).revocations).toEqual(before.revocations)
		expect((await trustNow()).revocations.tokens).toHaveLength(3)
	})
})

it('revocations are listed newest first, page by page', async () => {
	for (const jti of ['a', 'b', 'c']) await revoke({ kind: 'token', jti })
	const first = await keyRing().listRevocations({ limit: 2 })
	expect(first.items.map(({ target }) => target)).toMatchObject([{ jti: 'c' }, { jti: 'b' }])
	const second = await keyRing().listRevocations({ limit: 2, after: first.next! })
	expect(second.items.map(({ target }) => target)).toMatchObject([{ jti: 'a' }])
	expect(second.next).toBeUndefined()
})
