/** What openssl says of the mesh's certificates: before, during and after the rotation of every authority. */
import { afterAll, describe, expect, test } from 'vitest'
import { issueLeaf } from '../../src/certificates/leaf.ts'
import {
	bridge,
	issued,
	NOW,
	newIntermediate,
	newRoot,
	ORDERS,
	TRUST_DOMAIN,
	validFor,
} from '../unit/certificates/authorities.ts'
import { openWorkshop, requestOf, type Verification, verify } from './openssl.ts'

const shop = openWorkshop()
afterAll(() => shop.remove())

const DAY_MS = 86_400_000
const FIRST_ROOT_DAYS = 40

/** The first root ends while the second is in force; each has intermediates, and one of the first's is followed by another. */
const first = await newRoot(TRUST_DOMAIN, validFor(FIRST_ROOT_DAYS, '11'))
const second = await newRoot(TRUST_DOMAIN, validFor(730, '12'))
const cross = await bridge(first, second)
const [under1, next1] = [await newIntermediate(first), await newIntermediate(first, TRUST_DOMAIN, validFor(60, '22'))]
const under2 = await newIntermediate(second, TRUST_DOMAIN, validFor(60, '23'))
const foreign = await newRoot('mesh.example.org')
const impostor = await newRoot(TRUST_DOMAIN)

const { key, csr } = requestOf(shop, '-addext', `subjectAltName=URI:${ORDERS}`)
const leafOf1 = (await issued(under1, csr)).certificate
const leafOfNext1 = (await issued(next1, csr)).certificate
const leafOf2 = (await issued(under2, csr)).certificate
const [R1, R2] = [first.certificate, second.certificate]
const [I1, J1, I2] = [under1.certificate, next1.certificate, under2.certificate]

const asked = (leaf: string, chain: string[], roots: string[]): Verification => ({ leaf, chain, roots, at: NOW })

describe('openssl verify accepts', () => {
	test.each([
		['before a rotation', asked(leafOf1, [I1], [R1])],
		['when the next root is announced', asked(leafOf1, [I1], [R1, R2])],
		['a leaf under the new root, with the old one alone', asked(leafOf2, [I2, cross], [R1])],
		['a leaf under the new root, with the new one alone', asked(leafOf2, [I2, cross], [R2])],
		['a leaf under the new root, with both', asked(leafOf2, [I2, cross], [R1, R2])],
		[
			'a leaf under the new root, when the bundle lists them the other way round',
			asked(leafOf2, [I2, cross], [R2, R1]),
		],
		['when the old root is gone', asked(leafOf2, [I2], [R2])],
		['a leaf of the intermediate that was replaced', asked(leafOf1, [I1], [R1])],
		['a leaf of the intermediate that replaced it', asked(leafOfNext1, [J1], [R1])],
		['a chain with more than it needs', asked(leafOfNext1, [I1, J1, I2, cross], [R1])],
	])('%s, as server and as client', (_, verification) => {
		expect(verify(shop, { ...verification, purpose: 'sslserver' })).toMatchObject({ succeeded: true })
		expect(verify(shop, { ...verification, purpose: 'sslclient' })).toMatchObject({ succeeded: true })
	})

	test('a chain whose cross certificate has expired, with the new root', async () => {
		const at = NOW + (FIRST_ROOT_DAYS + 1) * DAY_MS
		const leaf = (await issued(under2, csr, ORDERS, validFor(1, '31', at))).certificate
		expect(verify(shop, { ...asked(leaf, [I2, cross], [R1, R2]), at })).toMatchObject({ succeeded: true })
		expect(verify(shop, { ...asked(leaf, [I2, cross], [R1]), at })).toMatchObject({
			succeeded: false,
			output: expect.stringContaining('certificate has expired'),
		})
	})
})

describe('openssl verify refuses', () => {
	const missing = 'unable to get local issuer certificate'
	test.each([
		['the root of another trust domain', asked(leafOf1, [I1], [foreign.certificate]), missing],
		['a root of the same name with another key', asked(leafOf1, [I1], [impostor.certificate]), missing],
		['a leaf under the old root, when it is gone', asked(leafOf1, [I1], [R2]), missing],
		['a leaf under the new root without the cross certificate', asked(leafOf2, [I2], [R1]), missing],
		['a leaf with the intermediate that replaced its own', asked(leafOf1, [J1], [R1]), missing],
		['a leaf without its intermediate', asked(leafOf1, [], [R1]), missing],
		['a leaf that has expired', { ...asked(leafOf1, [I1], [R1]), at: NOW + DAY_MS + 1000 }, 'certificate has expired'],
		['a leaf before its time', { ...asked(leafOf1, [I1], [R1]), at: NOW - 61_000 }, 'certificate is not yet valid'],
		[
			'a leaf for anything but TLS',
			{ ...asked(leafOf1, [I1], [R1]), purpose: 'smimesign' as const },
			'unsuitable certificate purpose',
		],
	])('%s', (_, verification, output) => {
		expect(verify(shop, verification)).toMatchObject({ succeeded: false, output: expect.stringContaining(output) })
	})

	test('what a leaf signed', () => {
		const [issuer, below] = [['-CA', shop.file(leafOf1), '-CAkey', shop.file(key)], shop.file(requestOf(shop).csr)]
		const forged = shop.read('x509', '-req', '-in', below, ...issuer, '-set_serial', '1', '-days', '1')
		// Its dates are the machine's own, not ours.
		const verification = { ...asked(forged, [leafOf1, I1], [R1]), purpose: 'sslclient' as const }
		expect(verify(shop, verification)).toMatchObject({
			succeeded: false,
			output: expect.stringContaining('invalid CA certificate'),
		})
	})

	test('what an authority below an intermediate signed', async () => {
		const tooDeep = await newIntermediate(under1)
		const leaf = (await issued(tooDeep, csr)).certificate
		expect(verify(shop, asked(leaf, [tooDeep.certificate, I1], [R1]))).toMatchObject({
			succeeded: false,
			output: expect.stringContaining('path length constraint exceeded'),
		})
	})
})

