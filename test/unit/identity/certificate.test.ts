/** A client certificate proves a workload when an authority of the mesh signed it, as a leaf, for now, with one name. */
import 'reflect-metadata'
import {
	AuthorityKeyIdentifierExtension,
	KeyUsageFlags,
	KeyUsagesExtension,
	SubjectAlternativeNameExtension,
	X509CertificateGenerator,
} from '@peculiar/x509'
import { describe, expect, it } from 'vitest'
import { verifyCertificate } from '../../../src/identity/certificate.ts'
import { thumbprint } from '../../../src/identity/publicKey.ts'
import { seeded } from '../../random.ts'
import { authorityFor, derOf, intermediate, nodeCertificate, openssl, trusting } from './certificates.ts'
import { makeKey, NOW, ORDERS, outcome, store, stranger, TRUST_DOMAIN } from './world.ts'

const SEED = 5280
const trust = trusting()
const code = async (der: Uint8Array, in_ = trust, now = NOW) => outcome(await verifyCertificate(in_, der, now))

describe('a certificate', () => {
	it('proves a workload, and says with which key', async () => {
		const { validFromDate, validToDate, publicKey } = nodeCertificate('leaf')
		const jwk = publicKey.export({ format: 'jwk' })
		expect(await verifyCertificate(trust, derOf('leaf'), NOW)).toEqual({
			ok: true,
			value: {
				spiffeId: ORDERS,
				trustDomain: TRUST_DOMAIN,
				namespace: 'default',
				workload: 'orders',
				method: 'ClientCertificate',
				issuedAt: validFromDate.getTime(),
				expiresAt: validToDate.getTime(),
				keyThumbprint: await thumbprint({ kty: 'EC', alg: 'ES256', crv: 'P-256', x: jwk.x!, y: jwk.y! }),
				serialNumber: 'a1b2c3d4e5f60718293a4b5c6d7e8f9',
			},
		})
	})

	const GOOD = [
		'leaf',
		'until-2081',
		'short-serial',
		'dns-beside',
		'critical-name',
		'no-purposes',
		'no-constraints',
		'issuer-beside-key',
		'unknown-extension',
	]
	const BAD: Readonly<Record<string, string>> = {
		'two-uris': 'bad_subject',
		'no-uri': 'bad_subject',
		'no-name': 'bad_subject',
		'id-as-dns': 'bad_subject',
		'https-uri': 'bad_subject',
		'dot-segments': 'bad_subject',
		'trust-domain': 'bad_subject',
		'upper-case': 'bad_subject',
		'other-domain': 'unknown_trust_domain',
		'unknown-domain': 'unknown_trust_domain',
		authority: 'not_a_leaf',
		intermediate: 'not_a_leaf',
		'authority-by-constraints': 'not_a_leaf',
		'signs-certificates': 'not_a_leaf',
		'signs-lists': 'not_a_leaf',
		'usage-not-critical': 'not_a_leaf',
		'no-usage': 'not_a_leaf',
		'usage-without-signature': 'not_a_leaf',
		'server-only': 'not_a_leaf',
		'no-authority-key': 'unknown_key',
		'other-authority': 'unknown_key',
		pretender: 'bad_signature',
		'unknown-critical': 'unsupported_extension',
		'p384-key': 'unsupported_algorithm',
		'rsa-key': 'unsupported_algorithm',
		sha384: 'unsupported_algorithm',
		'version-1': 'malformed',
	}

	it.each(GOOD)('of OpenSSL is taken: %s', async (name) => expect(await code(derOf(name))).toBe('ok'))
	it.each(Object.entries(BAD))('of OpenSSL is refused: %s', async (name, expected) =>
		expect(await code(derOf(name))).toBe(expected),
	)
	it('of OpenSSL is either taken or refused here', () => {
		expect([...GOOD, ...Object.keys(BAD)].sort()).toEqual(Object.keys(openssl).sort())
	})

	it.each(['leaf', 'until-2081', 'short-serial'])(
		'has the dates and the serial number that Node reads: %s',
		async (name) => {
			const { validFromDate, validToDate, serialNumber } = nodeCertificate(name)
			const verified = await verifyCertificate(trust, derOf(name), NOW)
			expect(verified.ok && verified.value).toMatchObject({
				issuedAt: validFromDate.getTime(),
				expiresAt: validToDate.getTime(),
				serialNumber: serialNumber.toLowerCase().replace(/^0+/, ''),
			})
		},
	)

	it('counts from a minute before its first second to its last one', async () => {
		const { validFromDate, validToDate } = nodeCertificate('leaf')
		const [from, to] = [validFromDate.getTime(), validToDate.getTime()]
		expect(await code(derOf('leaf'), trust, to)).toBe('ok')
		expect(await code(derOf('leaf'), trust, to + 1)).toBe('expired')
		expect(await code(derOf('leaf'), trust, to + 1_000)).toBe('expired')
		expect(await code(derOf('leaf'), trust, from - 60_000)).toBe('ok')
		expect(await code(derOf('leaf'), trust, from - 60_001)).toBe('not_yet_valid')
	})

	it('is refused under no authority, another one, and one whose key is for something else', async () => {
		expect(await code(derOf('leaf'), trusting({}, []))).toBe('unknown_key')
		expect(await code(derOf('leaf'), trusting({}, [{ ...intermediate, jwk: stranger.jwk }]))).toBe('bad_signature')
		expect(await code(derOf('leaf'), trusting({}, [{ ...intermediate, jwk: { ...stranger.jwk, x: 'AA' } }]))).toBe(
			'unusable_key',
		)
		for (const alg of ['ES384', 'RS256', 'EdDSA'])
			expect(await code(derOf('leaf'), trusting({}, [{ ...intermediate, jwk: makeKey(alg).jwk }]))).toBe(
				'bad_signature',
			)
		const federated = [{ trustDomain: 'partner.example.org', keys: [], authorities: [intermediate] }]
		expect(await code(derOf('leaf'), store({ federated }))).toBe('unknown_key')
		expect(await code(derOf('other-domain'), store({ federated }))).toBe('unknown_trust_domain')
	})

	it('is refused when it, its key or its workload was revoked', async () => {
		const verified = await verifyCertificate(trust, derOf('leaf'), NOW)
		const { serialNumber, keyThumbprint, issuedAt } = verified.ok ? verified.value : ({} as never)
		expect(await code(derOf('leaf'), trusting({ certificates: [serialNumber!] }))).toBe('revoked')
		expect(await code(derOf('leaf'), trusting({ keys: [keyThumbprint!] }))).toBe('revoked')
		expect(await code(derOf('leaf'), trusting({ workloads: { [ORDERS]: issuedAt } }))).toBe('revoked')
		expect(await code(derOf('leaf'), trusting({ workloads: { [ORDERS]: issuedAt - 1 }, certificates: ['8f'] }))).toBe(
			'ok',
		)
		expect(await code(derOf('short-serial'), trusting({ certificates: ['8f'] }))).toBe('revoked')
	})
})

