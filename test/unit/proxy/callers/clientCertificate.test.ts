/** Client certificates: what the edge says of them, and what the mesh makes of that. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { authorityKeyId } from '../../../../src/certificates/keyId.ts'
import { derOf } from '../../../../src/certificates/pem.ts'
import type { PublicJwk } from '../../../../src/snapshot/trust.ts'
import { clientCertificate } from '../../../../workers/proxy/clientCertificate.ts'
import {
	type Authority,
	issued,
	names,
	newIntermediate,
	newRoot,
	request,
	validFor,
} from '../../certificates/authorities.ts'
import { NOW, ORDERS } from '../../identity/world.ts'
import { verdict } from '../fakeProxy.ts'
import { asking, identifying, problem, proving, served, trustPart, URL_OF_SHOP } from './identified.ts'

afterEach(() => vi.restoreAllMocks())

const AROUND_NOW = validFor(1, '5e71', NOW)
const intermediate = await newIntermediate(
	await newRoot(undefined, validFor(700, '1', NOW)),
	undefined,
	validFor(60, '2', NOW),
)
const stranger = await newIntermediate(
	await newRoot(undefined, validFor(700, '3', NOW)),
	undefined,
	validFor(60, '4', NOW),
)

const leafOf = async (issuer: Authority, spiffeId = ORDERS, validity = AROUND_NOW) =>
	derOf((await issued(issuer, await request([names(spiffeId)]), spiffeId, validity)).certificate)
const shown = (der: Uint8Array, fingerprint = 'f1') => ({ fingerprint, der: () => der })

async function authorityOf({ keys }: Authority) {
	const { x, y } = await crypto.subtle.exportKey('jwk', keys.publicKey)
	const jwk: PublicJwk = { kty: 'EC', alg: 'ES256', crv: 'P-256', x: x!, y: y! }
	return { keyId: await authorityKeyId(keys.publicKey), jwk }
}

const authorities = [await authorityOf(intermediate)]
const strict = (revocations = {}) =>
	identifying({
		...served('shop', { mode: 'STRICT', methods: ['ClientCertificate'] }),
		...trustPart(revocations, undefined, { authorities }),
	})

describe('a client certificate', () => {
	it('by an authority of the mesh makes its workload known, and costs one signature check', async () => {
		const proxy = strict()
		proxy.certificate = shown(await leafOf(intermediate))
		const verify = vi.spyOn(crypto.subtle, 'verify')
		for (let i = 0; i < 3; i++) expect(await verdict(proxy.get(URL_OF_SHOP))).toBe(200)
		expect(verify).toHaveBeenCalledTimes(1)
		expect(proxy.sent.every(({ headers }) => headers.has('selvedge-caller'))).toBe(true)
	})

	it.each([
		['that the edge did not find good', async () => 'unverified' as const, 'invalid_proof'],
		[
			'that has expired',
			async () => shown(await leafOf(intermediate, ORDERS, validFor(1, '5', NOW - 2 * 86_400_000))),
			'invalid_proof',
		],
		[
			'of some other authority: it says nothing to the mesh',
			async () => shown(await leafOf(stranger)),
			'identity_required',
		],
	])('%s', async (_, certificate, expected) => {
		const proxy = strict()
		proxy.certificate = await certificate()
		for (let i = 0; i < 2; i++) expect(await verdict(proxy.get(URL_OF_SHOP))).toBe(expected)
	})

	it('of some other authority is looked at once', async () => {
		const proxy = identifying({ ...served('shop'), ...trustPart({}, undefined, { authorities }) })
		const der = vi.fn(() => new Uint8Array())
		der.mockReturnValue(await leafOf(stranger))
		proxy.certificate = { fingerprint: 'f2', der }
		for (let i = 0; i < 3; i++) expect(await verdict(proxy.get(URL_OF_SHOP))).toBe(200)
		expect(der).toHaveBeenCalledTimes(1)
	})

	it('counts no more once its serial number is revoked', async () => {
		const proxy = strict()
		proxy.certificate = shown(await leafOf(intermediate))
		expect(await verdict(proxy.get(URL_OF_SHOP))).toBe(200)
		proxy.replica.change(trustPart({ certificates: ['5e71'] }, undefined, { authorities }))
		proxy.now += 1_000
		await proxy.get(URL_OF_SHOP)
		expect(await problem(proxy.get(URL_OF_SHOP))).toMatchObject({ status: 400, reason: 'credential_revoked' })
	})

	it('beside a proof of another workload is refused', async () => {
		const proxy = strict()
		proxy.certificate = shown(await leafOf(intermediate, 'spiffe://mesh.example.com/ns/default/sa/other'))
		expect(await verdict(proxy.get(asking(proving())))).toBe('invalid_proof')
	})
})

describe('of what the edge says', () => {
	const good = {
		...{ certPresented: '1', certVerified: 'SUCCESS', certRevoked: '0' },
		...{ certFingerprintSHA256: 'ab', certRFC9440: ':AQID:' },
	}
	const read = (tlsClientAuth: object | undefined) =>
		clientCertificate({ cf: tlsClientAuth === undefined ? undefined : { tlsClientAuth } })

	it('a good certificate is its fingerprint and its leaf', () => {
		const certificate = read(good)
		expect(certificate).toMatchObject({ fingerprint: 'ab' })
		expect(typeof certificate === 'object' && certificate.der()).toEqual(Uint8Array.of(1, 2, 3))
	})

	it.each([
		['nothing at all', undefined, undefined],
		['no certificate', { ...good, certPresented: '0' }, undefined],
		['one that does not verify', { ...good, certVerified: 'FAILED:self signed certificate' }, 'unverified'],
		['one that is revoked, and verifies all the same', { ...good, certRevoked: '1' }, 'unverified'],
		['one that is too large to be handed over', { ...good, certRFC9440: '' }, 'unverified'],
		['one in another spelling', { ...good, certRFC9440: 'AQID' }, 'unverified'],
	])('%s', (_, said, expected) => {
		expect(read(said)).toBe(expected)
	})
})
