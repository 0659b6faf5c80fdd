/** The token endpoint as a whole: its order, its limits, what it notes, and certificates, which only the platform can verify. */
import { SignJWT } from 'jose'
import { beforeEach, describe, expect, it } from 'vitest'
import { createApp } from '../../../workers/admin/app.ts'
import type { Mesh } from '../../../workers/admin/mesh.ts'
import { hashOf } from '../../../workers/admin/tokens.ts'
import { csrFor } from '../../objects/csr.ts'
import { createWorld, meshOf, type World } from './fakeMesh.ts'

const ENDPOINT = 'http://admin.mesh.localhost/v1/identity/token'
let world: World
let mesh: Mesh
let app: ReturnType<typeof createApp>

beforeEach(async () => {
	world = await createWorld()
	world.nowMs = 1_800_000_000_000
	mesh = meshOf(world)
	app = createApp(mesh)
})

function trust(name: string, spec: object): void {
	const resource = {
		apiVersion: 'selvedge.dev/v1',
		kind: 'WorkloadTrust',
		metadata: { namespace: 'default', name },
		spec,
	}
	const stored = { resource, generation: 1, createdAt: '2026-01-01T00:00:00Z', revision: 1 }
	world.resources.set(`WorkloadTrust/default/${name}`, stored as never)
}

async function dpop(): Promise<string> {
	const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
	const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
	const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', keys.publicKey)
	return new SignJWT({ htm: 'POST', htu: ENDPOINT, iat: world.nowMs / 1000, jti: crypto.randomUUID() })
		.setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } as never })
		.sign(keys.privateKey)
}

interface Asked {
	readonly headers?: Record<string, string>
	readonly cf?: object
	readonly body?: BodyInit
}

async function ask(form: Record<string, string>, { headers = {}, cf, body }: Asked = {}) {
	const request = new Request(ENDPOINT, {
		method: 'POST',
		headers: { 'cf-connecting-ip': '192.0.2.1', dpop: await dpop(), ...headers },
		body: body ?? new URLSearchParams(form),
	})
	if (cf !== undefined) Object.defineProperty(request, 'cf', { value: cf })
	const response = await app.fetch(request)
	const answer = (await response.json()) as Record<string, unknown>
	return { status: response.status, headers: response.headers, answer }
}

const JOIN = {
	grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
	subject_token: 'the-secret',
	subject_token_type: 'urn:selvedge:token-type:join-token',
}
const called = () => world.calls.filter((call) => call.startsWith('keyRing.'))

async function joinToken(): Promise<void> {
	trust('by-token', { workload: 'orders', maxTtl: '1h', joinToken: { maxTtl: '24h' } })
	const redeemed = { workload: { namespace: 'default', workload: 'orders' }, trust: 'default/by-token' }
	world.keyRing.joinTokens.set(await hashOf('the-secret'), redeemed)
}

