/** The KeyRing's issuing: everything verifies as the data plane verifies it, and no private key is anywhere in the open. */
import { describe, expect, it, vi } from 'vitest'
import { derOf } from '../../src/certificates/pem.ts'
import { verifyCertificate } from '../../src/identity/certificate.ts'
import { verifyDelegation } from '../../src/identity/delegation.ts'
import { parseJws } from '../../src/identity/jws.ts'
import { verifyJwtSvid } from '../../src/identity/jwtSvid.ts'
import { importPublicKey } from '../../src/identity/publicKey.ts'
import { verifyWit } from '../../src/identity/wit.ts'
import { csrFor } from './csr.ts'
import {
	EVIDENCE,
	equip,
	granted,
	inKeyRing,
	keyRing,
	MASTER_KEY,
	ORDERS,
	ORDERS_ID,
	restart,
	storeNow,
	trustNow,
	workloadKey,
} from './keyRingObjects.ts'
import { freshKeyRing, link, NOW } from './keyRingWorld.ts'
import { ACTOR, everything, inRoot, replica, root } from './meshObjects.ts'

freshKeyRing()

const claimsOf = (token: string) => granted(parseJws(token)).claims
const wit = async (ttlSeconds = 3_600) =>
	keyRing().issueWit({ workload: ORDERS, jwk: (await workloadKey()).jwk, ttlSeconds, evidence: EVIDENCE })

describe('the first call of anything', () => {
	it('makes two keys of each purpose, published before the answer', async () => {
		const info = await keyRing().info()
		expect(info.purposes.map(({ purpose }) => purpose).sort()).toEqual([
			'delegation',
			'jwt-svid',
			'wit-svid',
			'x509-intermediate',
			'x509-root',
		])
		for (const state of ['active', 'pending']) expect(info.keys.filter((key) => key.state === state)).toHaveLength(5)
		expect(info.publishedVersion).toBe(info.version)
		expect(await root().trustVersion()).toBe(info.version)
		const { parts } = await replica('weur').load('weur', { parts: ['trust'] })
		expect(JSON.parse(parts[0]!.body!)).toEqual(await trustNow())
	})

	it('makes them once, however many come at once', async () => {
		await Promise.all([wit(), wit(), keyRing().info(), keyRing().published(), keyRing().tick()])
		expect((await keyRing().info()).keys).toHaveLength(10)
	})
})

