/** Attacks on whoever gives out identities: join tokens, proofs of keys, renewals and certification requests. */
import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BasicConstraintsExtension } from '../../src/certificates/library.ts'
import { names, newKeys, request } from '../unit/certificates/authorities.ts'
import { type Answer, eventually } from './client.ts'
import {
	altered,
	BAD_SUBJECTS,
	FOREIGN_SUBJECTS,
	ORDERS,
	seconds,
	signedBy,
	symmetric,
	unsigned,
	witClaims,
} from './forgeries.ts'
import {
	type Admin,
	adminOf,
	ask,
	askForCertificate,
	askForToken,
	dpopFor,
	type Identity,
	joined,
	jwtSvid,
	made,
	newJoinToken,
	operate,
	renewed,
	shown,
} from './identities.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'
import { exchange, JOIN_TOKEN, type Key, newAddress, newId, newKey, proofOf, workloadTrust } from './workload.ts'

const TOKEN_PATH = '/v1/identity/token'
const CERTIFICATES_PATH = '/v1/identity/certificates'
const RENEWAL = { grant_type: 'client_credentials' }
let mesh: Mesh
let admin: Admin
let rogue: Key
let orders: Identity
let payments: Identity
let gone: Identity

beforeAll(async () => {
	mesh = await startMesh({ regions: ['weur'] })
	admin = adminOf(mesh)
	const workloads = ['orders', 'payments', 'gone']
	await mesh.apply(...workloads.map((workload) => workloadTrust(workload, { workload, joinToken: {} })))
	rogue = await newKey()
	;[orders, payments, gone] = [
		await joined(admin, 'orders'),
		await joined(admin, 'payments'),
		await joined(admin, 'gone'),
	]
	const workload = { namespace: 'default', workload: 'gone' }
	await made(operate(admin, 'POST', '/v1/revocations', { workload, reason: 'x' }))
	await eventually(
		async () => renew(await shown(admin, gone, TOKEN_PATH)),
		({ status }) => status === 400,
	)
})
afterAll(() => mesh?.stop())

/** What RFC 6749 §5.2 makes of it. */
const oauth = ({ status, text }: Answer) => [status, (JSON.parse(text) as { error?: string }).error]
const describedBy = ({ text }: Answer) => (JSON.parse(text) as { error_description: string }).error_description

/** For a WIT of a new key. */
const renew = async (headers: Record<string, string>, form: object = {}): Promise<Answer> =>
	askForToken(admin, { ...RENEWAL, ...form }, { ...headers, dpop: await dpopFor(admin, await newKey()) })

describe('a join token', () => {
	const join = async (token: string) =>
		askForToken(admin, exchange(token, JOIN_TOKEN), { dpop: await dpopFor(admin, await newKey()) })

	it('is good once', async () => {
		const token = await newJoinToken(admin, 'orders')
		expect((await join(token)).status).toBe(200)
		expect(oauth(await join(token))).toEqual([400, 'invalid_request'])
	})

	it('makes one workload of twenty who show it at once', async () => {
		const token = await newJoinToken(admin, 'orders')
		const answers = await Promise.all(Array.from({ length: 20 }, () => join(token)))
		expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(19).fill(400)])
	})

	it('makes nobody another workload', async () => {
		const form = exchange(await newJoinToken(admin, 'orders'), JOIN_TOKEN, { workload: 'default/payments' })
		const answer = await askForToken(admin, form, { dpop: await dpopFor(admin, await newKey()) })
		expect(oauth(answer)).toEqual([400, 'invalid_request'])
	})

	it('is not made for a workload that is revoked', async () => {
		expect(oauth(await join(await newJoinToken(admin, 'gone')))).toEqual([400, 'unauthorized_client'])
	})
})

