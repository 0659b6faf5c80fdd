/** Revocation lists of the KeyRing's authorities: which there are, for how long, and what compromised authorities do to them. */
import 'reflect-metadata'
import { X509CrlReason } from '@peculiar/x509'
import { describe, expect, it, vi } from 'vitest'
import type { IssuedCertificate, KeyPurpose, RevocationTarget } from '../../src/ports.ts'
import { askForCertificate, granted, inKeyRing, keyRing, restart } from './keyRingObjects.ts'
import { DAY, freshKeyRing, HOUR, link, MINUTE, NOW } from './keyRingWorld.ts'
import { ACTOR } from './meshObjects.ts'
import { crlOf, entriesOf, listIdOf, listsNow, numberOf, verdict } from './outsideVerifier.ts'

freshKeyRing()

const at = (ms: number) => vi.setSystemTime(NOW + ms)
const certificate = async (): Promise<IssuedCertificate> => granted(await askForCertificate())
const revoke = async (target: RevocationTarget) => granted(await keyRing().revoke(target, 'stolen', ACTOR))
const revokeLeaf = ({ serialNumber }: IssuedCertificate) => revoke({ kind: 'certificate', serialNumber })
const rotate = async (purpose: KeyPurpose, compromised = false) =>
	granted(await keyRing().rotate({ purpose, compromised }, ACTOR))

describe('a list', () => {
	it('is there for every authority that has signed or may sign, from the beginning, and lasts for a day', async () => {
		const { chain, bundle } = await certificate()
		const lists = await listsNow()
		// The intermediate that signs, the root above it, and the one that will follow.
		expect(lists.size).toBe(3)
		expect(bundle).toHaveLength(2)
		for (const pem of chain) expect(lists.has(listIdOf(pem)!)).toBe(true)
		for (const list of lists.values()) {
			const crl = crlOf(list)
			expect(crl.entries).toEqual([])
			expect([crl.thisUpdate.getTime(), crl.nextUpdate!.getTime()]).toEqual([NOW - MINUTE, NOW + DAY])
		}
	})

	it('stays the same for an hour, unless something is taken back, and is not sent to who has it', async () => {
		const issued = await certificate()
		const first = await listsNow()
		at(HOUR - 1)
		expect(await listsNow()).toEqual(first)
		const known = Object.fromEntries(Array.from(first.values(), ({ keyId, number }) => [keyId, number]))
		for (const list of (await listsNow(known)).values()) expect(list).not.toHaveProperty('der')
		await revokeLeaf(issued)
		for (const list of (await listsNow(known)).values()) expect(list.number).toBeGreaterThan(known[list.keyId]!)
		const second = await listsNow()
		at(2 * HOUR - 1)
		for (const list of (await listsNow()).values()) {
			expect(list.number).toBeGreaterThan(second.get(list.keyId)!.number)
			expect(crlOf(list).nextUpdate!.getTime()).toBe(NOW + 2 * HOUR - 1 - 999 + DAY)
		}
	})

	it('says the same after a restart, under a greater number, even when the clock has gone back', async () => {
		const issued = await certificate()
		at(HOUR)
		await revokeLeaf(issued)
		const before = await listsNow()
		await restart(link)
		at(0)
		const after = await listsNow()
		expect([...after.keys()]).toEqual([...before.keys()])
		for (const [keyId, list] of after) {
			expect(list.number).toBeGreaterThan(before.get(keyId)!.number)
			expect(entriesOf(list)).toEqual(entriesOf(before.get(keyId)))
		}
	})

	it('of many who ask at the same time is one, and has one number', async () => {
		await certificate()
		const answers = await Promise.all(Array.from({ length: 5 }, () => listsNow()))
		const last = await listsNow()
		for (const [keyId, { number }] of last) {
			const numbers = answers.map((lists) => lists.get(keyId)!.number)
			expect(Math.max(...numbers)).toBe(number)
		}
	})

	it('that cannot be made is not there; the one before is, until it ends', async () => {
		const issued = await certificate()
		const lists = await listsNow()
		await inKeyRing(({ sql }) => sql.exec(`UPDATE private_keys SET sealed = 'sealed:v1:gone:x'`))
		expect(await listsNow()).toEqual(lists)
		await restart(link, 'another-master-key-of-32-characters')
		expect(await listsNow()).toEqual(new Map())
		expect(await verdict(issued, issued.bundle[0]!)).toBe('no list')
	})
})