describe('what is issued', () => {
	it('as a WIT binds the workload’s key and verifies, for as long as it says', async () => {
		const { jwk } = await workloadKey()
		const request = { workload: ORDERS, jwk, ttlSeconds: 600, evidence: EVIDENCE }
		const { token, spiffeId, expiresIn } = granted(await keyRing().issueWit(request))
		expect({ spiffeId, expiresIn }).toEqual({ spiffeId: ORDERS_ID, expiresIn: 600 })
		expect(granted(parseJws(token)).header).toEqual({ alg: 'ES256', typ: 'wit+jwt', kid: expect.any(String) })
		expect(claimsOf(token)).toEqual({
			iss: 'spiffe://mesh.localhost',
			sub: ORDERS_ID,
			iat: NOW / 1000,
			exp: NOW / 1000 + 600,
			jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
			cnf: { jwk },
		})
		const verified = granted(await verifyWit(await storeNow(), token, NOW))
		expect(verified.proven).toMatchObject({ namespace: 'default', workload: 'orders', method: 'WorkloadProof' })
		expect(await verifyWit(await storeNow(), token, NOW + 601_000)).toMatchObject({ error: { code: 'expired' } })
	})

	it('as a JWT-SVID is for its audiences', async () => {
		const request = { workload: ORDERS, audiences: ['https://a.test', 'b'], ttlSeconds: 300, evidence: EVIDENCE }
		const { token } = granted(await keyRing().issueJwtSvid(request))
		expect(granted(parseJws(token)).header.typ).toBe('JWT')
		expect(claimsOf(token)).toMatchObject({ iss: 'https://admin.mesh.localhost', aud: ['https://a.test', 'b'] })
		const store = await storeNow()
		expect(granted(await verifyJwtSvid(store, token, ['https://a.test'], NOW)).spiffeId).toBe(ORDERS_ID)
		expect(await verifyJwtSvid(store, token, ['c'], NOW)).toMatchObject({ error: { code: 'wrong_audience' } })
	})

	it('as a delegation lets an isolate sign for the mesh', async () => {
		const { jwk } = await workloadKey()
		const { token, issuer, expiresAt } = granted(await keyRing().delegate('i1', 'weur', jwk))
		expect({ issuer, expiresAt }).toEqual({ issuer: 'https://admin.mesh.localhost', expiresAt: NOW + 3_600_000 })
		const { keys } = await trustNow()
		const keyOf = async (kid: string) => {
			const found = keys.find((key) => key.kid === kid && key.use === 'delegation')
			return found && granted(await importPublicKey(found.jwk))
		}
		expect(await verifyDelegation(token, keyOf, issuer, NOW)).toMatchObject({ ok: true })
	})

	it('as a certificate comes with its chain, and verifies', async () => {
		const csr = await csrFor(ORDERS_ID)
		const request = { workload: ORDERS, csr, ttlSeconds: 3_600, evidence: EVIDENCE }
		const issued = granted(await keyRing().issueCertificate(request))
		expect(issued).toMatchObject({
			spiffeId: ORDERS_ID,
			expiresIn: 3_600,
			serialNumber: expect.stringMatching(/^[1-9a-f]/),
		})
		expect([issued.chain.length, issued.bundle.length]).toEqual([2, 2])
		const proven = granted(await verifyCertificate(await storeNow(), derOf(issued.chain[0]!), NOW))
		expect(proven).toMatchObject({ spiffeId: ORDERS_ID, serialNumber: issued.serialNumber })
	})

	it.each([
		['wit', 1, 300],
		['wit', 1e9, 86_400],
		['jwt', 1, 60],
		['jwt', 1e9, 3_600],
		['certificate', 1e9, 86_400],
	] as const)('as a %s for %d s lives %d s', async (what, ttlSeconds, expiresIn) => {
		const request = { workload: ORDERS, ttlSeconds, evidence: EVIDENCE }
		const issued =
			what === 'wit'
				? await wit(ttlSeconds)
				: what === 'jwt'
					? await keyRing().issueJwtSvid({ ...request, audiences: ['a'] })
					: await keyRing().issueCertificate({ ...request, csr: await csrFor(ORDERS_ID) })
		expect(granted<{ expiresIn: number }>(issued).expiresIn).toBe(expiresIn)
	})

	it('is on record, with who said so, and without the token', async () => {
		const { token } = granted(await wit())
		const { items } = await keyRing().events({ limit: 1 })
		expect(items[0]).toMatchObject({
			action: 'wit.issue',
			actor: ORDERS_ID,
			detail: { ...EVIDENCE, token: claimsOf(token).jti },
		})
		expect(JSON.stringify(items)).not.toContain(token)
	})

	it.each([
		[{ kty: 'EC', crv: 'P-256', alg: 'ES256', x: 'AA', y: 'AA' }, 'invalid_key'],
		[{ kty: 'RSA', alg: 'RS256', n: 'AQAB', e: 'AQAB' }, 'invalid_key'],
		[{ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', x: 'A'.repeat(43) }, 'invalid_key'],
	] as const)('is never for the key %o', async (jwk, reason) => {
		const request = { workload: ORDERS, jwk, ttlSeconds: 600, evidence: EVIDENCE }
		expect(await keyRing().issueWit(request)).toMatchObject({ ok: false, error: { reason } })
	})

	it('is never a certificate for another identity', async () => {
		const csr = await csrFor('spiffe://mesh.localhost/ns/default/sa/payments')
		const request = { workload: ORDERS, csr, ttlSeconds: 600, evidence: EVIDENCE }
		expect(await keyRing().issueCertificate(request)).toMatchObject({ error: { reason: 'invalid_csr' } })
	})

	it('is bounded in number, for each workload by itself', async () => {
		const request = { workload: ORDERS, audiences: ['a'], ttlSeconds: 60, evidence: EVIDENCE }
		for (let i = 0; i < 500; i++) granted(await keyRing().issueJwtSvid(request))
		expect(await keyRing().issueJwtSvid(request)).toEqual({
			ok: false,
			error: { reason: 'too_many', retryAfterSeconds: 1 },
		})
		expect(await keyRing().issueJwtSvid({ ...request, workload: { ...ORDERS, workload: 'web' } })).toMatchObject({
			ok: true,
		})
		vi.setSystemTime(NOW + 1_000)
		expect(await keyRing().issueJwtSvid(request)).toMatchObject({ ok: true })
	})
})

describe('private keys', () => {
	it('lie sealed in every table of every object, and are gone when they sign no more', async () => {
		const { jwk } = await workloadKey()
		const request = { workload: ORDERS, ttlSeconds: 600, evidence: EVIDENCE }
		await keyRing().issueWit({ ...request, jwk })
		await keyRing().issueCertificate({ ...request, csr: await csrFor(ORDERS_ID) })
		granted(await keyRing().rotate({ compromised: true }, ACTOR))
		const tables = await inKeyRing(everything)
		const privateKeys = tables.private_keys as { kid: string; sealed: string }[]
		const { keys } = await keyRing().info()
		const held = keys.filter(({ state }) => state === 'active' || state === 'pending').map(({ kid }) => kid)
		expect(privateKeys.map(({ kid }) => kid).sort()).toEqual(held.sort())
		for (const { sealed } of privateKeys) expect(sealed).toMatch(/^sealed:v1:/)
		const all = JSON.stringify([tables, await inRoot(everything), await trustNow(), await keyRing().info()])
		expect(all).not.toMatch(/\\*"d\\*":/)
		expect(all).not.toContain('PRIVATE KEY')
		expect(all).not.toContain(MASTER_KEY)
	})

	it('sign after a restart as before', async () => {
		const { keys } = await keyRing().info()
		await restart(link)
		const { token } = granted(await wit())
		expect(await verifyWit(await storeNow(), token, NOW)).toMatchObject({ ok: true })
		expect((await keyRing().info()).keys.map(({ kid }) => kid)).toEqual(keys.map(({ kid }) => kid))
	})

	it.each([
		[undefined, /has no MASTER_KEY.*set this secret/],
		['short', /MASTER_KEY cannot be used: the key has 5 characters/],
	])(
		'are not made under the master key %s: what needs them says what to set, and the rest works',
		async (key, detail) => {
			await restart(link, '')
			await equip(link, key ?? '')
			const sealed = { ok: false, error: { reason: 'sealed', detail: expect.stringMatching(detail) } }
			expect(await wit()).toEqual(sealed)
			expect(await keyRing().rotate({}, ACTOR)).toEqual(sealed)
			expect(await keyRing().info()).toMatchObject({ purposes: [], keys: [] })
			expect(await keyRing().tick()).toMatchObject({ purposes: [] })
			await keyRing().revoke({ kind: 'token', jti: 'j1' }, 'lost', ACTOR)
			expect((await trustNow()).revocations.tokens).toEqual(['j1'])
			expect(await root().trustVersion()).toBeGreaterThan(0)
			await restart(link)
			expect(await wit()).toMatchObject({ ok: true })
		},
	)
})

describe('another master key', () => {
	const NEXT = 'the-second-master-key-of-32-characters'

	it('put first seals anew at the next tick, and then the old one can go', async () => {
		await keyRing().info()
		const [before] = (await keyRing().info()).sealedUnder
		await restart(link, `${NEXT},${MASTER_KEY}`)
		expect(await wit()).toMatchObject({ ok: true })
		expect((await keyRing().info()).sealedUnder).toEqual([before])
		const { sealedUnder } = await keyRing().tick()
		expect(sealedUnder).toHaveLength(1)
		expect(sealedUnder).not.toEqual([before])
		await restart(link, NEXT)
		expect(await wit()).toMatchObject({ ok: true })
	})

	it('in place of the old one signs nothing and destroys nothing, until keys are replaced as compromised', async () => {
		const before = await keyRing().info()
		await restart(link, NEXT)
		const sealed = { error: { reason: 'sealed', detail: expect.stringContaining('not in the list any more') } }
		expect(await wit()).toMatchObject(sealed)
		const ticked = await keyRing().tick()
		expect(ticked.keys).toEqual(before.keys)
		expect(ticked.purposes.every(({ failures }) => failures === 1)).toBe(true)
		expect((await keyRing().tick()).purposes[0]).toMatchObject({
			failures: 2,
			lastFailure: expect.stringContaining('MASTER_KEY'),
		})
		granted(await keyRing().rotate({ compromised: true }, ACTOR))
		const { token } = granted(await wit())
		expect(await verifyWit(await storeNow(), token, NOW)).toMatchObject({ ok: true })
		const csr = await csrFor(ORDERS_ID)
		expect(
			await keyRing().issueCertificate({ workload: ORDERS, csr, ttlSeconds: 600, evidence: EVIDENCE }),
		).toMatchObject({
			ok: true,
		})
		expect((await keyRing().tick()).purposes.every(({ failures }) => failures === 0)).toBe(true)
	})
})
