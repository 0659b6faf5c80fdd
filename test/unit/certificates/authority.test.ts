/** Roots, intermediates and cross certificates, as the library and as Node read them. */
import 'reflect-metadata'
import { createHash, createPublicKey, X509Certificate as NodeCertificate } from 'node:crypto'
import { BasicConstraintsExtension, KeyUsageFlags, KeyUsagesExtension, X509Certificate } from '@peculiar/x509'
import { describe, expect, it } from 'vitest'
import { createRoot, crossSign } from '../../../src/certificates/authority.ts'
import { authorityKeyId } from '../../../src/certificates/keyId.ts'
import { derOf } from '../../../src/certificates/pem.ts'
import { bridge, extensionsOf, newIntermediate, newRoot, TRUST_DOMAIN, validFor } from './authorities.ts'

const BASIC_CONSTRAINTS = '2.5.29.19!'
const KEY_USAGE = '2.5.29.15!'
const NAMES = '2.5.29.17'
const OWN_KEY = '2.5.29.14'
const ISSUERS_KEY = '2.5.29.35'
const ISSUERS_LIST = '2.5.29.31'

const root = await newRoot()
const intermediate = await newIntermediate(root)
const newer = await newRoot()
const cross = await bridge(root, newer)

const endOf = (certificate: string) => Date.parse(new NodeCertificate(certificate).validTo)
const nameOf = ({ subject }: NodeCertificate) => subject.split('\n')
const issues = (issuer: string, certificate: string) => {
	const [above, below] = [new NodeCertificate(issuer), new NodeCertificate(certificate)]
	return below.checkIssued(above) && below.verify(above.publicKey)
}
/** What is signed of a certificate of 256 to 65,535 bytes: its second element, after two headers of four bytes. */
const signedPart = (pem: string) => Buffer.from(derOf(pem)).subarray(4, 8 + Buffer.from(derOf(pem)).readUInt16BE(6))

describe('every authority', () => {
	it.each([
		['a root', root.certificate, undefined],
		['an intermediate', intermediate.certificate, 0],
		['a cross certificate', cross, undefined],
	])(
		'%s may sign certificates, to its path length, and what takes them back, and nothing else',
		(_, certificate, pathLength) => {
			const parsed = new X509Certificate(certificate)
			expect(parsed.getExtension(BasicConstraintsExtension)).toMatchObject({ ca: true, critical: true })
			expect(parsed.getExtension(BasicConstraintsExtension)!.pathLength).toBe(pathLength)
			const usages = KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign
			expect(parsed.getExtension(KeyUsagesExtension)).toMatchObject({ usages, critical: true })
			expect(new NodeCertificate(certificate).ca).toBe(true)
		},
	)

	it.each([
		['a root', root.certificate, [BASIC_CONSTRAINTS, KEY_USAGE, NAMES, OWN_KEY]],
		[
			'an intermediate',
			intermediate.certificate,
			[BASIC_CONSTRAINTS, KEY_USAGE, NAMES, OWN_KEY, ISSUERS_KEY, ISSUERS_LIST],
		],
		['a cross certificate', cross, [BASIC_CONSTRAINTS, KEY_USAGE, NAMES, OWN_KEY, ISSUERS_KEY, ISSUERS_LIST]],
	])('%s has these extensions and no others', (_, certificate, extensions) => {
		expect(extensionsOf(new X509Certificate(certificate))).toEqual(extensions.sort())
	})

	it.each([
		['a root', root.certificate],
		['an intermediate', intermediate.certificate],
		['a cross certificate', cross],
	])('%s is named by its trust domain, without a path (X509-SVID §3.2)', (_, certificate) => {
		expect(new NodeCertificate(certificate).subjectAltName).toBe(`URI:spiffe://${TRUST_DOMAIN}`)
	})

	it.each([
		['a root', root.certificate],
		['an intermediate', intermediate.certificate],
		['a cross certificate', cross],
	])('%s is signed with ECDSA and SHA-256', (_, certificate) => {
		const { signatureAlgorithm } = new X509Certificate(certificate)
		expect(signatureAlgorithm).toEqual({ name: 'ECDSA', hash: { name: 'SHA-256' } })
	})

	it('tells its key in its name, so that two of a trust domain are never confused', async () => {
		const id = async (keys: CryptoKeyPair) => (await authorityKeyId(keys.publicKey)).slice(0, 8)
		expect(nameOf(new NodeCertificate(root.certificate))).toEqual([
			`O=${TRUST_DOMAIN}`,
			`CN=Selvedge root ${await id(root.keys)}`,
		])
		expect(nameOf(new NodeCertificate(intermediate.certificate))).toEqual([
			`O=${TRUST_DOMAIN}`,
			`CN=Selvedge intermediate ${await id(intermediate.keys)}`,
		])
	})

	it('of a trust domain that no name can hold has it in its URI', async () => {
		const trustDomain = `${'long-'.repeat(12)}.mesh.example.com`
		const parsed = new NodeCertificate((await newRoot(trustDomain)).certificate)
		expect(nameOf(parsed)).toEqual([expect.stringMatching(/^CN=Selvedge root [0-9a-f]{8}$/)])
		expect(parsed.subjectAltName).toBe(`URI:spiffe://${trustDomain}`)
	})

	it('is the same for the same input, but for the random number of its signature', async () => {
		const input = { trustDomain: TRUST_DOMAIN, keys: root.keys, ...validFor(730, '100') }
		const [one, other] = [await createRoot(input), await createRoot(input)]
		expect(one).not.toBe(other)
		expect(signedPart(one)).toEqual(signedPart(other))
		expect(signedPart(one)).not.toEqual(signedPart(await createRoot({ ...input, serialNumber: '101' })))
	})
})

