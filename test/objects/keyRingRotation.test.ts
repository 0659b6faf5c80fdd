/** Rotations in the KeyRing: by schedule, on demand, at compromise; whatever fails in between, what was issued goes on to verify. */
import { runDurableObjectAlarm } from 'cloudflare:test'
import { X509Certificate } from '@peculiar/x509'
import { describe, expect, it, vi } from 'vitest'
import type { IssuedCertificate, KeyPurpose, KeyRingInfo } from '../../src/ports.ts'
import {
	askForCertificate,
	EVIDENCE,
	edgeVerdict,
	granted,
	inKeyRing,
	keyRing,
	keyRingStub,
	keySettings,
	ORDERS,
	restart,
	storeNow,
	verdict,
	workloadKey,
} from './keyRingObjects.ts'
import { DAY, freshKeyRing, HOUR, link, NOW } from './keyRingWorld.ts'
import { ACTOR, change, replica } from './meshObjects.ts'

freshKeyRing()

const at = (ms: number) => vi.setSystemTime(NOW + ms)
const alarmTime = () => inKeyRing((storage) => storage.getAlarm())
const of = ({ purposes }: KeyRingInfo, purpose: KeyPurpose) => purposes.find((each) => each.purpose === purpose)!
const stateOf = ({ keys }: KeyRingInfo, kid: string) => keys.find((key) => key.kid === kid)?.state
const wit = async (ttlSeconds = 3_600): Promise<string> =>
	granted(
		await keyRing().issueWit({ workload: ORDERS, jwk: (await workloadKey()).jwk, ttlSeconds, evidence: EVIDENCE }),
	).token
const certificate = async (): Promise<IssuedCertificate> => granted(await askForCertificate())

/** As somebody outside verifies who knows one root: each certificate is signed by the next, and the last one by the root. */
async function leadsTo({ chain }: IssuedCertificate, rootPem: string): Promise<boolean> {
	const anchor = new X509Certificate(rootPem)
	let [current, ...others] = chain.map((pem) => new X509Certificate(pem))
	for (;;) {
		if (await current!.verify({ publicKey: anchor, date: new Date() })) return true
		const next = others.find(({ subject }) => subject === current!.issuer)
		if (next === undefined || !(await current!.verify({ publicKey: next, date: new Date() }))) return false
		current = next
		others = others.filter((each) => each !== next)
	}
}

