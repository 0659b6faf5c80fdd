/** What strangers may send to have a key certified, and what they are told when it is refused. */
import 'reflect-metadata'
import { X509Certificate } from 'node:crypto'
import {
	BasicConstraintsExtension,
	Extension,
	GeneralNames,
	KeyUsageFlags,
	KeyUsagesExtension,
	Pkcs10CertificateRequest,
	SubjectAlternativeNameExtension,
} from '@peculiar/x509'
import { describe, expect, it } from 'vitest'
import { issueLeaf } from '../../../src/certificates/leaf.ts'
import { seeded } from '../../random.ts'
import { names, newIntermediate, newKeys, newRoot, ORDERS, request, TRUST_DOMAIN, validFor } from './authorities.ts'

const SEED = 509
const intermediate = await newIntermediate(await newRoot())
const answer = (csr: string) => issueLeaf({ spiffeId: ORDERS, csr, issuer: intermediate, ...validFor(1) })
const good = await request([names(ORDERS)])
const derOf = (pem: string) => Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ''), 'base64')
const pemOf = (der: Uint8Array, label = 'CERTIFICATE REQUEST') =>
	`-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64')}\n-----END ${label}-----\n`

describe('a request is granted', () => {
	it.each([
		['that asks for its own name', [names(ORDERS)]],
		['that asks for no name', []],
		[
			'that says what common tools say of themselves',
			[new BasicConstraintsExtension(false), new KeyUsagesExtension(KeyUsageFlags.keyEncipherment), names(ORDERS)],
		],
	])('%s', async (_, extensions: Extension[]) => {
		expect(await answer(await request(extensions))).toMatchObject({ ok: true })
	})

	it('under the label of older tools', async () => {
		expect((await answer(good.replaceAll('CERTIFICATE', 'NEW CERTIFICATE'))).ok).toBe(true)
	})
})

describe('a name that is not the workload’s own is refused, and named', () => {
	const list = (...items: { type: 'dns' | 'ip' | 'email' | 'url' | 'dn'; value: string }[]) =>
		new SubjectAlternativeNameExtension(items)
	const own = { type: 'url', value: ORDERS } as const
	/** Beside what is given: a name of a form that nobody knows (otherName 1.2.3.4), as the library writes it. */
	const unreadable = (...beside: { type: 'url'; value: string }[]): Extension => {
		const known = Buffer.from(new GeneralNames(beside).rawData).subarray(2)
		const unknown = Buffer.from('a00b06032a0304a0040c026869', 'hex')
		return new Extension('2.5.29.17', false, Buffer.concat([Buffer.from([0x30, known.length + 13]), known, unknown]))
	}
	it.each([
		[
			'another workload',
			[names(ORDERS.replace('orders', 'payments'))],
			'url:spiffe://mesh.example.com/ns/shop/sa/payments',
		],
		['two names', [names(ORDERS, ORDERS.replace('orders', 'payments'))], `url:${ORDERS}", "url:`],
		['its own name twice', [names(ORDERS, ORDERS)], `["url:${ORDERS}", "url:${ORDERS}"]`],
		['its own name twice, in two lists', [names(ORDERS), names(ORDERS)], `["url:${ORDERS}", "url:${ORDERS}"]`],
		['a host', [list({ type: 'dns', value: 'orders.example.com' })], '"dns:orders.example.com"'],
		['a host beside its own name', [list(own, { type: 'dns', value: 'a.example' })], '"dns:a.example"'],
		['its own name as a host', [list({ type: 'dns', value: ORDERS })], `"dns:${ORDERS}"`],
		['an address', [list({ type: 'ip', value: '127.0.0.1' })], '"ip:127.0.0.1"'],
		['a mailbox', [list({ type: 'email', value: 'a@example.com' })], '"email:a@example.com"'],
		['a directory name', [list({ type: 'dn', value: 'CN=a' })], '"dn:CN=a"'],
		['an empty list', [list()], 'the names []'],
		['a relative path', [names(`${ORDERS}/../payments`)], '/../payments"'],
		['an escape', [names(ORDERS.replace('orders', '%6frders'))], '%6frders"'],
		['a scheme in capitals', [names(ORDERS.replace('spiffe', 'SPIFFE'))], '"url:SPIFFE:'],
		['a name in capitals', [names(ORDERS.replace('orders', 'Orders'))], '/Orders"'],
		['another trust domain', [names(ORDERS.replace(TRUST_DOMAIN, 'mesh.example.org'))], 'mesh.example.org'],
		['a user before the trust domain', [names(ORDERS.replace('//', '//a@'))], '//a@'],
		['a port', [names(ORDERS.replace('.com/', '.com:443/'))], '.com:443/'],
		['a final slash', [names(`${ORDERS}/`)], '/orders/"'],
		['a query', [names(`${ORDERS}?a`)], '/orders?a"'],
		['a NUL and more', [names(`${ORDERS}\0.evil.example`)], '\\u0000.evil'],
		['a line break', [names(`${ORDERS}\nrole=admin`)], '\\nrole'],
		['a blank', [names(`${ORDERS} `)], '/orders "'],
		['a prefix of its own name', [names(ORDERS.slice(0, -1))], '/order"'],
		['a name that cannot be read', [unreadable()], 'the names [], as far'],
		['a name that cannot be read beside its own', [unreadable(own)], `the names ["url:${ORDERS}"], as far`],
	])('%s', async (_, extensions: Extension[], told) => {
		const refused = await answer(await request(extensions))
		expect(refused).toMatchObject({ ok: false, error: expect.stringContaining(told) })
		expect(refused).toMatchObject({ error: expect.stringContaining(`it may ask for the URI ${ORDERS} only`) })
	})

	it('of many and long names, in few words', async () => {
		const many = Array.from({ length: 30 }, (_, i) => `spiffe://${TRUST_DOMAIN}/${String(i).repeat(60)}`)
		const refused = await answer(await request([names(...many)]))
		expect(refused).toMatchObject({ error: expect.stringContaining(' and 26 more]') })
		expect((refused as { error: string }).error.length).toBeLessThan(1_000)
	})
})