describe('with an intermediate that is compromised', () => {
	it('all its leaves are, and no others; its own list is gone, as nobody can believe it', async () => {
		const before = await certificate()
		await listsNow()
		await rotate('x509-intermediate', true)
		const [root] = before.bundle
		expect(await verdict(before, root!)).toBe('no list')
		const ofRoot = (await listsNow()).get(listIdOf(before.chain[1]!)!)
		expect(entriesOf(ofRoot)).toEqual([
			{ serialNumber: numberOf(before.chain[1]!), revokedAt: NOW, reason: X509CrlReason.cACompromise },
		])
		const after = await certificate()
		expect(await verdict(after, root!)).toBe('good')
		at(30 * DAY)
		expect(entriesOf((await listsNow()).get(listIdOf(before.chain[1]!)!)), 'as long as it would last').toHaveLength(1)
	})

	it('every root above it takes back the certificate that it gave it, during a rotation of the root', async () => {
		const before = await certificate()
		const [old, next] = before.bundle
		at(2 * HOUR)
		await rotate('x509-root')
		const during = await certificate()
		expect(during.chain).toHaveLength(3)
		for (const root of [old!, next!]) expect(await verdict(during, root)).toBe('good')
		expect(await verdict(before, old!)).toBe('good')
		await rotate('x509-intermediate', true)
		const lists = await listsNow()
		for (const { chain } of [before, during])
			expect(entriesOf(lists.get(listIdOf(chain[1]!)!)).map(({ serialNumber }) => serialNumber)).toContain(
				numberOf(chain[1]!),
			)
		expect(listIdOf(before.chain[1]!)).not.toBe(listIdOf(during.chain[1]!))
		const after = await certificate()
		for (const root of [old!, next!]) expect(await verdict(after, root)).toBe('good')
	})
})

describe('after a rotation', () => {
	const privateKeys = () =>
		inKeyRing(({ sql }) => new Set(Array.from(sql.exec('SELECT kid FROM private_keys'), ({ kid }) => kid as string)))
	const keysOf = async (purpose: KeyPurpose, state: string) =>
		(await keyRing().info()).keys.filter((key) => key.purpose === purpose && key.state === state).map(({ kid }) => kid)

	it('the authority that is replaced can still take back what it signed, and loses its key when that has ended', async () => {
		const before = await certificate()
		at(2 * HOUR)
		await rotate('x509-intermediate')
		await rotate('x509-root')
		const retired = [...(await keysOf('x509-intermediate', 'retired')), ...(await keysOf('x509-root', 'retired'))]
		expect(retired).toHaveLength(2)
		for (const kid of retired) expect(await privateKeys()).toContain(kid)
		await revokeLeaf(before)
		expect(await verdict(before, before.bundle[0]!)).toBe('revoked')
		at(2 * DAY)
		await keyRing().tick()
		for (const kid of retired) expect(await privateKeys()).not.toContain(kid)
		const lists = await listsNow()
		expect(before.chain.map((pem) => lists.has(listIdOf(pem)!))).toEqual([false, false])
	})

	it('the key of tokens is gone at once', async () => {
		await keyRing().info()
		at(2 * HOUR)
		await rotate('wit-svid')
		const [retired] = await keysOf('wit-svid', 'retired')
		expect(await privateKeys()).not.toContain(retired)
	})

	it('a root between two others has its list for as long as it is in a chain, though it is removed itself', async () => {
		const { bundle } = await certificate()
		for (const hours of [2, 4]) {
			at(hours * HOUR)
			await rotate('x509-root')
		}
		at(5 * HOUR)
		await keyRing().tick()
		const [between] = await keysOf('x509-root', 'removed')
		expect(await privateKeys()).toContain(between)
		const issued = await certificate()
		expect(issued.chain).toHaveLength(4)
		expect(await verdict(issued, bundle[0]!)).toBe('good')
		await restart(link)
		expect(await verdict(issued, bundle[0]!)).toBe('good')
		at(2 * DAY)
		await keyRing().tick()
		expect(await privateKeys()).not.toContain(between)
	})
})

describe('certificates on record', () => {
	const fill = (holders: readonly string[], count: number) =>
		inKeyRing(({ sql }) => {
			for (const holder of holders)
				sql.exec(
					`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
					INSERT INTO certificates SELECT ?1 || '/' || i, 'x', ?1, 'k', ?3 + 60000 + i, NULL, NULL FROM n`,
					holder,
					count,
					NOW,
				)
			sql.exec(`INSERT OR REPLACE INTO meta SELECT 'certificates', COUNT(*) FROM certificates WHERE holder <> ''`)
		})
	const refusal = async () => {
		const asked = await askForCertificate()
		return asked.ok ? undefined : asked.error
	}

	it('are bounded for each workload: the next one is issued when another has ended', async () => {
		await keyRing().info()
		await fill(['default/orders'], 4_999)
		expect(await refusal()).toBeUndefined()
		expect(await refusal()).toEqual({ reason: 'too_many', retryAfterSeconds: 61 })
		at(60_000 + 1)
		expect(await refusal()).toBeUndefined()
		expect(await refusal()).toMatchObject({ reason: 'too_many' })
	})

	it('are bounded in all', async () => {
		await keyRing().info()
		await fill(
			Array.from({ length: 20 }, (_, i) => `default/w${i}`),
			5_000,
		)
		expect(await refusal()).toMatchObject({ reason: 'too_many' })
		at(3 * HOUR)
		await keyRing().tick()
		expect(await refusal()).toBeUndefined()
	})
})
