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
import { ACTOR, replica, root } from './meshObjects.ts'

const NOW = Date.UTC(2100, 0, 1)
const HOUR = 3_600_000
const DAY = 24 * HOUR
/** 24 h is the longest life there is; 5 min are for clocks. */
const OVER = DAY + 300_000
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
const WORKLOAD: RevocationTarget = { kind: 'workload', workload: ORDERS }
const revoke = (target: RevocationTarget) => keyRing().revoke(target, 'stolen', ACTOR)

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

it('revocations are listed newest first, page by page', async () => {
	for (const jti of ['a', 'b', 'c']) await revoke({ kind: 'token', jti })
	const first = await keyRing().listRevocations({ limit: 2 })
	expect(first.items.map(({ target }) => target)).toMatchObject([{ jti: 'c' }, { jti: 'b' }])
	const second = await keyRing().listRevocations({ limit: 2, after: first.next! })
	expect(second.items.map(({ target }) => target)).toMatchObject([{ jti: 'a' }])
	expect(second.next).toBeUndefined()
})