describe('a key in good order', () => {
	it('gives way to its standby by schedule, verifies what it signed, and goes when that has expired', async () => {
		const first = of(await keyRing().info(), 'wit-svid')
		at(7 * DAY - 1)
		const last = await wit()
		expect(of(await keyRing().tick(), 'wit-svid').active).toBe(first.active)
		at(7 * DAY)
		const ticked = await keyRing().tick()
		expect(of(ticked, 'wit-svid')).toMatchObject({ active: first.pending, failures: 0 })
		expect(stateOf(ticked, first.active)).toBe('retired')
		const next = await wit()
		expect([await verdict(last), await verdict(next)]).toEqual(['good', 'good'])
		at(7 * DAY + HOUR - 2_000)
		await keyRing().tick()
		expect(await verdict(last)).toBe('good')
		at(7 * DAY + 2 * HOUR)
		const after = await keyRing().tick()
		expect(stateOf(after, first.active)).toBe('removed')
		expect(after.keys.find(({ kid }) => kid === first.active)).toMatchObject({
			activatedAt: new Date(NOW).toISOString(),
			retiredAt: new Date(NOW + 7 * DAY).toISOString(),
			removedAt: new Date(NOW + 7 * DAY + 2 * HOUR).toISOString(),
		})
		expect((await storeNow()).bundles.get('mesh.localhost')!.keys.has(`wit-svid ${first.active}`)).toBe(false)
	})

	it('needs no scheduler: its own alarm comes when it is due', async () => {
		const first = of(await keyRing().info(), 'wit-svid')
		expect(await alarmTime()).toBe(NOW + 7 * DAY)
		at(7 * DAY)
		await runDurableObjectAlarm(keyRingStub())
		expect(of(await keyRing().info(), 'wit-svid').active).toBe(first.pending)
	})

	it('rotates on demand once its standby has been published for the lead', async () => {
		const first = of(await keyRing().info(), 'jwt-svid')
		const asked = granted(await keyRing().rotate({ purpose: 'jwt-svid' }, ACTOR))
		const activeAt = new Date(NOW + HOUR).toISOString()
		expect(asked).toEqual([{ purpose: 'jwt-svid', kid: first.pending, activeAt }])
		expect(granted(await keyRing().rotate({ purpose: 'jwt-svid' }, ACTOR)), 'asked twice').toEqual(asked)
		expect(await alarmTime()).toBe(NOW + HOUR)
		await restart(link)
		at(HOUR - 1)
		expect(of(await keyRing().tick(), 'jwt-svid')).toMatchObject({ active: first.active, nextRotationAt: activeAt })
		at(HOUR)
		await runDurableObjectAlarm(keyRingStub())
		expect(of(await keyRing().info(), 'jwt-svid').active).toBe(first.pending)
		at(3 * HOUR)
		const [now] = granted(await keyRing().rotate({ purpose: 'jwt-svid' }, ACTOR))
		expect(now!.activeAt, 'published for long enough').toBe(new Date(NOW + 3 * HOUR).toISOString())
		expect(now!.kid).toBe(of(await keyRing().info(), 'jwt-svid').active)
	})

	it('follows the settings of the Mesh, as last heard', async () => {
		await change({ put: keySettings('2h', '10s') })
		const { maxAgeSeconds } = await keyRing().published()
		expect(maxAgeSeconds).toBe(2)
		at(10_000)
		granted(await keyRing().rotate({ purpose: 'wit-svid' }, ACTOR))
		const rotated = of(await keyRing().info(), 'wit-svid')
		expect(rotated.nextRotationAt).toBe(new Date(NOW + 10_000 + 2 * HOUR).toISOString())
		link.failing = 'before'
		await restart(link)
		expect(of(await keyRing().tick(), 'wit-svid').nextRotationAt).toBe(rotated.nextRotationAt)
	})

	it('waits for copies of the key set that were handed out with a longer life', async () => {
		expect((await keyRing().published()).maxAgeSeconds).toBe(900)
		await change({ put: keySettings('2h', '10s') })
		at(20_000)
		const [outcome] = granted(await keyRing().rotate({ purpose: 'wit-svid' }, ACTOR))
		expect(Date.parse(outcome!.activeAt) - NOW).toBe(20_000 + 900_000)
	})

	it('cannot be rotated on and on, for everybody would read more and more keys', async () => {
		await change({ put: keySettings('2h', '5s') })
		await keyRing().info()
		for (let i = 1; i <= 16; i++) {
			at(i * 6_000)
			await wit(86_400)
			granted(await keyRing().rotate({ purpose: 'wit-svid' }, ACTOR))
		}
		at(120_000)
		expect(await keyRing().rotate({ purpose: 'wit-svid' }, ACTOR)).toMatchObject({ error: { reason: 'too_many' } })
		expect(await keyRing().rotate({ purpose: 'jwt-svid' }, ACTOR)).toMatchObject({ ok: true })
	})

	it('is on record with each of its states, and with who asked', async () => {
		await keyRing().info()
		at(2 * HOUR)
		granted(await keyRing().rotate({ purpose: 'delegation' }, ACTOR))
		const { items } = await keyRing().events({ limit: 4 })
		expect(items.map(({ action, actor }) => [action, actor])).toEqual([
			['key.create', 'ana'],
			['key.activate', 'ana'],
			['key.retire', 'ana'],
			['key.rotate', 'ana'],
		])
	})
})

