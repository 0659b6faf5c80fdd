/** Certificates that are revoked: who verifies them outside, with the lists of the KeyRing's authorities, learns of it. */

import { runInDurableObject } from 'cloudflare:test'
import { X509CrlReason } from '@peculiar/x509'
import { describe, expect, it, vi } from 'vitest'
import type { KeyRing } from '../../durable-objects/keyRing/keyRing.ts'
import { thumbprint } from '../../src/identity/publicKey.ts'
import type { IssuedCertificate, KeyPurpose, RevocationTarget } from '../../src/ports.ts'
import { csrFor } from './csr.ts'
import {
	askForCertificate,
	EVIDENCE,
	granted,
	inKeyRing,
	keyRing,
	keyRingStub,
	ORDERS,
	workloadKey,
} from './keyRingObjects.ts'
import { DAY, freshKeyRing, HOUR, NOW } from './keyRingWorld.ts'
import { ACTOR } from './meshObjects.ts'
import { entriesOf, listed, listIdOf, listsNow, numberOf, verdict } from './outsideVerifier.ts'

freshKeyRing()

const at = (ms: number) => vi.setSystemTime(NOW + ms)
const certificate = async (): Promise<IssuedCertificate> => granted(await askForCertificate())
const revoke = async (target: RevocationTarget) => granted(await keyRing().revoke(target, 'stolen', ACTOR))
const revokeLeaf = ({ serialNumber }: IssuedCertificate) => revoke({ kind: 'certificate', serialNumber })
const rotate = async (purpose: KeyPurpose, compromised = false) =>
	granted(await keyRing().rotate({ purpose, compromised }, ACTOR))

describe('a certificate that is revoked', () => {
	it('is on its issuer’s list at once and alone, until a list that is made after its end has had it', async () => {
		const [issued, other] = [await certificate(), await certificate()]
		const [root] = issued.bundle
		expect([await verdict(issued, root!), await verdict(other, root!)]).toEqual(['good', 'good'])
		at(HOUR)
		await revoke({ kind: 'certificate', serialNumber: `00${issued.serialNumber.toUpperCase()}` })
		expect([await verdict(issued, root!), await verdict(other, root!)]).toEqual(['revoked', 'good'])
		const entry = { serialNumber: issued.serialNumber, revokedAt: NOW + HOUR, reason: undefined }
		expect(entriesOf((await listsNow()).get(listIdOf(issued.chain[0]!)!))).toEqual([entry])
		at(HOUR + 1)
		const later = await certificate()
		// It keeps the intermediate's list alive for longer than the revoked one lasts.
		at(20 * HOUR)
		await certificate()
		for (const [ms, is] of [
			[DAY - 1, true],
			[DAY + 2 * HOUR - 1_000, true],
			[DAY + 3 * HOUR, false],
		] as const) {
			at(ms)
			await keyRing().tick()
			expect((await listed(later)).includes(issued.serialNumber), `after ${ms} ms`).toBe(is)
		}
	})

	it('is forgotten with all others that have ended', async () => {
		const issued = await certificate()
		await revokeLeaf(issued)
		await certificate()
		const stored = () =>
			inKeyRing(({ sql }) => ({
				rows: sql.exec(`SELECT * FROM certificates WHERE holder <> ''`).toArray().length,
				counted: Number(sql.exec(`SELECT value FROM meta WHERE key = 'certificates'`).one().value),
			}))
		expect(await stored()).toEqual({ rows: 2, counted: 2 })
		at(DAY + 3 * HOUR)
		await keyRing().tick()
		expect(await stored()).toEqual({ rows: 0, counted: 0 })
	})

	it('and that the ring does not know changes no list', async () => {
		await certificate()
		const before = await listsNow()
		await revoke({ kind: 'certificate', serialNumber: 'abcdef' })
		await revoke({ kind: 'token', jti: 'j1' })
		expect(await listsNow()).toEqual(before)
	})

	it('cannot be that of an authority: for those there is the rotation', async () => {
		const issued = await certificate()
		await revoke({ kind: 'certificate', serialNumber: numberOf(issued.chain[1]!) })
		const { keys } = await keyRing().info()
		for (const { kid } of keys) await revoke({ kind: 'key', thumbprint: kid })
		expect(await verdict(issued, issued.bundle[0]!)).toBe('good')
	})
})

