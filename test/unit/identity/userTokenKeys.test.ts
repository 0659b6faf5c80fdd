/** Key sets of issuers: what is published of them, and that every vector of Wycheproof behaves under it as it says. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseCompact } from '../../../src/identity/jws.ts'
import { heldKeys, readUserKey, signingKey } from '../../../src/identity/userKeys.ts'
import { verifyUserToken } from '../../../src/identity/userToken.ts'
import { ALGORITHMS, userRule, userToken } from './users.ts'
import { makeKey, NOW, outcome } from './world.ts'

describe('a key of a JWK Set', () => {
	const { alg: _, ...rsa } = makeKey('RS256').jwk
	const { alg: __, ...p256 } = makeKey('ES256').jwk
	const { alg: ___, ...ed25519 } = makeKey('EdDSA').jwk

	it.each(ALGORITHMS)('that says %s is for that alone', (alg) => {
		const { jwk } = makeKey(alg)
		expect(readUserKey({ ...jwk, kid: 'k', use: 'sig', x5c: ['dropped'] })).toEqual({ kid: 'k', jwk })
	})

	it('keeps a few hundred characters, whatever else is published with it', () => {
		const page = 'p'.repeat(100_000)
		const more = {
			x5c: [page],
			x5t: page,
			x5u: page,
			ext: page,
			key_ops: ['verify', page],
			[page]: page,
			oth: undefined,
		}
		for (const key of [rsa, p256, ed25519]) {
			expect(readUserKey({ ...more, ...key, kid: 'k' })).toEqual(readUserKey({ ...key, kid: 'k' }))
			expect(JSON.stringify(readUserKey({ ...more, ...key, kid: 'k'.repeat(256) })).length).toBeLessThan(1_000)
		}
	})

	it('that does not say gets the algorithm of its curve, or, as an RSA key, all that RSA keys are for', () => {
		expect(readUserKey(p256)?.jwk.alg).toBe('ES256')
		expect(readUserKey({ ...makeKey('ES384').jwk, alg: undefined })?.jwk.alg).toBe('ES384')
		expect(readUserKey({ ...makeKey('ES512').jwk, alg: undefined })?.jwk.alg).toBe('ES512')
		expect(readUserKey(ed25519)?.jwk.alg).toBe('EdDSA')
		const key = readUserKey(rsa)!
		expect([key.jwk.alg, ...key.alsoFor!]).toEqual(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'])
		expect(heldKeys([key]).map(({ jwk }) => jwk.alg)).toEqual([key.jwk.alg, ...key.alsoFor!])
	})

	it('that does not say verifies tokens of each algorithm of its type', async () => {
		for (const alg of ALGORITHMS) {
			const key = makeKey(alg)
			const published = readUserKey({ ...key.jwk, alg: undefined, kid: 'u1' })!
			const rules = [userRule({ keys: { inline: heldKeys([published]) } })]
			expect(outcome(await verifyUserToken(rules, userToken({}, {}, key), () => undefined, NOW))).toBe('ok')
		}
	})

	it.each<[string, object]>([
		['a shared secret', { kty: 'oct', k: 'c2VjcmV0' }],
		['for encryption', { ...p256, use: 'enc' }],
		['for encryption, by its algorithm', { ...rsa, alg: 'RSA-OAEP' }],
		['for signing only', { ...p256, key_ops: ['sign'] }],
		['with its private part', { ...p256, d: 'secret' }],
		['of a curve that the mesh does not know', { ...p256, crv: 'secp256k1' }],
		['of another curve than its algorithm', { ...p256, alg: 'ES384' }],
		['whose algorithm is symmetric', { ...rsa, alg: 'HS256' }],
		['of no type', { x: 'x' }],
		['with a kid that is no text', { ...p256, kid: 7 }],
		['with a kid of a page', { ...p256, kid: 'k'.repeat(257) }],
		['of more than 4096 bits', { ...rsa, n: 'n'.repeat(684) }],
		['with an exponent of a page', { ...rsa, e: 'A'.repeat(684) }],
		['with an x of a page', { ...p256, x: 'x'.repeat(684) }],
		['with a y of a page', { ...p256, y: 'y'.repeat(684) }],
		['of an edwards curve, with an x of a page', { ...ed25519, x: 'x'.repeat(684) }],
	])('is left out %s', (_, key) => {
		expect(readUserKey(key as Record<string, unknown>)).toBeUndefined()
	})
})

interface Vector {
	readonly tcId: number
	readonly comment: string
	readonly jws: unknown
	readonly result: 'valid' | 'invalid' | 'acceptable'
}
type Jwk = Readonly<Record<string, unknown>>
interface Group {
	readonly comment: string
	readonly public?: Jwk
	readonly private: Jwk
	readonly tests: readonly Vector[]
}

const groups = (name: string): readonly Group[] =>
	JSON.parse(readFileSync(new URL(`../../vectors/wycheproof/${name}.json`, import.meta.url), 'utf8')).testGroups
const titled = (name: string) => groups(name).map((group, i) => [`${i + 1}, ${group.comment}`, group] as const)

async function accepts(keys: readonly Jwk[], jws: unknown): Promise<boolean> {
	const parsed = parseCompact(typeof jws === 'string' ? jws : JSON.stringify(jws))
	const held = heldKeys(keys.flatMap((key) => readUserKey(key) ?? []))
	return parsed.ok && (await signingKey(parsed.value, held)).ok
}

/** See wycheproof.test.ts: the keys of four examples of RFC 7520 name another algorithm than their tokens. */
const MISNAMED: Readonly<Record<number, string>> = { 346: 'PS384', 347: 'ES512', 350: 'PS384', 351: 'ES512' }

describe('under keys of an issuer, every vector of Wycheproof behaves as it says, and none is valid by a symmetric key:', () => {
	it.each(titled('json_web_signature_test'))('signatures %s', async (_, group) => {
		const jwk = group.public ?? group.private
		const named = { ...jwk, alg: MISNAMED[group.tests[0]!.tcId] ?? jwk.alg }
		const wrong: string[] = []
		for (const { tcId, comment, jws, result } of group.tests)
			if ((await accepts([named], jws)) !== (result === 'valid' && jwk.kty !== 'oct')) wrong.push(`${tcId} ${comment}`)
		expect(wrong).toEqual([])
	})

	it.each(titled('json_web_key_test'))('key sets %s', async (_, group) => {
		const { keys } = (group.public ?? group.private) as unknown as { keys: readonly Jwk[] }
		for (const { tcId, comment, jws, result } of group.tests) {
			const header = JSON.parse(Buffer.from(String(jws).split('.')[0]!, 'base64url').toString())
			const isSymmetric = keys.some(({ kty, kid }) => kty === 'oct' && kid === header.kid)
			expect(await accepts(keys, jws), `${tcId} ${comment}`).toBe(result === 'valid' && !isSymmetric)
		}
	})
})