describe('a compromised key', () => {
	it('is out of every document at once, with what it signed; the next one signs', async () => {
		const first = of(await keyRing().info(), 'wit-svid')
		const bad = await wit()
		await replica('weur').load('weur', {})
		const outcome = granted(await keyRing().rotate({ purpose: 'wit-svid', compromised: true }, ACTOR))
		expect(outcome).toEqual([{ purpose: 'wit-svid', kid: first.pending, activeAt: new Date(NOW).toISOString() }])
		expect(await verdict(bad)).toBe('unknown_key')
		expect(await verdict(await wit())).toBe('good')
		const { parts } = await replica('weur').load('weur', { parts: ['trust'] })
		expect(parts[0]!.body).not.toContain(first.active)
		const { keys } = await keyRing().info()
		expect(keys.find(({ kid }) => kid === first.active)).toMatchObject({ state: 'revoked' })
		expect(keys.filter(({ purpose, state }) => purpose === 'wit-svid' && state === 'pending')).toHaveLength(1)
	})

	it('of a root takes its intermediates with it', async () => {
		const before = await certificate()
		const outcome = granted(await keyRing().rotate({ purpose: 'x509-root', compromised: true }, ACTOR))
		expect(outcome.map(({ purpose }) => purpose).sort()).toEqual(['x509-intermediate', 'x509-root'])
		expect(await edgeVerdict(before)).toBe('unknown_key')
		const after = await certificate()
		expect(await edgeVerdict(after)).toBe('good')
		expect(after.bundle).not.toContain(before.bundle[0])
		expect(after.bundle).toContain(before.bundle[1])
		expect(await leadsTo(after, before.bundle[1]!)).toBe(true)
		expect(await leadsTo(after, before.bundle[0]!)).toBe(false)
		expect(await leadsTo(before, after.bundle[0]!)).toBe(false)
	})

	it('of a root that another one vouched for takes that one with it', async () => {
		await certificate()
		at(2 * HOUR)
		granted(await keyRing().rotate({ purpose: 'x509-root' }, ACTOR))
		const between = await certificate()
		granted(await keyRing().rotate({ purpose: 'x509-root', compromised: true }, ACTOR))
		const after = await certificate()
		for (const root of between.bundle.slice(0, 2)) expect(after.bundle).not.toContain(root)
		expect(after.chain).toHaveLength(2)
	})

	it('of an intermediate leaves the root alone', async () => {
		const before = await certificate()
		granted(await keyRing().rotate({ purpose: 'x509-intermediate', compromised: true }, ACTOR))
		expect(await edgeVerdict(before)).toBe('unknown_key')
		const after = await certificate()
		expect([await edgeVerdict(after), await leadsTo(after, before.bundle[0]!)]).toEqual(['good', true])
		expect(after.bundle).toEqual(before.bundle)
	})
})

describe('a root', () => {
	it('rotates so that who knows the old one only, or the new one only, verifies all along', async () => {
		const before = await certificate()
		const [old, next] = before.bundle
		at(2 * HOUR)
		granted(await keyRing().rotate({ purpose: 'x509-root' }, ACTOR))
		const during = await certificate()
		expect(during.chain).toHaveLength(3)
		expect(during.bundle.slice(0, 2)).toEqual([old, next])
		for (const issued of [before, during]) expect(await edgeVerdict(issued)).toBe('good')
		expect([await leadsTo(before, old!), await leadsTo(during, old!), await leadsTo(during, next!)]).toEqual([
			true,
			true,
			true,
		])
		at(3 * HOUR)
		granted(await keyRing().rotate({ purpose: 'x509-intermediate' }, ACTOR))
		const later = await certificate()
		for (const issued of [before, during, later]) expect(await edgeVerdict(issued)).toBe('good')
		expect([await leadsTo(later, old!), await leadsTo(later, next!)]).toEqual([true, true])
		at(DAY + HOUR)
		await keyRing().tick()
		const after = await certificate()
		expect(after.chain, 'the old root is gone').toHaveLength(2)
		expect(after.bundle).not.toContain(old)
		expect([await edgeVerdict(during), await leadsTo(after, next!)]).toEqual(['good', true])
	})

	it('that rotates twice is followed by two that vouch for the next', async () => {
		const { bundle } = await certificate()
		for (const hours of [2, 4]) {
			at(hours * HOUR)
			granted(await keyRing().rotate({ purpose: 'x509-root' }, ACTOR))
		}
		const issued = await certificate()
		expect(issued.chain).toHaveLength(4)
		expect(await Promise.all(issued.bundle.slice(0, 3).map((each) => leadsTo(issued, each)))).toEqual([
			true,
			true,
			true,
		])
		expect(await leadsTo(issued, bundle[0]!)).toBe(true)
	})

	it('and its intermediates outlive what they sign, for five years of rotations', async () => {
		await keyRing().info()
		for (let day = 0; day <= 5 * 365; day += 29) {
			at(day * DAY)
			await keyRing().tick()
			const issued = await certificate()
			expect(issued.expiresIn, `on day ${day}`).toBe(86_400)
			at((day + 1) * DAY - 1_000)
			expect(await edgeVerdict(issued), `a day after day ${day}`).toBe('good')
			expect(await leadsTo(issued, issued.bundle[0]!)).toBe(true)
		}
	})
})