describe('a proof of the key is refused', () => {
	const claims = () => ({ htm: 'POST', htu: admin.issuer + TOKEN_PATH, iat: seconds(), jti: newId() })
	const header = ({ jwk: { alg: _, ...jwk } }: Key) => ({ typ: 'dpop+jwt', jwk })

	it.each<[string, () => string | Promise<string>]>([
		['alg none', () => unsigned(header(rogue), claims())],
		['HS256 under the key that it shows', () => symmetric(header(rogue), claims(), JSON.stringify(header(rogue).jwk))],
		['of somebody else’s key', () => signedBy(rogue, header(orders.key), claims())],
		['for another endpoint', () => dpopFor(admin, rogue, { htu: 'https://evil.example/v1/identity/token' })],
		['for another method', () => dpopFor(admin, rogue, { htm: 'GET' })],
		['of a minute ago', () => dpopFor(admin, rogue, { iat: seconds() - 62 })],
		['of a minute hence', () => dpopFor(admin, rogue, { iat: seconds() + 90 })],
		['without jti', () => dpopFor(admin, rogue, { jti: undefined })],
		['of another type', () => dpopFor(admin, rogue, {}, { typ: 'JWT' })],
		['with a kid instead of a key', () => dpopFor(admin, rogue, {}, { jwk: undefined, kid: rogue.thumbprint })],
		['of 4 KiB and more', () => dpopFor(admin, rogue, { pad: 'A'.repeat(4_096) })],
	])('%s', async (_, proof) => {
		const token = await newJoinToken(admin, 'orders')
		const refused = await askForToken(admin, exchange(token, JOIN_TOKEN), { dpop: await proof() })
		expect(oauth(refused)).toEqual([400, 'invalid_dpop_proof'])
		// The token is not lost by it.
		const dpop = await dpopFor(admin, await newKey())
		expect((await askForToken(admin, exchange(token, JOIN_TOKEN), { dpop })).status).toBe(200)
	})

	it('that was shown before', async () => {
		const dpop = await dpopFor(admin, rogue)
		const join = () => askForToken(admin, exchange(newId(), JOIN_TOKEN), { dpop })
		expect([oauth(await join()), oauth(await join())]).toEqual([
			[400, 'invalid_request'],
			[400, 'invalid_dpop_proof'],
		])
	})
})

describe('a renewal is refused', () => {
	const url = () => admin.issuer + TOKEN_PATH
	const header = { typ: 'wit+jwt', kid: 'x' }

	it.each<[string, string, () => Promise<Record<string, string>>]>([
		[
			'with a WIT without signature',
			'unsupported_algorithm',
			() => proofOf(unsigned(header, witClaims(rogue)), rogue, url()),
		],
		[
			'with a WIT of another subject',
			'bad_signature',
			() => proofOf(altered(payments.wit, { sub: ORDERS }), payments.key, url()),
		],
		['with another’s WIT', 'bad_signature', () => proofOf(orders.wit, rogue, url())],
		['with a JWT-SVID', 'wrong_type', async () => proofOf(await jwtSvid(admin, orders, 'x'), orders.key, url())],
		['with a proof for another endpoint', 'wrong_audience', () => shown(admin, orders, CERTIFICATES_PATH)],
		['with a proof for a service', 'wrong_audience', () => proofOf(orders.wit, orders.key, `http://shop.${DOMAIN}`)],
		['with a proof whose time is over', 'expired', () => shown(admin, orders, TOKEN_PATH, { exp: seconds() - 1 })],
		['of a workload that is revoked', 'revoked', () => shown(admin, gone, TOKEN_PATH)],
	])('%s', async (_, code, headers) => {
		const answer = await renew(await headers())
		expect(oauth(answer)).toEqual([400, 'invalid_client'])
		expect(describedBy(answer)).toMatch(new RegExp(`^${code}: `))
	})

	it('with a proof that was shown before', async () => {
		const headers = await shown(admin, orders, TOKEN_PATH)
		expect((await renew(headers)).status).toBe(200)
		const again = await renew(headers)
		expect([oauth(again), describedBy(again)]).toEqual([
			[400, 'invalid_client'],
			expect.stringContaining('shown before'),
		])
	})

	it('into another workload', async () => {
		const headers = await shown(admin, orders, TOKEN_PATH)
		expect(oauth(await renew(headers, { workload: 'default/payments' }))).toEqual([400, 'unauthorized_client'])
	})

	it.each([65_537, 1_048_576])('with a form of %i bytes', async (bytes) => {
		const body = new URLSearchParams({ ...RENEWAL, pad: 'A'.repeat(bytes - 34) })
		expect(String(body)).toHaveLength(bytes)
		const headers = { 'cf-connecting-ip': newAddress() }
		const answer = await ask(admin, 'POST', TOKEN_PATH, { headers, body })
		expect([oauth(answer), describedBy(answer)]).toEqual([
			[400, 'invalid_request'],
			expect.stringContaining('65536 bytes'),
		])
	})
})

