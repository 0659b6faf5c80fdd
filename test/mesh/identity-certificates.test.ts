/** Joining with a client certificate on the real runtime, in `request.cf` as the edge hands it over. */
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Admin, adminOf, certified, dpopFor, joined, made, operate, renewed } from './identities.ts'
import { csr, leaf, newPair, type Signer, shown } from './leaves.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'
import { type Key, newAddress, newKey, workloadTrust } from './workload.ts'

const SUBJECT = 'CN=partner,O=Example'
const ISSUER = 'CN=authority,O=Example'
const URI = 'spiffe://partner.example/orders'
const DNS = 'partner.example'

let mesh: Mesh
let admin: Admin
/** An authority of whoever the mesh lets in so: what it signs, the edge verifies. */
let outside: Signer
let partner: string
let key: Key

beforeAll(async () => {
	mesh = await startMesh({ regions: ['weur'] })
	admin = adminOf(mesh)
	outside = { keyId: 'ab'.repeat(20), key: (await newPair()).privateKey }
	partner = await certificate()
	key = await newKey()
	const fingerprintsSha256 = [shown(partner).tlsClientAuth.certFingerprintSHA256]
	const clientCertificate = { subject: SUBJECT, issuer: ISSUER, fingerprintsSha256, uriSan: URI, dnsSan: DNS }
	await mesh.apply(
		workloadTrust('orders', { workload: 'orders', joinToken: {} }),
		workloadTrust('by-certificate', { workload: 'partner', clientCertificate }),
	)
})
afterAll(() => mesh?.stop())

const certificate = (uri = URI, dns = DNS) => leaf(outside, [uri], { subject: SUBJECT, dns: [dns] })
/** Of the partner in all but the names that are read from the certificate itself. */
const named = async (uri?: string, dns?: string) =>
	shown(partner, { certRFC9440: shown(await certificate(uri, dns)).tlsClientAuth.certRFC9440 })

interface Joining {
	readonly status: number
	readonly access_token?: string
	readonly error?: string
}

async function joining(
	cf: object,
	headers: Record<string, string> = {},
	more: Record<string, string> = {},
): Promise<Joining> {
	const response = await mesh.atEdge(cf, `http://${admin.host}/v1/identity/token`, {
		method: 'POST',
		headers: {
			'cf-connecting-ip': newAddress(),
			'content-type': 'application/x-www-form-urlencoded',
			dpop: await dpopFor(admin, key),
			...headers,
		},
		body: String(new URLSearchParams({ grant_type: 'client_credentials', ...more })),
	})
	return { status: response.status, ...((await response.json()) as object) }
}

describe('who joins with a client certificate', () => {
	it('gets a WIT for its own key, where the WorkloadTrust fits in all that it asks for', async () => {
		const { status, access_token: wit = '' } = await joining(shown(partner))
		expect([status, decodeProtectedHeader(wit).typ]).toEqual([200, 'wit+jwt'])
		expect(decodeJwt(wit)).toMatchObject({
			sub: `spiffe://${DOMAIN}/ns/default/sa/partner`,
			cnf: { jwk: { x: key.jwk.x } },
		})
		expect(decodeJwt((await renewed(admin, { key, wit })).wit).sub).toBe(decodeJwt(wit).sub)
		expect(JSON.stringify(await made(operate(admin, 'GET', '/v1/keys/events')))).toContain(`certificate ${SUBJECT}`)
	})

	it.each<[string, () => object | Promise<object>]>([
		['no certificate', () => ({})],
		['one that was not presented', () => shown(partner, { certPresented: '0' })],
		['one that the edge did not verify', () => shown(partner, { certVerified: 'FAILED:certificate has expired' })],
		['one that the edge did not look at', () => shown(partner, { certVerified: 'NONE' })],
		['one that was revoked', () => shown(partner, { certRevoked: '1' })],
		['one of another subject', () => shown(partner, { certSubjectDNRFC2253: `${SUBJECT},C=DE` })],
		['one of another issuer', () => shown(partner, { certIssuerDNRFC2253: 'CN=authority' })],
		['one with another fingerprint', () => shown(partner, { certFingerprintSHA256: 'cd'.repeat(32) })],
		['one with another URI', () => named(`${URI}s`)],
		['one with another DNS name', () => named(URI, `x.${DNS}`)],
		['one whose names nobody can read', () => shown(partner, { certRFC9440: '', certRFC9440TooLarge: true })],
	])('is refused as invalid_client with %s', async (_, cf) => {
		const { status, error, access_token } = await joining(await cf())
		expect([status, error, access_token]).toEqual([401, 'invalid_client', undefined])
	})

	it('is let in by the WorkloadTrust that it fits: a certificate of the mesh itself fits none', async () => {
		const { certificate } = await certified(admin, await joined(admin, 'orders'), await csr())
		expect(await joining(shown(certificate))).toMatchObject({ status: 401, error: 'invalid_client' })
		expect((await joining(await named())).status).toBe(200)
	})

	it('is refused with a certificate that only a field tells of', async () => {
		const { tlsClientAuth } = shown(partner)
		const headers = {
			'client-cert': tlsClientAuth.certRFC9440,
			'cf-client-cert-verified': 'true',
			'cf-cert-presented': 'true',
			cf: JSON.stringify({ tlsClientAuth }),
		}
		expect(await joining({}, headers)).toMatchObject({ status: 401, error: 'invalid_client' })
	})

	it('is refused another workload than its own, and a WIT for a key that it does not prove', async () => {
		const other = await joining(shown(partner), {}, { workload: 'default/orders' })
		expect(other).toMatchObject({ status: 401, error: 'invalid_client' })
		expect(await joining(shown(partner), { dpop: 'x' })).toMatchObject({ status: 400, error: 'invalid_dpop_proof' })
	})
})