it('a request to be a certificate authority is refused', async () => {
	const error = 'asks to be a certificate authority, which no workload can be'
	expect(await answer(await request([new BasicConstraintsExtension(true), names(ORDERS)]))).toEqual({
		ok: false,
		error,
	})
})

describe('a key is refused', () => {
	const rsa = () => {
		const algorithm = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: Buffer.from([1, 0, 1]) }
		return crypto.subtle.generateKey({ ...algorithm, hash: 'SHA-256' }, true, ['sign', 'verify'])
	}
	const edwards = () => crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']) as Promise<CryptoKeyPair>
	it.each([
		['of RSA', rsa],
		['of another curve', () => newKeys('P-384')],
		['of Ed25519', edwards],
	])('%s', async (_, keys) => {
		const error = 'must be for an ECDSA key on the curve P-256'
		expect(await answer(await request([], await keys()))).toEqual({ ok: false, error })
	})

	it.each(['SHA-1', 'SHA-384', 'SHA-512'])('that signs with %s', async (hash) => {
		const error = 'must be signed with ECDSA and SHA-256'
		expect(await answer(await request([], await newKeys(), hash))).toEqual({ ok: false, error })
	})

	it('of somebody else, whose public key was put into a request', async () => {
		const [mine, theirs] = [derOf(good), derOf(await request([names(ORDERS)]))]
		const keyOf = (der: Buffer) => Buffer.from(new Pkcs10CertificateRequest(new Uint8Array(der)).publicKey.rawData)
		const stolen = Buffer.from(mine)
		keyOf(theirs).copy(stolen, mine.indexOf(keyOf(mine)))
		expect(await answer(pemOf(stolen))).toEqual({ ok: false, error: 'is not signed by the key that it is for' })
	})
})

describe('text that is no request is refused', () => {
	const frame = 'must be one PEM block CERTIFICATE REQUEST, and nothing else'
	const content = 'is not a certification request (PKCS #10, RFC 2986)'
	const nested = Buffer.concat(Array.from({ length: 100 }, (_, i) => Buffer.from([0x30, 99 - i])))
	it.each([
		['nothing', '', frame],
		['two requests', good + good, frame],
		['a request and a key', `${good}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n`, frame],
		['text before it', `Certificate Request:\n${good}`, frame],
		['DER as Base64, which the library would take', derOf(good).toString('base64'), frame],
		['DER as hex, which the library would take', derOf(good).toString('hex'), frame],
		['another kind of block', good.replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE'), frame],
		['a certificate in the frame of a request', pemOf(new X509Certificate(intermediate.certificate).raw), content],
		['rubbish', pemOf(Buffer.from('rubbish')), content],
		['zeros', pemOf(new Uint8Array(5_000)), content],
		['half a request', pemOf(derOf(good).subarray(0, 100)), content],
		['sequences within sequences', pemOf(nested), content],
	])('%s', async (_, text, error) => {
		expect(await answer(text)).toEqual({ ok: false, error })
	})

	it('and so is what is longer than any request has to be, before it is looked at', async () => {
		const error = 'has 8193 characters; it may have at most 8192'
		expect(await answer(good.padEnd(8_193))).toEqual({ ok: false, error })
		expect((await answer(good.padEnd(8_192))).ok).toBe(true)
	})
})

describe('a request in which somebody changed a bit', () => {
	it(`is not granted, wherever the bit is in what was signed or in the signature (seed ${SEED})`, async () => {
		const random = seeded(SEED)
		const der = derOf(good)
		// After the outer header of four bytes: what is signed, with its own header of three.
		const signedEnd = 7 + der[6]!
		for (let at = 4; at < der.length; at++) {
			// How the signature is written may be read leniently; its second number, at the end, may not.
			if (at >= signedEnd && at < der.length - 32) continue
			const altered = Buffer.from(der)
			altered[at]! ^= 1 << Math.floor(random() * 8)
			expect((await answer(pemOf(altered))).ok, String(at)).toBe(false)
		}
	})
})
