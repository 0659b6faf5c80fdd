/** A caller assertion is the mesh's word, through an isolate whose key the mesh certified, for one service, for a few minutes. */
import { createLocalJWKSet, decodeProtectedHeader, importJWK, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { createAssertion, verifyAssertion } from '../../../src/identity/assertion.ts'
import { createDelegation, verifyDelegation } from '../../../src/identity/delegation.ts'
import { importPublicKey } from '../../../src/identity/publicKey.ts'
import type { PublicJwk } from '../../../src/snapshot/trust.ts'
import { forge, ISSUER, type Key, makeKey, NOW, ORDERS, outcome, SECONDS, stranger, TRUST_DOMAIN } from './world.ts'

const AUDIENCE = 'https://payments.mesh.example.com'
const meshKey = makeKey()
const isolate = makeKey()
const keyOf = async ({ jwk }: { jwk: PublicJwk }): Promise<CryptoKey> => {
	const key = await importPublicKey(jwk)
	if (!key.ok) throw new Error(key.error)
	return key.value
}
const privateOf = ({ privateKey }: Key) =>
	crypto.subtle.importKey(
		'pkcs8',
		privateKey.export({ type: 'pkcs8', format: 'der' }),
		{ name: 'ECDSA', namedCurve: 'P-256' },
		false,
		['sign'],
	)
const jwks = async (kid: string) => (kid === 'd1' ? keyOf(meshKey) : undefined)

const times = { issuedAt: NOW - 500, expiresAt: NOW + 3_600_000 }
const delegation = await createDelegation(
	{ trustDomain: TRUST_DOMAIN, issuer: ISSUER, region: 'weur', jwk: isolate.jwk, ...times },
	'd1',
	await privateOf(meshKey),
)
const input = {
	issuer: ISSUER,
	spiffeId: ORDERS,
	audience: AUDIENCE,
	method: 'WorkloadProof' as const,
	issuedAt: NOW - 500,
	expiresAt: NOW + 300_000,
}
const assertion = await createAssertion(input, delegation, await privateOf(isolate))

const expected = { issuer: ISSUER, audiences: [AUDIENCE] }
const verify = (token: string, now = NOW) => verifyAssertion(token, jwks, expected, now)
const code = async (token: string, now = NOW) => outcome(await verify(token, now))

const header = { alg: 'ES256', typ: 'selvedge-caller+jwt', delegation }
const claims = { iss: ISSUER, sub: ORDERS, aud: AUDIENCE, iat: SECONDS, exp: SECONDS + 300, method: 'JWTSVID' }
const forged = (more: object, moreHeader: object = {}, key = isolate) =>
	forge({ ...header, ...moreHeader }, { ...claims, ...more }, key)
const delegationHeader = { alg: 'ES256', typ: 'selvedge-delegation+jwt', kid: 'd1' }
const delegationClaims = {
	iss: ISSUER,
	sub: `spiffe://${TRUST_DOMAIN}/ns/selvedge/sa/proxy`,
	iat: SECONDS,
	exp: SECONDS + 3_600,
	cnf: { jwk: isolate.jwk },
	region: 'weur',
}
const delegated = (more: object, moreHeader: object = {}, key = meshKey) =>
	forge({ ...delegationHeader, ...moreHeader }, { ...delegationClaims, ...more }, key)

describe('a caller assertion', () => {
	it('says who calls, how that was proven, and for how long', async () => {
		const value = { spiffeId: ORDERS, method: 'WorkloadProof', expiresAt: NOW + 300_000 }
		expect(await verify(assertion)).toEqual({ ok: true, value })
		expect(decodeProtectedHeader(assertion)).toEqual(header)
	})

	it('is verified by a JWT library that knows nothing of the mesh but its JWKS', async () => {
		const set = createLocalJWKSet({ keys: [{ ...meshKey.jwk, kid: 'd1', use: 'sig' } as never] })
		const options = { issuer: ISSUER, currentDate: new Date(NOW) }
		const isolateKey = async (parameters: { delegation?: unknown }) => {
			const { payload } = await jwtVerify(String(parameters.delegation), set, {
				...options,
				typ: 'selvedge-delegation+jwt',
			})
			expect(payload).toMatchObject({ sub: delegationClaims.sub, region: 'weur' })
			return importJWK((payload.cnf as { jwk: never }).jwk)
		}
		const { payload } = await jwtVerify(assertion, isolateKey as never, {
			...options,
			audience: AUDIENCE,
			typ: 'selvedge-caller+jwt',
		})
		expect(payload).toEqual({
			iss: ISSUER,
			sub: ORDERS,
			aud: AUDIENCE,
			method: 'WorkloadProof',
			iat: SECONDS - 1,
			exp: SECONDS + 300,
		})
	})

	it('counts for no longer than the delegation', async () => {
		const short = delegated({ exp: SECONDS + 60 })
		const verified = await verify(forged({}, { delegation: short }))
		expect(verified.ok && verified.value.expiresAt).toBe(NOW + 60_000)
	})

	it('of a caller of another trust domain is one, too', async () => {
		expect(await code(forged({ sub: 'spiffe://partner.example.org/billing' }))).toBe('ok')
	})
})

describe('a caller assertion is refused', () => {
	it.each<[string, string, object]>([
		['of another type', 'wrong_type', { typ: 'JWT' }],
		['with alg none', 'unsupported_algorithm', { alg: 'none' }],
		['with HS256', 'unsupported_algorithm', { alg: 'HS256' }],
		['with another algorithm than the isolate’s', 'algorithm_mismatch', { alg: 'ES384' }],
		['without a delegation', 'missing_key_id', { delegation: undefined }],
		['with a delegation that is a list', 'missing_key_id', { delegation: [delegation] }],
		['with a delegation that is no token', 'malformed', { delegation: 'a.b.c' }],
		['with itself as delegation', 'wrong_type', { delegation: assertion }],
		['with critical extensions', 'unsupported_header', { crit: ['delegation'] }],
	])('%s', async (_, wanted, more) => expect(await code(forged({}, more))).toBe(wanted))

	it.each<[string, string, object]>([
		['expired by a second', 'expired', { exp: SECONDS - 1 }],
		['issued in the future', 'not_yet_valid', { iat: SECONDS + 61 }],
		['of another issuer', 'wrong_issuer', { iss: 'https://admin.evil.example' }],
		['without an issuer', 'wrong_issuer', { iss: undefined }],
		['for another service', 'wrong_audience', { aud: 'https://orders.mesh.example.com' }],
		['for nobody', 'wrong_audience', { aud: undefined }],
		['of no SPIFFE ID', 'bad_subject', { sub: 'orders' }],
		['of a trust domain', 'bad_subject', { sub: 'spiffe://mesh.example.com' }],
		['of an unknown method', 'bad_claim', { method: 'Password' }],
	])('%s', async (_, wanted, more) => expect(await code(forged(more))).toBe(wanted))

	it.each<[string, string, string]>([
		['by a stranger', 'bad_signature', delegated({}, {}, stranger)],
		['by the isolate itself', 'bad_signature', delegated({}, {}, isolate)],
		['expired by a second', 'expired', delegated({ exp: SECONDS - 1 })],
		['of another issuer', 'wrong_issuer', delegated({ iss: 'https://admin.evil.example' })],
		['of a workload', 'bad_subject', delegated({ sub: ORDERS })],
		[
			'of a workload of that namespace',
			'bad_subject',
			delegated({ sub: `spiffe://${TRUST_DOMAIN}/ns/selvedge/sa/other` }),
		],
		[
			'of a proxy of another namespace',
			'bad_subject',
			delegated({ sub: `spiffe://${TRUST_DOMAIN}/ns/default/sa/proxy` }),
		],
		['of nobody', 'bad_subject', delegated({ sub: undefined })],
		['without kid', 'missing_key_id', delegated({}, { kid: undefined })],
		['by an unknown key', 'unknown_key', delegated({}, { kid: 'd2' })],
		['with alg none', 'unsupported_algorithm', delegated({}, { alg: 'none' })],
		['of another type', 'wrong_type', delegated({}, { typ: 'wit+jwt' })],
		['without a key', 'bad_confirmation', delegated({ cnf: undefined })],
		['with a key that is null', 'bad_confirmation', delegated({ cnf: null })],
		['with a key off its curve', 'bad_confirmation', delegated({ cnf: { jwk: { ...isolate.jwk, y: isolate.jwk.x } } })],
		['of another isolate’s key', 'bad_signature', delegated({ cnf: { jwk: stranger.jwk } })],
	])('under a delegation %s', async (_, wanted, other) => {
		expect(await code(forged({}, { delegation: other }))).toBe(wanted)
	})

	it('by anybody else’s signature', async () => {
		for (const key of [stranger, meshKey]) expect(await code(forged({}, {}, key))).toBe('bad_signature')
	})

	it('above 16 KiB', async () => {
		expect(await code(forged({ filler: 'a'.repeat(9_000) }))).toBe('ok')
		expect(await code(forged({ filler: 'a'.repeat(16_384) }))).toBe('too_large')
		expect(await code(forged({}, { delegation: delegated({ filler: 'a'.repeat(6_000) }) }))).toBe('too_large')
	})
})

it('a delegation says which key, and until when', async () => {
	const verified = await verifyDelegation(delegation, jwks, ISSUER, NOW)
	expect(verified).toMatchObject({ ok: true, value: { expiresAt: NOW + 3_600_000 } })
	expect(verified.ok && (await crypto.subtle.exportKey('jwk', verified.value.key))).toMatchObject({
		x: isolate.jwk.x,
		y: isolate.jwk.y,
	})
})
