/** How much room there is for the keys of end users' issuers: for all of them together, and for some of each. */
import { reset } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { equip, inKeyRing, keyRing, trustNow, workloadKey } from './keyRingObjects.ts'
import { stopTime } from './time.ts'

const A = 'https://a.example'
const B = 'https://b.example'

beforeEach(async () => {
	stopTime()
	vi.spyOn(console, 'warn').mockImplementation(() => {})
	await equip({ failing: undefined, sent: [] })
})
afterEach(async () => {
	vi.useRealTimers()
	vi.restoreAllMocks()
	await reset()
})

const { jwk } = await workloadKey()
const keySet = (...kids: string[]) => JSON.stringify({ keys: kids.map((kid) => ({ kid, ...jwk, use: 'sig' })) })
const publishedAs = (name: string, ...kids: string[]) => ({ name, keys: kids.map((kid) => ({ kid, jwk })) })
const put = (name: string, body: string) =>
	keyRing().putFetchedKeys(`users ${name}`, 'userIssuer', { url: `${name}/keys`, body, fetchedAt: Date.now() })
const known = async (name: string) => (await keyRing().listFetchedKeys()).find((info) => info.name === `users ${name}`)

describe('the keys of issuers', () => {
	it('are bounded: of one issuer, of all issuers, and in number', async () => {
		await put(A, keySet(...Array.from({ length: 101 }, (_, i) => `k${i}`)))
		expect((await known(A))!.failure).toContain('at most 100')
		const long = { kty: 'RSA', alg: 'RS256', n: 'n'.repeat(683), e: 'AQAB' }
		const large = JSON.stringify({ keys: Array.from({ length: 100 }, (_, i) => ({ ...long, kid: `k${i}` })) })
		for (let i = 0; i < 15; i++) await put(`https://large${i}.example`, large)
		const taken = (await trustNow()).issuers!
		expect(JSON.stringify(taken).length).toBeLessThan(1_001_000 + taken.length * 4_000)
		expect((await known('https://large14.example'))!.failure).toContain('more than 1000000 characters')
		// Whoever comes later takes nothing from those that are there.
		await put('https://large0.example', large)
		expect((await trustNow()).issuers).toEqual(taken)
	})

	it('have room for a few of each issuer, however many the others have', async () => {
		const taken = publishedAs('https://large.example', 'x'.repeat(1_004_000))
		await inKeyRing(({ sql }) => {
			sql.exec(
				`INSERT INTO fetched (name, kind, url, body, fetched_at, tried_at, bundle)
					VALUES ('users https://large.example', 'userIssuer', '', '', 0, 0, ?)`,
				JSON.stringify(taken),
			)
		})
		const long = { kty: 'RSA', alg: 'RS256', n: 'n'.repeat(342), e: 'AQAB' }
		const some = (count: number) =>
			JSON.stringify({ keys: Array.from({ length: count }, (_, i) => ({ ...long, kid: `k${i}` })) })
		await put(A, some(8))
		await put(B, some(10))
		expect((await known(A))!.failure).toBe(undefined)
		expect((await known(B))!.failure).toContain('more than 1000000 characters with these, beside 4000 of each')
		expect((await trustNow()).issuers!.map(({ name }) => name)).toEqual([A, 'https://large.example'])
	})

	it('are of 256 issuers at most', async () => {
		await inKeyRing(({ sql }) => {
			for (let i = 0; i < 255; i++)
				sql.exec(
					`INSERT INTO fetched (name, kind, url, body, fetched_at, tried_at, bundle) VALUES (?, 'userIssuer', '', '', 0, 0, ?)`,
					`users https://i${i}.example`,
					JSON.stringify(publishedAs(`https://i${i}.example`)),
				)
		})
		await put(A, keySet('a1'))
		await put(B, keySet('b1'))
		expect([(await known(A))!.failure, (await known(B))!.failure]).toEqual([
			undefined,
			'the keys of 256 issuers are held already',
		])
		await put(A, keySet('a2'))
		expect((await trustNow()).issuers).toHaveLength(256)
	})
})
