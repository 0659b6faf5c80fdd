/** Issuers of end users' tokens: what of their keys is published, when they are asked, and how seldom strangers can have them asked. */
import { reset } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TRUST_PART } from '../../src/names.ts'
import type { FetchedKeys } from '../../src/ports.ts'
import type { Trust } from '../../src/snapshot/trust.ts'
import { until } from '../until.ts'
import { equip, inKeyRing, keyRing, type RootLink, restart, trustNow, workloadKey } from './keyRingObjects.ts'
import { everything, root } from './meshObjects.ts'
import { NOW, stopTime } from './time.ts'

const A = 'https://a.example'
const B = 'https://b.example'
let link: RootLink
/** By URL: a document, a status, or a promise of one. */
let web: Map<string, () => Response | Promise<Response>>
let asked: string[]

beforeEach(async () => {
	stopTime()
	vi.spyOn(console, 'warn').mockImplementation(() => {})
	link = { failing: undefined, sent: [] }
	web = new Map()
	asked = []
	vi.spyOn(globalThis, 'fetch').mockImplementation(async (url) => {
		asked.push(String(url))
		return web.get(String(url))?.() ?? new Response(null, { status: 404 })
	})
	await equip(link)
})
afterEach(async () => {
	vi.useRealTimers()
	vi.restoreAllMocks()
	await reset()
})

const at = (ms: number) => vi.setSystemTime(NOW + ms)
const { jwk } = await workloadKey()
const key = (kid: string) => ({ kid, ...jwk, use: 'sig' })
const keySet = (...kids: string[]) => JSON.stringify({ keys: kids.map(key) })
const publishedAs = (name: string, ...kids: string[]) => ({ name, keys: kids.map((kid) => ({ kid, jwk })) })
const put = (name: string, body: string, more: Partial<FetchedKeys> = {}) =>
	keyRing().putFetchedKeys(`users ${name}`, 'userIssuer', { url: `${name}/keys`, body, fetchedAt: Date.now(), ...more })
const serve = (name: string, body: string) => {
	const discovered = JSON.stringify({ issuer: name, jwks_uri: `${name}/keys` })
	web.set(`${name}/.well-known/openid-configuration`, () => new Response(discovered))
	web.set(`${name}/keys`, () => new Response(body))
}
/** Answers with its keys once the function returned is called: in the object's own context, where its promises may be settled. */
const serveSlowly = (name: string, body: string) => {
	let go = () => {}
	serve(name, body)
	web.set(`${name}/keys`, async () => {
		await new Promise<void>((resolve) => {
			go = resolve
		})
		return new Response(body)
	})
	return () => inKeyRing(() => go())
}
const known = async (name: string) => (await keyRing().listFetchedKeys()).find((info) => info.name === `users ${name}`)
const kidsOf = (answer: { keys: readonly { kid?: string }[] } | null) => answer?.keys.map(({ kid }) => kid)