describe('openssl x509 reads', () => {
	const read = (certificate: string, ...fields: string[]) =>
		shop
			.read('x509', '-in', shop.file(certificate), '-noout', ...fields)
			.trim()
			.split(/\s*\n\s*/)
	const extensions = 'basicConstraints,keyUsage,extendedKeyUsage,subjectAltName'

	test('a leaf’s SPIFFE ID and usages, and no subject', () => {
		expect(read(leafOf1, '-ext', extensions)).toEqual([
			'X509v3 Basic Constraints: critical',
			'CA:FALSE',
			'X509v3 Key Usage: critical',
			'Digital Signature',
			'X509v3 Extended Key Usage:',
			'TLS Web Server Authentication, TLS Web Client Authentication',
			'X509v3 Subject Alternative Name: critical',
			`URI:${ORDERS}`,
		])
		expect(read(leafOf1, '-subject')).toEqual(['subject='])
		expect(read(leafOf1, '-pubkey').join('\n')).toBe(shop.read('ec', '-in', shop.file(key), '-pubout').trim())
	})

	test.each([
		['a root', R1, 'CA:TRUE'],
		['an intermediate', I1, 'CA:TRUE, pathlen:0'],
		['a cross certificate', cross, 'CA:TRUE'],
	])('%s as one that signs certificates of its trust domain', (_, certificate, constraints) => {
		expect(read(certificate, '-ext', extensions)).toEqual([
			'X509v3 Basic Constraints: critical',
			constraints,
			'X509v3 Key Usage: critical',
			'Certificate Sign, CRL Sign',
			'X509v3 Subject Alternative Name:',
			`URI:spiffe://${TRUST_DOMAIN}`,
		])
	})
})

describe('a request of openssl req', () => {
	const answer = (text: string) => issueLeaf({ spiffeId: ORDERS, csr: text, issuer: under1, ...validFor(1) })

	test.each([
		['with the workload’s own URI', ['-addext', `subjectAltName=URI:${ORDERS}`]],
		['without any name', []],
		[
			'with what its configuration adds',
			['-addext', 'basicConstraints=CA:FALSE', '-addext', 'keyUsage=nonRepudiation'],
		],
		['with a subject', ['-subj', '/O=Example/CN=orders']],
	])('%s is granted', async (_, options) => {
		const leaf = await answer(requestOf(shop, ...options).csr)
		expect(leaf).toMatchObject({ ok: true })
		expect(
			verify(shop, asked((leaf as { value: { certificate: string } }).value.certificate, [I1], [R1])),
		).toMatchObject({ succeeded: true })
	})

	test.each([
		['another URI', `URI:spiffe://${TRUST_DOMAIN}/ns/shop/sa/payments`, '/sa/payments'],
		['a host beside its URI', `URI:${ORDERS},DNS:orders.example.com`, 'dns:orders.example.com'],
		[
			'a name of a form of its own beside its URI',
			`URI:${ORDERS},otherName:1.2.3.4;UTF8:admin`,
			'it may ask for the URI',
		],
	])('that asks for %s is refused', async (_, subjectAltName, told) => {
		const refused = await answer(requestOf(shop, '-addext', `subjectAltName=${subjectAltName}`).csr)
		expect(refused).toMatchObject({ ok: false, error: expect.stringContaining(told) })
	})

	test('that asks to be an authority is refused', async () => {
		const refused = await answer(requestOf(shop, '-addext', 'basicConstraints=critical,CA:TRUE').csr)
		expect(refused).toEqual({ ok: false, error: 'asks to be a certificate authority, which no workload can be' })
	})

	test.each([
		['an RSA key', ['genrsa', '2048']],
		['a key on secp256k1', ['ecparam', '-name', 'secp256k1', '-genkey', '-noout']],
		[
			'a key whose curve is told by parameters',
			['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-param_enc', 'explicit'],
		],
	])('for %s is refused', async (_, generate) => {
		const text = shop.read('req', '-new', '-key', shop.file(shop.read(...generate)), '-subj', '/')
		expect((await answer(text)).ok).toBe(false)
	})
})