describe('a certification request', () => {
	interface Problem {
		readonly status: number
		readonly type: string
		readonly errors?: readonly { readonly path: string; readonly message: string }[]
		readonly code?: string
	}
	const problemOf = ({ text }: Answer) => JSON.parse(text) as Problem
	const OWN = 'asks for the names'

	it.each([
		['nothing', async () => request()],
		['its own name', () => request([names(ORDERS)])],
	])('for %s is granted, and its certificate has its own name only', async (_, csr) => {
		const answer = await askForCertificate(admin, orders, await csr())
		const { certificate } = JSON.parse(answer.text) as { certificate: string }
		expect([answer.status, new X509Certificate(certificate).subjectAltName]).toEqual([200, `URI:${ORDERS}`])
	})

	it.each<[string, string, () => Promise<string>]>([
		...[
			ORDERS.replace('orders', 'payments'),
			...BAD_SUBJECTS.filter((id) => !id.includes('\u0000')),
			...FOREIGN_SUBJECTS,
		].map((id): [string, string, () => Promise<string>] => [`for ${id}`, OWN, () => request([names(id)])]),
		['for its own name and another', OWN, () => request([names(ORDERS, ORDERS.replace('orders', 'payments'))])],
		['to be an authority', 'certificate authority', () => request([new BasicConstraintsExtension(true, 0, true)])],
		['for a key of another curve', 'P-256', async () => request([], await newKeys('P-384'), 'SHA-256')],
		['that another key signed', 'not signed by', async () => halves(await request(), await request())],
		['that is none', 'PEM', async () => 'MIIB'],
		['of more than 8 KiB', '', async () => `${await request()}${' '.repeat(8_192)}`],
	])('%s is refused', async (_, told, csr) => {
		const answer = await askForCertificate(admin, orders, await csr())
		const { status, errors = [] } = problemOf(answer)
		expect([answer.status, status]).toEqual([400, 400])
		expect(errors).toEqual([expect.objectContaining({ path: 'csr', message: expect.stringContaining(told) })])
	})

	/** The request of one key with the signature of another. */
	function halves(one: string, other: string): string {
		const [a, b] = [one, other].map((pem) => Buffer.from(pem.replace(/-----[A-Z ]+-----|\s/g, ''), 'base64'))
		// A signature has 70 to 72 bytes: what is put in place of one must be as long.
		const bytes = Buffer.from(a!)
		b!.copy(bytes, bytes.length - 20, b!.length - 20)
		return `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
	}

	it.each<[string, number, string | undefined, () => Promise<Record<string, string>>]>([
		['with an operator’s token', 403, undefined, async () => ({ authorization: `Bearer ${admin.token}` })],
		['with a WIT as a bearer token', 403, undefined, async () => ({ authorization: `Bearer ${orders.wit}` })],
		['with a WIT and no proof', 400, 'malformed', async () => ({ 'workload-identity-token': orders.wit })],
		[
			'with somebody else’s WIT',
			400,
			'bad_signature',
			() => proofOf(orders.wit, rogue, admin.issuer + CERTIFICATES_PATH),
		],
		['with a proof for another endpoint', 400, 'wrong_audience', () => shown(admin, orders, TOKEN_PATH)],
		['of a workload that is revoked', 400, 'revoked', () => shown(admin, gone, CERTIFICATES_PATH)],
	])('%s is refused', async (_, expected, code, headers) => {
		const body = { csr: await request() }
		const answer = await ask(admin, 'POST', CERTIFICATES_PATH, { headers: await headers(), body })
		expect([answer.status, problemOf(answer).code]).toEqual([expected, code])
	})

	it('with a proof that was shown before is refused', async () => {
		const headers = await shown(admin, orders, CERTIFICATES_PATH)
		const body = { csr: await request() }
		expect((await ask(admin, 'POST', CERTIFICATES_PATH, { headers, body })).status).toBe(200)
		const again = await ask(admin, 'POST', CERTIFICATES_PATH, { headers, body })
		expect([again.status, problemOf(again).code]).toEqual([400, 'proof_replayed'])
	})

	it('of a megabyte is refused, whoever it is of', async () => {
		const answer = await askForCertificate(admin, orders, 'A'.repeat(1_048_576))
		expect([answer.status, problemOf(answer).errors?.[0]?.path]).toEqual([400, 'csr'])
	})
})

describe('a workload that has proven who it is', () => {
	it.each([
		['POST', '/v1/keys/rotate', {}, 401],
		['POST', '/v1/revocations', { token: 'x', reason: 'x' }, 401],
		['POST', '/v1/identity/join-tokens', { namespace: 'default', workload: 'payments' }, 401],
		['POST', '/v1/apply', [], 401],
		['PUT', '/v1/services/default/payments/endpoints/x', { url: 'http://127.0.0.1:9' }, 403],
	])('may not %s %s', async (method, path, body, expected) => {
		const headers = await shown(admin, orders, path)
		expect((await ask(admin, method, path, { headers, body })).status).toBe(expected)
	})

	it('may renew itself all the same', async () => {
		expect((await renewed(admin, orders)).wit).toMatch(/^eyJ/)
	})
})