describe('the keys of an issuer', () => {
	it('are published with trust, in order of name, and beside those that let workloads join', async () => {
		expect(await trustNow()).not.toHaveProperty('issuers')
		await put(B, keySet('b1'))
		await put(A, keySet('a1', 'a2'))
		const joining = { url: `${A}/keys`, body: keySet('joining'), fetchedAt: NOW }
		await keyRing().putFetchedKeys(A, 'issuer', joining)
		const { issuers, federated } = await trustNow()
		expect([issuers, federated]).toEqual([[publishedAs(A, 'a1', 'a2'), publishedAs(B, 'b1')], []])
		expect((await keyRing().fetchedKeys(A))!.body).toBe(keySet('joining'))
		const { parts } = await root().pull('weur', null)
		const part = JSON.parse(parts.find(({ name }) => name === TRUST_PART)!.body!) as Trust
		expect(part.issuers).toEqual(issuers)
	})

	it('stay when they cannot be fetched anew, what came is none, or the issuer moved it to where there is none', async () => {
		await put(A, keySet('a1'))
		const { version } = await keyRing().published()
		const wrong: [string, Partial<FetchedKeys>][] = [
			['', { failure: 'HTTP 500' }],
			['<html>', {}],
			['{"keys":[]}', {}],
			['{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}', { url: `${A}/moved` }],
			[`{"keys":[],"pad":"${'x'.repeat(300_000)}"}`, {}],
		]
		for (const [body, more] of wrong) {
			await put(A, body, more)
			expect((await known(A))!.failure).toBeTypeOf('string')
			expect((await trustNow()).issuers).toEqual([publishedAs(A, 'a1')])
		}
		await restart(link)
		expect((await trustNow()).issuers).toEqual([publishedAs(A, 'a1')])
		expect((await keyRing().published()).version).toBe(version)
		await put(A, keySet('a2'), { url: `${A}/moved` })
		expect((await trustNow()).issuers).toEqual([publishedAs(A, 'a2')])
		expect(await known(A)).not.toHaveProperty('failure')
	})

	it('are those that verify signatures; of those without alg it is said what they may be used with', async () => {
		const { alg: _, ...unnamed } = jwk
		const n = 'n'.repeat(342)
		const keys = [
			{ kid: 'ec', ...unnamed },
			{ kid: 'rsa', kty: 'RSA', n, e: 'AQAB' },
			{ kid: 'enc', ...jwk, use: 'enc' },
			{ kid: 'secret', kty: 'oct', k: 'c2VjcmV0' },
			{ kid: 'private', ...jwk, d: 'c2VjcmV0' },
		]
		await put(A, JSON.stringify({ keys }))
		const rsa = { kid: 'rsa', jwk: { kty: 'RSA', alg: 'RS256', n, e: 'AQAB' } }
		const alsoFor = ['RS384', 'RS512', 'PS256', 'PS384', 'PS512']
		expect((await trustNow()).issuers).toEqual([
			{
				name: A,
				keys: [
					{ kid: 'ec', jwk },
					{ ...rsa, alsoFor },
				],
			},
		])
		expect(JSON.stringify(await trustNow())).not.toContain('c2VjcmV0')
	})

	it('go with the last document that wants them', async () => {
		await put(A, keySet('a1'))
		await put(B, keySet('b1', 'gone'))
		await keyRing().keepFetchedKeys([`users ${A}`])
		expect((await trustNow()).issuers).toEqual([publishedAs(A, 'a1')])
		expect(JSON.stringify(await inKeyRing(everything))).not.toContain('"gone"')
	})
})