describe('a chain', () => {
	it('is signed from top to bottom', () => {
		expect(issues(root.certificate, root.certificate)).toBe(true)
		expect(issues(root.certificate, intermediate.certificate)).toBe(true)
		expect(issues(newer.certificate, intermediate.certificate)).toBe(false)
	})

	it('goes from the old root to what the new one signed, by the cross certificate', async () => {
		const below = await newIntermediate(newer)
		expect(issues(root.certificate, cross)).toBe(true)
		expect(issues(cross, below.certificate)).toBe(true)
		expect(issues(newer.certificate, below.certificate)).toBe(true)
		const [one, other] = [new NodeCertificate(cross), new NodeCertificate(newer.certificate)]
		expect(one.subject).toBe(other.subject)
		expect(one.publicKey.equals(other.publicKey)).toBe(true)
	})
})

describe('validity', () => {
	it('ends with the issuer’s at the latest', async () => {
		const brief = await newRoot(TRUST_DOMAIN, validFor(10))
		expect(endOf((await newIntermediate(brief, TRUST_DOMAIN, validFor(60))).certificate)).toBe(endOf(brief.certificate))
		expect(endOf(await bridge(brief, newer, validFor(60)))).toBe(endOf(brief.certificate))
		expect(endOf(await bridge(newer, brief, validFor(60)))).toBe(endOf(brief.certificate))
		expect(endOf((await newIntermediate(brief, TRUST_DOMAIN, validFor(5))).certificate)).toBe(validFor(5).notAfter)
	})

	it('is told in whole seconds, rounded down, also where years have four digits', async () => {
		const notBefore = Date.UTC(2049, 11, 31, 23, 59, 59, 999)
		const { certificate } = await newRoot(TRUST_DOMAIN, { notBefore, notAfter: notBefore + 1_000, serialNumber: '1' })
		const parsed = new NodeCertificate(certificate)
		expect([parsed.validFrom, parsed.validTo]).toEqual(['Dec 31 23:59:59 2049 GMT', 'Jan  1 00:00:00 2050 GMT'])
		expect(Buffer.from(derOf(certificate)).includes('20500101000000Z')).toBe(true)
	})

	it('that would be empty is refused', async () => {
		const { notBefore } = validFor(1)
		const empty = { notBefore, notAfter: notBefore, serialNumber: '1' }
		await expect(newRoot(TRUST_DOMAIN, empty)).rejects.toThrow('would never be valid')
		const expired = await newRoot(TRUST_DOMAIN, validFor(1))
		const later = validFor(1, '1', validFor(2).notAfter)
		await expect(newIntermediate(expired, TRUST_DOMAIN, later)).rejects.toThrow('would never be valid')
	})
})

describe('a serial number', () => {
	it.each([
		['1', '01'],
		['7f', '7F'],
		['80', '80'],
		['0a', '0A'],
		['000a', '0A'],
		['f'.repeat(32), 'F'.repeat(32)],
	])('%s is taken over as a positive number', async (serialNumber, read) => {
		const { certificate } = await newRoot(TRUST_DOMAIN, validFor(1, serialNumber))
		expect(new NodeCertificate(certificate).serialNumber).toBe(read)
	})

	it.each(['', '0', '00', '-1', '0x1', 'FF', 'g', '1'.repeat(39)])('%j is refused', async (serialNumber) => {
		await expect(newRoot(TRUST_DOMAIN, validFor(1, serialNumber))).rejects.toThrow('is no serial number')
	})
})

describe('a key identifier', () => {
	it('is the first 160 bits of the SHA-256 of the point (RFC 7093), and stands in the certificate', async () => {
		const { x, y } = createPublicKey(
			new NodeCertificate(root.certificate).publicKey.export({ type: 'spki', format: 'pem' }),
		).export({ format: 'jwk' })
		const point = Buffer.concat([Buffer.from([4]), Buffer.from(x!, 'base64url'), Buffer.from(y!, 'base64url')])
		const id = createHash('sha256').update(point).digest('hex').slice(0, 40)
		expect(await authorityKeyId(root.keys.publicKey)).toBe(id)
		expect(Buffer.from(derOf(root.certificate)).includes(Buffer.from(`0414${id}`, 'hex'))).toBe(true)
		expect(Buffer.from(derOf(intermediate.certificate)).includes(Buffer.from(`8014${id}`, 'hex'))).toBe(true)
	})
})

describe('mistakes of the caller throw', () => {
	it('when the issuer is of another trust domain', async () => {
		const foreign = await newRoot('mesh.example.org')
		await expect(newIntermediate(foreign)).rejects.toThrow('are not the same trust domain')
		await expect(bridge(root, foreign)).rejects.toThrow('are not the same trust domain')
	})

	it('when the issuer’s key is not that of its certificate', async () => {
		const mixed = { ...root, privateKey: newer.privateKey }
		await expect(newIntermediate(mixed)).rejects.toThrow('the issuer’s private key is not that of its certificate')
	})

	it('when what should be cross-signed is no root', async () => {
		const input = { root: intermediate.certificate, issuer: root, ...validFor(1) }
		await expect(crossSign(input)).rejects.toThrow('only a root can be cross-signed')
	})
})
