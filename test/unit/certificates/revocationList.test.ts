/** Revocation lists: exactly what they say, as the library reads them, and where certificates say that they are. */
import 'reflect-metadata'
import {
	AuthorityKeyIdentifierExtension,
	CRLDistributionPointsExtension,
	SubjectKeyIdentifierExtension,
	X509Certificate,
	X509Crl,
	X509CrlReason,
} from '@peculiar/x509'
import { describe, expect, it } from 'vitest'
import { readIssued } from '../../../src/certificates/issued.ts'
import { createRevocationList, type RevokedCertificate } from '../../../src/certificates/revocationList.ts'
import { seeded } from '../../random.ts'
import {
	bridge,
	issued,
	NOW,
	names,
	newIntermediate,
	newRoot,
	ORDERS,
	REVOCATION_LISTS,
	request,
	validFor,
} from './authorities.ts'

const SEED = 37
const DAY_MS = 86_400_000
const root = await newRoot()
const newer = await newRoot()
const intermediate = await newIntermediate(root)
const cross = await bridge(root, newer)
const leaf = (await issued(intermediate, await request([names(ORDERS)]), ORDERS, validFor(1, '0abc'))).certificate
const listOf = (revoked: readonly RevokedCertificate[], more: object = {}, issuer = intermediate) =>
	createRevocationList({ issuer, number: 1, thisUpdate: NOW, nextUpdate: NOW + DAY_MS, revoked, ...more })
const hexOf = (bytes: ArrayBuffer | Uint8Array): string => Buffer.from(bytes as Uint8Array).toString('hex')
const entriesOf = (list: Uint8Array<ArrayBuffer>) =>
	new X509Crl(list).entries.map(({ serialNumber, revocationDate, reason }) => ({
		serialNumber: serialNumber.replace(/^0+(?=.)/, ''),
		revokedAt: revocationDate.getTime(),
		reason,
	}))

describe('a list', () => {
	it('is signed by its authority, with ECDSA and SHA-256, and bears its name', async () => {
		const list = new X509Crl(await listOf([{ serialNumber: '5e71', revokedAt: NOW }]))
		const authority = new X509Certificate(intermediate.certificate)
		expect(await list.verify({ publicKey: authority })).toBe(true)
		expect(await list.verify({ publicKey: new X509Certificate(root.certificate) })).toBe(false)
		expect(list.signatureAlgorithm).toEqual({ name: 'ECDSA', hash: { name: 'SHA-256' } })
		expect(list.issuer).toBe(authority.subject)
		expect(list.version).toBe(1)
	})

	it('names the key that signed it and its own number, neither of them critical, and nothing else', async () => {
		const list = new X509Crl(await listOf([], { number: 0x0190abcdef12 }))
		expect(list.extensions.map(({ type, critical }) => [type, critical])).toEqual([
			['2.5.29.35', false],
			['2.5.29.20', false],
		])
		const { keyId } = new X509Certificate(intermediate.certificate).getExtension(SubjectKeyIdentifierExtension)!
		expect(list.getExtension(AuthorityKeyIdentifierExtension)!.keyId).toBe(keyId)
		// A number with its first bit set needs a zero before it.
		expect(hexOf(list.extensions[1]!.value)).toBe('02060190abcdef12')
		expect(hexOf(new X509Crl(await listOf([], { number: 0x80 })).extensions[1]!.value)).toBe('02020080')
		expect(hexOf(new X509Crl(await listOf([], { number: 0 })).extensions[1]!.value)).toBe('020100')
	})

	it.each([
		['in this half of the century', NOW, NOW + DAY_MS],
		['across the end of 2049', Date.UTC(2049, 11, 31, 12), Date.UTC(2050, 0, 1, 12)],
		['after it', Date.UTC(2100, 1, 28, 23, 59, 59), Date.UTC(2100, 2, 1)],
	])('tells its dates in whole seconds %s', async (_, thisUpdate, nextUpdate) => {
		const dates = { thisUpdate: thisUpdate + 999, nextUpdate: nextUpdate + 999 }
		const bytes = await listOf([{ serialNumber: '1', revokedAt: thisUpdate + 999 }], dates)
		const list = new X509Crl(bytes)
		expect([list.thisUpdate.getTime(), list.nextUpdate!.getTime()]).toEqual([thisUpdate, nextUpdate])
		expect(entriesOf(bytes)[0]!.revokedAt).toBe(thisUpdate)
		// RFC 5280 §5.1.2.4: UTCTime until 2049, GeneralizedTime after.
		const late = [thisUpdate, nextUpdate, thisUpdate].filter((ms) => ms >= Date.UTC(2050, 0, 1)).length
		expect(hexOf(bytes).match(/170d(3\d){12}5a/g)?.length ?? 0).toBe(3 - late)
		expect(hexOf(bytes).match(/180f(3\d){14}5a/g)?.length ?? 0).toBe(late)
	})

	it('says why, where that is known', async () => {
		const list = await listOf([
			{ serialNumber: '1', revokedAt: NOW },
			{ serialNumber: '2', revokedAt: NOW, reason: 'keyCompromise' },
			{ serialNumber: '3', revokedAt: NOW, reason: 'cACompromise' },
			{ serialNumber: '4', revokedAt: NOW, reason: 'privilegeWithdrawn' },
		])
		const { keyCompromise, cACompromise, privilegeWithdrawn } = X509CrlReason
		expect(entriesOf(list).map(({ reason }) => reason)).toEqual([
			undefined,
			keyCompromise,
			cACompromise,
			privilegeWithdrawn,
		])
	})

	it('that is empty has no entries, not an empty list of them (RFC 5280 §5.1.2.6)', async () => {
		const list = await listOf([])
		expect(new X509Crl(list).entries).toEqual([])
		// After nextUpdate come the extensions.
		expect(hexOf(list)).toMatch(/170d(3\d){12}5a170d(3\d){12}5aa0/)
	})

	it(`is read as it was written, whatever serial numbers and dates it has (seed ${SEED})`, async () => {
		const random = seeded(SEED)
		for (const count of [1, 2, 3, 4, 300, 2_000]) {
			const serials = new Set(Array.from({ length: count }, () => serialFrom(random)))
			const revoked = Array.from(serials, (serialNumber) => ({
				serialNumber,
				revokedAt: NOW - Math.floor(random() * DAY_MS) * 1000,
			}))
			const list = await listOf(revoked)
			expect(entriesOf(list)).toEqual(revoked)
			expect(await new X509Crl(list).verify({ publicKey: new X509Certificate(intermediate.certificate) })).toBe(true)
		}
	})

	it('of a hundred thousand certificates takes at most 6 MB', async () => {
		const revoked = Array.from({ length: 100_000 }, (_, i) => ({
			serialNumber: `f${i.toString(16).padStart(31, '0')}`,
			revokedAt: NOW,
			reason: 'privilegeWithdrawn' as const,
		}))
		expect((await listOf(revoked)).length).toBeLessThan(6_000_000)
	})

	it.each([
		['a date before which it would end', { nextUpdate: NOW }, 'would never be valid'],
		['a number that is none', { number: 2 ** 60 }, 'is no number'],
		[
			'the private key of another authority',
			{ issuer: { ...intermediate, privateKey: root.privateKey } },
			'not that of',
		],
		['a serial number twice', { revoked: [1, 2].map(() => ({ serialNumber: '1', revokedAt: NOW })) }, 'listed twice'],
	])('is not made with %s', async (_, wrong, why) => {
		await expect(listOf([], wrong)).rejects.toThrow(why)
	})
})