describe('a key that an isolate lacks', () => {
	const ask = (kid?: string, issuer = A) => keyRing().issuerKeys({ issuer }, kid)

	it('is answered with all that there are; the issuer is not asked for one that is here', async () => {
		await put(A, keySet('a1', 'a2'))
		expect(kidsOf(await ask('a2'))).toEqual(['a1', 'a2'])
		expect(kidsOf(await ask())).toEqual(['a1', 'a2'])
		expect(asked).toEqual([])
	})

	it('is fetched, kept, published and answered at once', async () => {
		serve(A, keySet('a1', 'a2'))
		expect(await ask('a2')).toEqual(publishedAs(A, 'a1', 'a2'))
		expect(asked).toEqual([`${A}/.well-known/openid-configuration`, `${A}/keys`])
		expect((await trustNow()).issuers).toEqual([publishedAs(A, 'a1', 'a2')])
		expect(await known(A)).toMatchObject({ kind: 'userIssuer', url: `${A}/keys`, fetchedAt: NOW })
	})

	it('is fetched from where the rule says', async () => {
		const jwksUri = 'https://keys.example/set?v=1'
		web.set(jwksUri, () => new Response(keySet('k')))
		const name = `${A}#${jwksUri}`
		expect(await keyRing().issuerKeys({ issuer: A, jwksUri }, 'k')).toEqual(publishedAs(name, 'k'))
		expect(asked).toEqual([jwksUri])
	})

	it('is fetched from no place that the mesh must not ask', async () => {
		for (const issuer of ['http://plain.example', 'https://orders.mesh.localhost', 'https://u:p@x.example'])
			expect(await ask('k', issuer)).toBeNull()
		expect(await keyRing().issuerKeys({ issuer: A, jwksUri: 'http://plain.example/keys' }, 'k')).toBeNull()
		serve(A, keySet('a1'))
		const evil = JSON.stringify({ issuer: A, jwks_uri: 'http://plain.example/keys' })
		web.set(`${A}/.well-known/openid-configuration`, () => new Response(evil))
		expect(await ask('a1')).toBeNull()
		expect(asked).toEqual([`${A}/.well-known/openid-configuration`])
	})

	it('keeps those that there are when the issuer does not answer, and is looked for again ten seconds later', async () => {
		await put(A, keySet('a1'))
		web.set(`${A}/.well-known/openid-configuration`, () => Promise.reject(new Error('down')))
		expect(kidsOf(await ask('a2'))).toEqual(['a1'])
		expect(await known(A)).toMatchObject({ url: `${A}/keys`, failure: expect.stringContaining('down') })
		serve(A, keySet('a1', 'a2'))
		at(9_999)
		expect(kidsOf(await ask('a2'))).toEqual(['a1'])
		at(10_000)
		expect(kidsOf(await ask('a2'))).toEqual(['a1', 'a2'])
		expect(await known(A)).not.toHaveProperty('failure')
	})

	it('that is not there is not looked for again for a minute, others after ten seconds', async () => {
		serve(A, keySet('a1'))
		expect(kidsOf(await ask('no'))).toEqual(['a1'])
		const { length: once } = asked
		for (const [ms, kid, times] of [
			[5_000, 'other', 1],
			[10_000, 'no', 1],
			[10_000, 'other', 2],
			[59_999, 'no', 2],
			[60_000, 'no', 3],
		] as const) {
			at(ms)
			expect(kidsOf(await ask(kid))).toEqual(['a1'])
			expect([ms, kid, asked.length / once]).toEqual([ms, kid, times])
		}
	})

	it('that thousands make up has each issuer asked once in ten seconds, and no other one instead', async () => {
		serve(A, keySet('a1'))
		serve(B, keySet('b1'))
		for (let second = 0; second < 30; second++) {
			at(second * 1_000)
			const flood = Array.from({ length: 50 }, (_, i) => ask(`made-up-${second}-${i}`))
			await Promise.all(flood)
		}
		expect(asked.filter((url) => url === `${A}/keys`)).toHaveLength(3)
		expect(kidsOf(await ask('b1', B))).toEqual(['b1'])
	})

	it('and that nobody names is looked for where the issuer gives keys no names, once in ten seconds', async () => {
		const unnamed = ({ kid: _, ...named } = key('')) => named
		const other = { ...unnamed(), x: 'o'.repeat(43) }
		await put(A, JSON.stringify({ keys: [unnamed()] }))
		serve(A, JSON.stringify({ keys: [other] }))
		const xs = async (kid?: string) => (await ask(kid))!.keys.map((each) => each.jwk.x)
		expect(await xs()).toEqual([other.x])
		expect((await trustNow()).issuers).toMatchObject([{ name: A, keys: [{ jwk: { x: other.x } }] }])
		const { length: once } = asked
		const timesAt = async (ms: number, kid?: string) => {
			at(ms)
			await ask(kid)
			return asked.length / once
		}
		// A name that no key has says as little.
		expect([await timesAt(9_999), await timesAt(10_000, 'k'), await timesAt(19_999, 'k')]).toEqual([1, 2, 2])
		expect([await timesAt(20_000, 'k'), await timesAt(30_000)]).toEqual([3, 4])
	})

	it('is not waited for longer than an isolate waits, where others are here', async () => {
		await put(A, keySet('a1'))
		const letAnswer = serveSlowly(A, keySet('a1', 'a2'))
		let giveUp = () => {}
		const wait = vi.spyOn(scheduler, 'wait').mockImplementation(
			() =>
				new Promise((resolve) => {
					giveUp = resolve
				}),
		)
		const answer = ask('a2')
		await until(() => wait.mock.calls.length === 1 && asked.includes(`${A}/keys`))
		expect(wait.mock.calls[0]![0]).toBeLessThan(2_000)
		await inKeyRing(() => giveUp())
		expect(kidsOf(await answer)).toEqual(['a1'])
		wait.mockRestore()
		await letAnswer()
		await until(async () => kidsOf(await ask('a2'))?.join() === 'a1,a2')
	})

	it('and a page of text for its name has nobody asked', async () => {
		await put(A, keySet('a1'))
		expect(kidsOf(await ask('k'.repeat(257)))).toEqual(['a1'])
		expect(asked).toEqual([])
	})

	it('is fetched once for all who ask meanwhile, and a slow issuer holds up nobody else', async () => {
		const letAnswer = serveSlowly(A, keySet('a1'))
		serve(B, keySet('b1'))
		let isAnswered = false
		const waiting = Promise.all([ask('a1'), ask('a1'), ask()]).finally(() => {
			isAnswered = true
		})
		await until(() => asked.includes(`${A}/keys`))
		expect(kidsOf(await ask('b1', B))).toEqual(['b1'])
		expect(isAnswered).toBe(false)
		await letAnswer()
		for (const each of await waiting) expect(kidsOf(each)).toEqual(['a1'])
		expect(asked.filter((url) => url === `${A}/keys`)).toHaveLength(1)
	})

	it('is answered though the root cannot be told, and published once it can', async () => {
		await put(B, keySet('b1'))
		serve(A, keySet('a1'))
		link.failing = 'before'
		expect(kidsOf(await ask('a1'))).toEqual(['a1'])
		link.failing = undefined
		await keyRing().tick()
		const { parts } = await root().pull('weur', null)
		expect(parts.find(({ name }) => name === TRUST_PART)!.body).toContain('"a1"')
	})
})