describe('a try to join', () => {
	it('is counted first, then its credential is looked at, and both are used up by what is signed', async () => {
		await joinToken()
		expect((await ask(JOIN)).status).toBe(200)
		expect(called()).toEqual(['keyRing.admitJoin', 'keyRing.findJoinToken', 'keyRing.issueWit'])
		expect(world.keyRing.issued[0]!.uses).toEqual({
			joinToken: await hashOf('the-secret'),
			once: [{ value: expect.stringMatching(/^dpop /), expiresAt: world.nowMs + 61_000 }],
		})
		expect(world.keyRing.issued[0]).toMatchObject({
			ttlSeconds: 3600,
			evidence: { method: 'joinToken', trust: 'default/by-token', clientAddress: '192.0.2.1' },
		})
		expect(JSON.stringify(world.keyRing.issued)).not.toContain('the-secret')
	})

	it('that comes too fast costs nothing more than being counted, and leaves no trace', async () => {
		world.keyRing.limit = { retryAfterSeconds: 7 }
		const { status, headers, answer } = await ask(JOIN)
		expect([status, headers.get('retry-after'), answer.error]).toEqual([429, '7', 'slow_down'])
		expect(called()).toEqual(['keyRing.admitJoin'])
	})

	it('that is refused is noted with what strangers are not told, and without secrets', async () => {
		const { answer } = await ask(JOIN)
		expect(answer.error).toBe('invalid_request')
		expect(world.keyRing.refusals).toEqual([
			{
				method: 'joinToken',
				subject: expect.stringMatching(/^join token sha256:[0-9a-f]{16}$/),
				clientAddress: '192.0.2.1',
				why: 'invalid_request: the join token is unknown, used or expired',
			},
		])
	})

	it.each([
		[{ reason: 'workload_revoked' }, 400, 'unauthorized_client', null],
		[{ reason: 'key_revoked' }, 400, 'invalid_dpop_proof', null],
		[{ reason: 'invalid_key', detail: 'no' }, 400, 'invalid_dpop_proof', null],
		[{ reason: 'too_many', retryAfterSeconds: 3 }, 429, 'slow_down', '3'],
		[{ reason: 'sealed', detail: 'the KeyRing has no MASTER_KEY' }, 503, 'temporarily_unavailable', '60'],
	] as const)('of which the ring says %o is answered %s %s', async (refusal, status, error, retryAfter) => {
		await joinToken()
		world.keyRing.refusal = refusal
		const refused = await ask(JOIN)
		expect([refused.status, refused.answer.error, refused.headers.get('retry-after')]).toEqual([
			status,
			error,
			retryAfter,
		])
		expect(JSON.stringify(refused.answer)).not.toContain('MASTER_KEY')
		expect(world.keyRing.refusals).toHaveLength(1)
	})

	it('while the ring cannot be reached is told to try again, as OAuth has it', async () => {
		world.failing.set('keyRing.admitJoin', Object.assign(new Error('lost'), { retryable: true }))
		const { status, headers, answer } = await ask(JOIN)
		expect([status, answer.error, headers.get('retry-after')]).toEqual([503, 'temporarily_unavailable', '1'])
		expect(headers.get('cache-control')).toBe('no-store')
	})

	it.each([
		['of more than 64 KiB', 'x'.repeat(65_537), 'application/x-www-form-urlencoded'],
		['of another type', '{}', 'application/json'],
	])('with a body %s is refused', async (_, body, type) => {
		const { status, answer } = await ask({}, { body, headers: { 'content-type': type } })
		expect([status, answer.error]).toEqual([400, 'invalid_request'])
	})

	it.each(['to this isolate', 'to another'])('shows its DPoP proof once, %s', async (where) => {
		const headers = { dpop: await dpop() }
		await joinToken()
		expect((await ask(JOIN, { headers })).status).toBe(200)
		await joinToken()
		if (where === 'to another') app = createApp(meshOf(world))
		expect((await ask(JOIN, { headers })).answer.error).toBe('invalid_dpop_proof')
		expect(world.keyRing.joinTokens.size).toBe(1)
		expect((await ask(JOIN)).status).toBe(200)
	})

	it('that is refused uses up nothing, and leaves nothing in the ring that strangers could fill', async () => {
		const stranger = { ...JOIN, subject_token: 'made-up' }
		for (let i = 0; i < 5; i++) expect((await ask(stranger)).answer.error).toBe('invalid_request')
		await joinToken()
		world.keyRing.refusal = { reason: 'too_many', retryAfterSeconds: 3 }
		expect((await ask(JOIN)).answer.error).toBe('slow_down')
		expect((await ask(JOIN, { headers: { dpop: 'x' } })).answer.error).toBe('invalid_dpop_proof')
		const elsewhere = await ask({ ...JOIN, workload: 'default/payments' })
		expect(elsewhere.answer.error).toBe('invalid_request')
		expect([world.keyRing.joinTokens.size, world.keyRing.shown.size]).toEqual([1, 0])
		expect(called().some((call) => call === 'keyRing.once')).toBe(false)
		world.keyRing.refusal = undefined
		expect((await ask(JOIN)).status).toBe(200)
		expect([world.keyRing.joinTokens.size, world.keyRing.shown.size]).toEqual([0, 1])
	})

	it('whose token somebody else has used meanwhile is refused like one that nobody made', async () => {
		await joinToken()
		world.keyRing.refusal = { reason: 'join_token_gone' }
		const { status, answer } = await ask(JOIN)
		expect([status, answer.error]).toEqual([400, 'invalid_request'])
		expect(world.keyRing.refusals[0]!.why).toContain('somebody else was faster')
	})
})