/** 1 to 19 bytes; often with the first bit of its first byte set, or with zeros at its end. */
function serialFrom(random: () => number): string {
	const bytes = Array.from({ length: 1 + Math.floor(random() * 19) }, () => Math.floor(random() * 256))
	bytes[0] = random() < 0.5 ? 0x80 | bytes[0]! : Math.max(1, bytes[0]!)
	if (random() < 0.2) bytes[bytes.length - 1] = bytes.length === 1 ? 1 : 0
	return hexOf(Uint8Array.from(bytes)).replace(/^0/, '')
}

describe('a certificate', () => {
	const pointsOf = (pem: string) => new X509Certificate(pem).getExtension(CRLDistributionPointsExtension)
	const keyIdOf = (pem: string) => new X509Certificate(pem).getExtension(SubjectKeyIdentifierExtension)!.keyId

	it.each([
		['of a workload', leaf, intermediate],
		['of an intermediate', intermediate.certificate, root],
		['of a root by another', cross, root],
	])('%s says where the list of its issuer is, and nothing of its own', (_, certificate, { certificate: issuer }) => {
		const points = pointsOf(certificate)!
		expect(points.critical).toBe(false)
		expect(
			points.distributionPoints.map(({ distributionPoint, reasons, cRLIssuer }) => [
				distributionPoint!.fullName!.map(({ uniformResourceIdentifier }) => uniformResourceIdentifier),
				reasons,
				cRLIssuer,
			]),
		).toEqual([[[`${REVOCATION_LISTS}/${keyIdOf(issuer)}.crl`], undefined, undefined]])
	})

	it('of a root says nothing: nobody could take it back', () => {
		expect(pointsOf(root.certificate)).toBeNull()
		expect(readIssued(root.certificate)).toBeUndefined()
	})

	it('is remembered as what its revocation calls it', () => {
		expect(readIssued(leaf)).toEqual({
			serialNumber: 'abc',
			issuer: keyIdOf(intermediate.certificate),
			notAfter: NOW + DAY_MS,
		})
		expect(readIssued(cross)).toMatchObject({ issuer: keyIdOf(root.certificate), serialNumber: '300' })
	})
})
