/** X509-SVIDs: exactly what they say, as the library and as Node read them. */
import 'reflect-metadata'
import { createPublicKey, X509Certificate as NodeCertificate } from 'node:crypto'
import { BasicConstraintsExtension, KeyUsageFlags, KeyUsagesExtension, X509Certificate } from '@peculiar/x509'
import { describe, expect, it } from 'vitest'
import { issueLeaf } from '../../../src/certificates/leaf.ts'
import {
	extensionsOf,
	issued,
	names,
	newIntermediate,
	newKeys,
	newRoot,
	ORDERS,
	request,
	TRUST_DOMAIN,
	validFor,
} from './authorities.ts'

const root = await newRoot()
const intermediate = await newIntermediate(root)
const keys = await newKeys()
const csr = await request([names(ORDERS)], keys)
const { certificate, notAfter } = await issued(intermediate, csr, ORDERS, validFor(1, 'ab'.repeat(16)))
const known = new NodeCertificate(certificate)

describe('a leaf', () => {
	it('has the SPIFFE ID as its one name, and no subject', () => {
		expect(known.subjectAltName).toBe(`URI:${ORDERS}`)
		expect(known.subject ?? '').toBe('')
	})

	it('has exactly these extensions; the name is critical, because the subject is empty', () => {
		expect(extensionsOf(new X509Certificate(certificate))).toEqual([
			'2.5.29.14',
			'2.5.29.15!',
			'2.5.29.17!',
			'2.5.29.19!',
			'2.5.29.31',
			'2.5.29.35',
			'2.5.29.37',
		])
	})

	it('proves a peer in TLS, server or client, and signs no certificates', () => {
		const parsed = new X509Certificate(certificate)
		expect(known.ca).toBe(false)
		expect(known.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
		expect(parsed.getExtension(KeyUsagesExtension)!.usages).toBe(KeyUsageFlags.digitalSignature)
		expect(parsed.getExtension(BasicConstraintsExtension)).toMatchObject({ ca: false, critical: true })
	})

	it('is for the key of the request, with the serial number and dates that were asked for', async () => {
		const spki = Buffer.from(await crypto.subtle.exportKey('spki', keys.publicKey))
		expect(known.publicKey.equals(createPublicKey({ key: spki, format: 'der', type: 'spki' }))).toBe(true)
		expect(known.serialNumber).toBe('AB'.repeat(16))
		expect([Date.parse(known.validFrom), Date.parse(known.validTo)]).toEqual([
			validFor(1).notBefore,
			validFor(1).notAfter,
		])
		expect(notAfter).toBe(validFor(1).notAfter)
	})

	it('is signed by the intermediate', () => {
		const above = new NodeCertificate(intermediate.certificate)
		expect(known.checkIssued(above) && known.verify(above.publicKey)).toBe(true)
		expect(known.verify(new NodeCertificate(root.certificate).publicKey)).toBe(false)
	})

	it('ends with its issuer at the latest, and says so', async () => {
		const leaf = await issued(intermediate, csr, ORDERS, validFor(61))
		expect(leaf.notAfter).toBe(validFor(60).notAfter)
		expect(Date.parse(new NodeCertificate(leaf.certificate).validTo)).toBe(leaf.notAfter)
	})

	it('has the identity that the mesh gives, not one that the request names in its subject', async () => {
		const leaf = await issued(intermediate, await request([], keys))
		expect(new NodeCertificate(leaf.certificate).toString()).not.toContain('CN=x')
		expect(new NodeCertificate(leaf.certificate).subjectAltName).toBe(`URI:${ORDERS}`)
	})
})

describe('an identity is never certified', () => {
	it.each([
		['of another trust domain', 'spiffe://mesh.example.org/ns/shop/sa/orders'],
		['of a trust domain that ends alike', `spiffe://a.${TRUST_DOMAIN}/ns/shop/sa/orders`],
		['of a trust domain that begins alike', `spiffe://${TRUST_DOMAIN}.evil.example/ns/shop/sa/orders`],
		['that is the trust domain itself', `spiffe://${TRUST_DOMAIN}`],
		['with an empty path', `spiffe://${TRUST_DOMAIN}/`],
		['with an empty segment', `spiffe://${TRUST_DOMAIN}/ns//sa/orders`],
		['with a final slash', `${ORDERS}/`],
		['with a relative segment', `spiffe://${TRUST_DOMAIN}/ns/shop/../admin/sa/orders`],
		['with a relative segment at its end', `${ORDERS}/..`],
		['with a segment that goes nowhere', `spiffe://${TRUST_DOMAIN}/./ns/shop/sa/orders`],
		['with an escape', `spiffe://${TRUST_DOMAIN}/ns/shop/sa/%6frders`],
		['with a query', `${ORDERS}?a`],
		['with a fragment', `${ORDERS}#a`],
		['with a line break', `${ORDERS}\n`],
		['with a NUL', `${ORDERS}\0`],
		['with a letter beyond ASCII', `${ORDERS}ö`],
		['with a scheme in capitals', ORDERS.replace('spiffe', 'SPIFFE')],
		['longer than 2048 characters', ORDERS.padEnd(2049, 'a')],
	])('%s', async (_, spiffeId) => {
		const asked = { spiffeId, csr: await request(), issuer: intermediate, ...validFor(1) }
		await expect(issueLeaf(asked)).rejects.toThrow(`is no workload of spiffe://${TRUST_DOMAIN}`)
	})

	it.each([ORDERS.padEnd(2048, 'a'), `spiffe://${TRUST_DOMAIN}/ns/shop/sa/..orders`, `${ORDERS}/...`])(
		'but %.60s is one',
		async (spiffeId) => {
			expect((await issueLeaf({ spiffeId, csr: await request(), issuer: intermediate, ...validFor(1) })).ok).toBe(true)
		},
	)
})