describe('with a workload that is revoked', () => {
	it('everything that it was issued is, by whichever authority, and nothing of others', async () => {
		const first = await certificate()
		at(2 * HOUR)
		await rotate('x509-intermediate')
		const second = await certificate()
		const csr = await csrFor('spiffe://mesh.localhost/ns/default/sa/web')
		const workload = { ...ORDERS, workload: 'web' }
		const web = granted(await keyRing().issueCertificate({ workload, csr, ttlSeconds: 600, evidence: EVIDENCE }))
		const { id } = await revoke({ kind: 'workload', workload: ORDERS })
		const verdicts = () => Promise.all([first, second, web].map((each) => verdict(each, each.bundle[0]!)))
		expect(await verdicts()).toEqual(['revoked', 'revoked', 'good'])
		expect(entriesOf((await listsNow()).get(listIdOf(second.chain[0]!)!))).toEqual([
			{
				serialNumber: second.serialNumber,
				revokedAt: NOW + 2 * HOUR,
				reason: X509CrlReason.privilegeWithdrawn,
			},
		])
		// What it gets when that is lifted, in the same second even, is good; what it had is not.
		expect(await keyRing().lift(id, ACTOR)).toBe(true)
		const after = await certificate()
		at(2 * HOUR + 2_000)
		expect([...(await verdicts()), await verdict(after, after.bundle[0]!)]).toEqual([
			'revoked',
			'revoked',
			'good',
			'good',
		])
	})

	it('so is what it was issued after an earlier one was lifted, in the same second even', async () => {
		const WORKLOAD: RevocationTarget = { kind: 'workload', workload: ORDERS }
		await certificate()
		const { id } = await revoke(WORKLOAD)
		await keyRing().lift(id, ACTOR)
		const issued = await certificate()
		await revoke(WORKLOAD)
		at(2_000)
		expect(await verdict(issued, issued.bundle[0]!)).toBe('revoked')
	})

	it('what is being issued meanwhile is refused or listed, whenever the revocation comes', async () => {
		await certificate()
		const outcomes: string[] = []
		for (let turns = 0; turns < 40; turns++) {
			const workload = { namespace: 'default', workload: `w${turns}` }
			const csr = await csrFor(`spiffe://mesh.localhost/ns/default/sa/w${turns}`)
			const asked = await runInDurableObject(keyRingStub(), async (ring: KeyRing) => {
				const answer = ring.issueCertificate({ workload, csr, ttlSeconds: 600, evidence: EVIDENCE })
				for (let turn = 0; turn < turns * 2; turn++) await Promise.resolve()
				await ring.revoke({ kind: 'workload', workload }, 'stolen', ACTOR)
				return answer
			})
			if (asked.ok) expect(await verdict(asked.value, asked.value.bundle[0]!), `after ${turns} turns`).toBe('revoked')
			outcomes.push(asked.ok ? 'listed' : asked.error.reason)
		}
		expect(new Set(outcomes)).toEqual(new Set(['workload_revoked', 'listed']))
	})
})

it('with a key that is revoked, every certificate for it is, and says that the key is compromised', async () => {
	const { keys, jwk } = await workloadKey()
	const [one, two] = [granted(await askForCertificate(keys)), granted(await askForCertificate(keys))]
	const other = await certificate()
	await revoke({ kind: 'key', thumbprint: await thumbprint(jwk) })
	const verdicts = await Promise.all([one, two, other].map((each) => verdict(each, each.bundle[0]!)))
	expect(verdicts).toEqual(['revoked', 'revoked', 'good'])
	const reasons = entriesOf((await listsNow()).get(listIdOf(one.chain[0]!)!)).map(({ reason }) => reason)
	expect(reasons).toEqual([X509CrlReason.keyCompromise, X509CrlReason.keyCompromise])
})
