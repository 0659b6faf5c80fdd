/**
 * Every vector of Wycheproof for JSON Web Signatures and Keys behaves as it says, under one rule of the mesh: no symmetric key ever
 * verifies, so what is valid under one is refused.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseCompact, verifyJws } from '../../../src/identity/jws.ts'
import { importPublicKey, readPublicJwk } from '../../../src/identity/publicKey.ts'

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

/** A symmetric key has no public half. */
const keyOf = (group: Group): Jwk => group.public ?? group.private

async function accepts(jwk: unknown, jws: unknown): Promise<boolean> {
	const read = readPublicJwk(jwk)
	const key = read.ok && (await importPublicKey(read.value))
	// Some are given as objects: the JSON serialisation.
	const parsed = parseCompact(typeof jws === 'string' ? jws : JSON.stringify(jws))
	return key !== false && key.ok && parsed.ok && (await verifyJws(parsed.value, key.value))
}

/**
 * Four examples of RFC 7520 come with keys whose `alg` is not that of the token: one that JOSE does not have, and PS256 for PS384.
 * The mesh goes by the key (RFC 8725 §3.1), so it refuses them as they are; here is what the keys should say.
 */
const MISNAMED: Readonly<Record<number, string>> = { 346: 'PS384', 347: 'ES512', 350: 'PS384', 351: 'ES512' }

async function disagreements(name: string, group: Group, jwk: unknown, isSymmetric: boolean): Promise<string[]> {
	const wrong: string[] = []
	for (const { tcId, comment, jws, result } of group.tests)
		if ((await accepts(jwk, jws)) !== (result === 'valid' && !isSymmetric)) wrong.push(`${name} ${tcId} ${comment}`)
	return wrong
}

const titled = (name: string) => groups(name).map((group, i) => [`${i + 1}, ${group.comment}`, group] as const)

describe('JSON Web Signature', () => {
	it('has the 401 vectors of the release', () => {
		const tests = groups('json_web_signature_test').flatMap((group) => group.tests)
		expect([tests.length, tests.filter(({ result }) => result === 'valid').length]).toEqual([401, 46])
		expect(tests.filter(({ result }) => result === 'acceptable')).toEqual([])
	})

	it.each(titled('json_web_signature_test'))('group %s', async (_, group) => {
		const jwk = keyOf(group)
		const alg = MISNAMED[group.tests[0]!.tcId] ?? jwk.alg
		const named = alg === undefined ? jwk : { ...jwk, alg }
		expect(await disagreements('json_web_signature', group, named, jwk.kty === 'oct')).toEqual([])
	})

	it('is refused where its key names another algorithm, whoever signed it', async () => {
		const misnamed = groups('json_web_signature_test').filter(({ tests }) => tests[0]!.tcId in MISNAMED)
		expect(misnamed.flatMap(({ tests }) => tests.map(({ tcId }) => tcId))).toEqual([346, 347, 350, 351])
		for (const group of misnamed) expect(await accepts(keyOf(group), group.tests[0]!.jws)).toBe(false)
	})
})

describe('JSON Web Key', () => {
	it.each(titled('json_web_key_test'))('set %s', async (_, group) => {
		const { keys } = keyOf(group) as { keys: readonly Jwk[] }
		for (const vector of group.tests) {
			const { header } = JSON.parse(`{"header":${Buffer.from(String(vector.jws).split('.')[0]!, 'base64url')}}`)
			const named = keys.filter(({ kid }) => kid === header.kid)
			const accepted = named.length === 1 && (await accepts(named[0], vector.jws))
			const isSymmetric = keys.some(({ kty, kid }) => kty === 'oct' && kid === header.kid)
			expect(accepted, `${vector.tcId} ${vector.comment}`).toBe(vector.result === 'valid' && !isSymmetric)
		}
	})
})