describe('a certificate of @peculiar/x509', () => {
	it(`is read as it was made (seed ${SEED})`, async () => {
		const random = seeded(SEED)
		const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
		const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
		const authority = authorityFor(await crypto.subtle.exportKey('jwk', keys.publicKey))
		for (let round = 0; round < 60; round++) {
			const notBefore = new Date(Math.floor((-6e11 + random() * 3e12) / 1_000) * 1_000)
			const notAfter = new Date(notBefore.getTime() + Math.floor(random() ** 4 * 1e9) * 1_000)
			const serialNumber = Array.from({ length: 1 + Math.floor(random() * 16) }, () =>
				(256 + Math.floor(random() * 256)).toString(16).slice(1),
			).join('')
			const certificate = await X509CertificateGenerator.create({
				serialNumber,
				issuer: 'CN=intermediate',
				subject: '',
				notBefore,
				notAfter,
				signingAlgorithm: algorithm,
				publicKey: keys.publicKey,
				signingKey: keys.privateKey,
				extensions: [
					new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
					new SubjectAlternativeNameExtension([{ type: 'url', value: ORDERS }], true),
					new AuthorityKeyIdentifierExtension(authority.keyId),
				],
			})
			const now = Math.max(notBefore.getTime(), 0)
			if (now > notAfter.getTime()) continue
			const verified = await verifyCertificate(trusting({}, [authority]), new Uint8Array(certificate.rawData), now)
			expect(verified, `${notBefore.toISOString()} ${notAfter.toISOString()} ${serialNumber}`).toMatchObject({
				ok: true,
				value: {
					issuedAt: notBefore.getTime(),
					expiresAt: notAfter.getTime(),
					serialNumber: serialNumber.replace(/^0+/, ''),
				},
			})
		}
	})
})

describe('no byte of a certificate', () => {
	const names = ['leaf', 'until-2081', 'dns-beside']

	it.each(names)(`can be another (seed ${SEED}): %s`, async (name) => {
		const random = seeded(SEED)
		const der = derOf(name)
		for (let at = 0; at < der.length; at++)
			for (const flip of [1, 0x80, 1 + Math.floor(random() * 255), 1 + Math.floor(random() * 255)]) {
				const altered = der.slice()
				altered[at]! ^= flip
				expect(await code(altered), `${flip} at ${at}`).not.toBe('ok')
			}
	})

	it('can be missing, added or doubled', async () => {
		const der = derOf('leaf')
		for (let at = 0; at <= der.length; at++) {
			const [before, after] = [der.subarray(0, at), der.subarray(at)]
			if (at < der.length) expect(await code(before)).toBe('malformed')
			if (at < der.length) expect(await code(Uint8Array.of(...before, ...after.subarray(1)))).not.toBe('ok')
			for (const one of [0, 0xff, der[at] ?? 0x30])
				expect(await code(Uint8Array.of(...before, one, ...after))).not.toBe('ok')
		}
	})

	it(`can be mixed up with others, many at a time, without being refused (seed ${SEED})`, async () => {
		const random = seeded(SEED)
		const der = derOf('leaf')
		for (let round = 0; round < 4_000; round++) {
			const altered = der.slice()
			const others = 1 + Math.floor(random() * 8)
			for (let n = 0; n < others; n++) altered[Math.floor(random() ** 2 * der.length)] = Math.floor(random() * 256)
			if (Buffer.compare(altered, der) !== 0)
				expect(await code(altered), Buffer.from(altered).toString('base64')).not.toBe('ok')
		}
	})

	it('is read beyond 16 KiB', async () => {
		const large = new Uint8Array(16_385)
		large.set(derOf('leaf'))
		expect(await code(large)).toBe('too_large')
		expect(await code(large.subarray(0, 16_384))).toBe('malformed')
		expect(await code(new Uint8Array())).toBe('malformed')
	})
})
