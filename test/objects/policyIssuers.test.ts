/** The issuers whose keys the mesh fetches are shared out: no namespace can take the room of the others. */
import { reset } from 'cloudflare:test'
import { afterEach, describe, expect, it } from 'vitest'
import type { ResourceRef } from '../../src/ports.ts'
import { ACTOR, apply, documents, everything, inRoot, root } from './meshObjects.ts'

afterEach(() => reset())

interface Rule {
	readonly issuer: string
	readonly jwksUri?: string
	readonly jwks?: string
}
const issuers = (from: number, to: number): Rule[] =>
	Array.from({ length: to - from }, (_, i) => ({ issuer: `https://i${from + i}.example` }))
const users = (name: string, jwtRules: readonly Rule[], namespace = 'shop', spec: object = {}) => ({
	...{ apiVersion: 'security.istio.io/v1', kind: 'RequestAuthentication', metadata: { name, namespace } },
	spec: { ...spec, jwtRules },
})
const refTo = (name: string, namespace = 'shop'): ResourceRef => ({
	...{ apiVersion: 'selvedge.dev/v1', kind: 'RequestAuthentication', namespace, name },
})

/** The refusal, after which nothing may be other than before; 'ok' where there is none. */
async function outcome(put: readonly object[], remove: readonly ResourceRef[] = []): Promise<string> {
	const stored = async () => JSON.stringify(await inRoot(everything))
	const before = await stored()
	const answer = await root().change({ actor: ACTOR, put: documents(...put), remove })
	if (answer.ok) return 'ok'
	expect((await stored()) === before).toBe(true)
	expect(answer.error.reason).toBe('too_large')
	return 'detail' in answer.error ? answer.error.detail : ''
}

describe('a namespace', () => {
	it('has 64 issuers at most, and is told which field has one more, how many there are, and what would be right', async () => {
		await apply(users('u0', issuers(0, 60)))
		expect(await outcome([users('same', issuers(0, 60)), users('u1', issuers(60, 65))])).toBe(
			'RequestAuthentication/shop/u1: spec.jwtRules: with it the keys of 65 issuers would be fetched for namespace shop, where at most 64 are. Name fewer issuers, or write the keys of some into jwks. Nothing was changed',
		)
		expect(await outcome([users('u1', issuers(60, 64))])).toBe('ok')
		expect(await outcome([users('u2', issuers(0, 64))])).toBe('ok')
		expect(
			await outcome([users('u2', [{ issuer: 'https://i0.example', jwksUri: 'https://i0.example/keys' }])]),
		).toContain('65 issuers')
	})

	it('leaves to the others what is theirs', async () => {
		await apply(users('u', issuers(0, 64)))
		expect(await outcome([users('u', issuers(100, 164), 'pay')])).toBe('ok')
		expect(await outcome([users('v', issuers(64, 65))])).toContain('RequestAuthentication/shop/v: ')
	})

	it('may name as many as it likes whose keys it writes down', async () => {
		await apply(users('u', issuers(0, 64)))
		const { publicKey } = (await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
			'sign',
			'verify',
		])) as CryptoKeyPair
		const { kty, crv, x, y } = (await crypto.subtle.exportKey('jwk', publicKey)) as JsonWebKey
		const jwks = JSON.stringify({ keys: [{ kty, crv, x, y }] })
		expect(
			await outcome([
				users(
					'v',
					issuers(64, 100).map((rule) => ({ ...rule, jwks })),
				),
			]),
		).toBe('ok')
	})

	it('is not bounded where it speaks for the mesh', async () => {
		const toMesh = { targetRefs: [{ kind: 'Mesh', name: 'default' }] }
		expect(
			await outcome([users('u', issuers(0, 64), 'default'), users('m', issuers(64, 128), 'default', toMesh)]),
		).toBe('ok')
	})

	it('that has too many already, from before there was a bound, may have fewer, or others, but not more', async () => {
		await apply(users('u', issuers(0, 60)), users('v', issuers(60, 64)))
		const { document } = await inRoot(({ sql }) =>
			sql.exec<{ document: string }>("SELECT document FROM resources WHERE name = 'v'").one(),
		)
		const stored = JSON.parse(document)
		const [rule] = stored.spec.jwtRules
		stored.spec.jwtRules = issuers(60, 80).map((each) => ({ ...rule, ...each }))
		await inRoot(({ sql }) => {
			sql.exec("UPDATE resources SET document = ? WHERE name = 'v'", JSON.stringify(stored))
		})
		expect(await outcome([users('w', issuers(80, 81))])).toContain(
			'RequestAuthentication/shop/w: spec.jwtRules: with it',
		)
		expect(await outcome([users('v', issuers(60, 81))])).toContain('81 issuers')
		expect(await outcome([users('v', issuers(61, 81))])).toBe('ok')
		expect(await outcome([users('w', issuers(0, 30))])).toBe('ok')
		expect(await outcome([users('v', issuers(61, 79))])).toBe('ok')
		expect(await outcome([users('v', issuers(61, 80))])).toContain('79 issuers')
		expect(await outcome([users('x', issuers(79, 81))], [refTo('v')])).toBe('ok')
	})
})