describe('a request with a WIT that proves nothing', () => {
	it('is counted when it is refused, and refused without a trace when it comes too fast', async () => {
		const headers = { 'workload-identity-token': 'x', 'workload-proof-token': 'y' }
		const form = { grant_type: 'client_credentials' }
		const { status, answer } = await ask(form, { headers })
		expect([status, answer.error]).toEqual([400, 'invalid_client'])
		expect(called()).toEqual(['keyRing.published', 'keyRing.admitJoin', 'keyRing.refused'])
		world.keyRing.limit = { retryAfterSeconds: 1 }
		expect((await ask(form, { headers })).status).toBe(429)
		expect(world.keyRing.refusals).toHaveLength(1)
	})

	it('cannot be two ways to authenticate', async () => {
		const form = {
			grant_type: 'client_credentials',
			client_assertion: 'a',
			client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
		}
		const { answer } = await ask(form, { headers: { 'workload-identity-token': 'x' } })
		expect([answer.error, String(answer.error_description)]).toEqual([
			'invalid_request',
			expect.stringContaining('one way'),
		])
	})

	it('does not get a stranger with another credential around being counted', async () => {
		world.keyRing.limit = { retryAfterSeconds: 1 }
		const headers = { 'workload-identity-token': 'x', 'workload-proof-token': 'y' }
		expect((await ask(JOIN, { headers })).status).toBe(429)
		expect(called()).toEqual(['keyRing.admitJoin'])
	})
})

describe('a client certificate', () => {
	const FINGERPRINT = 'AB'.repeat(32)
	const auth = {
		certPresented: '1',
		certVerified: 'SUCCESS',
		certRevoked: '0',
		certSubjectDNRFC2253: 'CN=partner,O=Example',
		certIssuerDNRFC2253: 'CN=ca',
		certFingerprintSHA256: FINGERPRINT.toLowerCase(),
	}
	const by = (more: object = {}, form = {}) =>
		ask({ grant_type: 'client_credentials', ...form }, { cf: { tlsClientAuth: { ...auth, ...more } } })

	beforeEach(() => {
		trust('by-certificate', {
			workload: 'partner',
			maxTtl: '1h',
			clientCertificate: { subject: 'CN=partner,O=Example', fingerprintsSha256: [FINGERPRINT.toLowerCase()] },
		})
	})

	it('that the platform verified makes its bearer the workload of the WorkloadTrust that it fits', async () => {
		const { status, answer } = await by()
		expect([status, answer.spiffe_id]).toEqual([200, 'spiffe://mesh.localhost/ns/default/sa/partner'])
		expect(world.keyRing.issued[0]!.evidence.subject).toContain('CN=partner')
	})

	it.each([
		['that was revoked', { certRevoked: '1' }],
		['of which nobody says whether it was revoked', { certRevoked: undefined }],
		['that was not verified', { certVerified: 'FAILED:self signed certificate' }],
		['that is not there', { certPresented: '0' }],
		['of another subject', { certSubjectDNRFC2253: 'CN=other,O=Example' }],
		['with another fingerprint', { certFingerprintSHA256: 'cd'.repeat(32) }],
	])('%s is refused with 401 invalid_client', async (_, more) => {
		const { status, answer } = await by(more)
		expect([status, answer.error]).toEqual([401, 'invalid_client'])
		expect(world.keyRing.refusals[0]!.method).toBe('clientCertificate')
	})

	it('is not taken from a header', async () => {
		const headers = { 'client-cert': ':AAAA:', 'cf-client-cert-verified': 'true' }
		expect((await ask({ grant_type: 'client_credentials' }, { headers })).status).toBe(401)
	})

	it('is not taken where another workload is asked for', async () => {
		expect((await by({}, { workload: 'default/orders' })).answer.error).toBe('invalid_client')
	})
})

it('names in a certificate are read from the certificate itself', async () => {
	const { certificate } = await selfSigned('spiffe://partner.example/orders', 'partner.example')
	trust('by-name', {
		workload: 'partner',
		maxTtl: '1h',
		clientCertificate: { uriSan: 'spiffe://partner.example/orders', dnsSan: 'partner.example' },
	})
	const base = { certPresented: '1', certVerified: 'SUCCESS', certRevoked: '0' }
	const by = (certRFC9440: string) =>
		ask({ grant_type: 'client_credentials' }, { cf: { tlsClientAuth: { ...base, certRFC9440 } } })
	expect((await by(`:${certificate}:`)).status).toBe(200)
	for (const wrong of ['', ':AAAA:', certificate]) expect((await by(wrong)).status).toBe(401)
})

async function selfSigned(uri: string, dns: string): Promise<{ certificate: string }> {
	await csrFor(uri)
	const { SubjectAlternativeNameExtension, X509CertificateGenerator } = await import('@peculiar/x509')
	const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
	const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
	const names = new SubjectAlternativeNameExtension([
		{ type: 'url', value: uri },
		{ type: 'dns', value: dns },
	])
	const certificate = await X509CertificateGenerator.createSelfSigned({
		name: 'CN=partner',
		keys,
		signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
		extensions: [names],
	})
	return { certificate: certificate.toString('base64') }
}
