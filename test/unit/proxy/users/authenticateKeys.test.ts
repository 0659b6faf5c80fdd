/** Keys of issuers at the data path: published with trust, asked for when a token names another, and never asked for without end. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { IssuerSource } from '../../../../src/ports.ts'
import type { IssuerKeys } from '../../../../src/snapshot/trust.ts'
import { ISSUER, userToken } from '../../identity/users.ts'
import { makeKey } from '../../identity/world.ts'
import { asking, freshProof, proving, RING, trustPart } from '../callers/identified.ts'
import { type FakeProxy, until } from '../fakeProxy.ts'
import { answered, bearer, believing, jwtRule, published } from './signedIn.ts'

afterEach(() => vi.restoreAllMocks())

const [OLD, NEW] = [makeKey(), makeKey()]
const oldToken = userToken({}, { kid: 'old' }, OLD)
const newToken = userToken({}, { kid: 'new' }, NEW)
const issuer = (keys: IssuerKeys['keys'], name = ISSUER): IssuerKeys => ({ name, keys })
const old = published('old', OLD)
const both = [old, published('new', NEW)]
const FETCHED = jwtRule({ keys: { fetched: ISSUER } })
const UNKNOWN = '401 invalid_token unknown_key'
const UNAVAILABLE = '503 issuer_unavailable the keys of https'
const madeUp = (kid: number | string) => userToken({}, { kid: `made-up-${kid}` }, OLD)

/** A proxy whose trust has these keys, and a ring that knows those. */
function trusting(issuers: readonly IssuerKeys[], known: IssuerKeys | null = null) {
	const proxy = believing([FETCHED])
	proxy.replica.change(trustPart({}, [RING], { issuers }))
	const asked: [IssuerSource, string | undefined][] = []
	const ring = { known, asked }
	proxy.issuerKeys = async (source, kid) => {
		asked.push([source, kid])
		return ring.known
	}
	return { proxy, ring, asked }
}

/** A sync brings these keys. */
async function publish(proxy: FakeProxy, issuers: readonly IssuerKeys[]) {
	proxy.replica.change(trustPart({}, [RING], { issuers }))
	proxy.now += 2_000
	await proxy.get(asking({}))
}

describe('keys that come with trust', () => {
	it('verify tokens, and nobody is asked', async () => {
		const { proxy, asked } = trusting([issuer(both)])
		for (const token of [oldToken, newToken]) expect(await answered(proxy, bearer(token))).toBe('ok')
		expect(asked).toEqual([])
	})

	it('verify tokens of their own issuer only', async () => {
		const { proxy } = trusting([issuer([published('old', NEW)]), issuer([old], 'https://other.example')])
		expect(await answered(proxy, bearer(oldToken))).toBe('401 invalid_token bad_signature')
	})

	it('forget what was verified with one of them once it is taken back, and nothing else', async () => {
		const { proxy } = trusting([issuer(both)])
		const verifying = vi.spyOn(crypto.subtle, 'verify')
		for (const token of [oldToken, newToken]) expect(await answered(proxy, bearer(token))).toBe('ok')
		await publish(proxy, [issuer([both[1]!])])
		expect(await answered(proxy, bearer(newToken))).toBe('ok')
		expect(verifying).toHaveBeenCalledTimes(2)
		expect(await answered(proxy, bearer(oldToken))).toBe(UNKNOWN)
		// The same name for another key is another key.
		await publish(proxy, [issuer([published('new', OLD)])])
		expect(await answered(proxy, bearer(newToken))).toBe('401 invalid_token bad_signature')
		await publish(proxy, [])
		expect(await answered(proxy, bearer(newToken))).toBe(UNAVAILABLE)
	})

	it('leave alone what is remembered of workloads', async () => {
		const { proxy } = trusting([issuer([old])])
		const proof = proving(freshProof())
		const shown = () => proxy.get(asking(proof)).then(({ status }) => status)
		const verifying = vi.spyOn(crypto.subtle, 'verify')
		await shown()
		const before = verifying.mock.calls.length
		await publish(proxy, [issuer(both)])
		await shown()
		expect([before, verifying.mock.calls.length]).toEqual([2, 2])
	})
})

describe('a key that is not here', () => {
	it('is asked for by its name, where its rule says, and counts at once', async () => {
		const { proxy, asked } = trusting([issuer([old])], issuer(both))
		expect(await answered(proxy, bearer(newToken))).toBe('ok')
		expect(asked).toEqual([[{ issuer: ISSUER }, 'new']])
		expect(await answered(proxy, bearer(userToken({}, { kid: 'new' }, NEW)))).toBe('ok')
		expect(asked).toHaveLength(1)
	})

	it('is asked for where its rule finds keys otherwise than by discovery', async () => {
		const jwksUri = 'https://keys.example/a#b'
		const name = `${ISSUER}#${jwksUri}`
		const proxy = believing([jwtRule({ keys: { fetched: name } })])
		proxy.issuerKeys = vi.fn(async () => issuer(both, name))
		expect(await answered(proxy, bearer(oldToken))).toBe('ok')
		expect(proxy.issuerKeys).toHaveBeenCalledWith({ issuer: ISSUER, jwksUri }, 'old')
	})

	it('is asked for though none was ever fetched, and without a kid too', async () => {
		const { proxy, asked } = trusting([], issuer(both))
		expect(await answered(proxy, bearer(userToken({}, { kid: undefined }, NEW)))).toBe('ok')
		expect(asked).toEqual([[{ issuer: ISSUER }, undefined]])
	})

	it('and has no name replaces another that has none, once a token that names none fails', async () => {
		const unnamed = (key: typeof OLD) => [{ jwk: key.jwk }]
		const { proxy, ring, asked } = trusting([issuer(unnamed(OLD))], issuer(unnamed(OLD)))
		const of = (key: typeof OLD) => bearer(userToken({}, { kid: undefined }, key))
		expect(await answered(proxy, of(OLD))).toBe('ok')
		expect(await answered(proxy, of(NEW))).toBe('401 invalid_token bad_signature')
		ring.known = issuer(unnamed(NEW))
		expect(await answered(proxy, of(NEW))).toBe('ok')
		expect(asked).toEqual([1, 2].map(() => [{ issuer: ISSUER }, undefined]))
		for (let i = 0; i < 100; i++) expect(await answered(proxy, of(OLD))).toBe('401 invalid_token bad_signature')
		expect(asked).toHaveLength(3)
	})

	it.each<[string, readonly IssuerKeys[], string]>([
		['the token is wrong, where others are known', [issuer([old])], UNKNOWN],
		['the issuer is unavailable, where none is', [], UNAVAILABLE],
	])('and cannot be had: %s', async (_, issuers, expected) => {
		const { proxy } = trusting(issuers, null)
		expect(await answered(proxy, bearer(newToken))).toBe(expected)
		proxy.issuerKeys = () => Promise.reject(new Error('the ring is gone'))
		expect(await answered(proxy, bearer(newToken))).toBe(expected)
	})

	it('is asked for once by all who want it at the same time, and by nobody whose key is here', async () => {
		const { proxy, asked } = trusting([issuer([old])], issuer(both))
		let answer = () => {}
		const ask = proxy.issuerKeys
		proxy.issuerKeys = async (...question) => {
			const answered = ask(...question)
			await new Promise<void>((resolve) => {
				answer = resolve
			})
			return answered
		}
		// Who waits for another's question gives up before it is answered, here: time passes as it is waited for.
		expect(await answered(proxy, bearer(oldToken))).toBe('ok')
		const first = proxy.start(asking(bearer(newToken)))
		await until(() => asked.length === 1)
		expect((await proxy.start(asking(bearer(oldToken)))).status).toBe(200)
		const second = proxy.start(asking(bearer(madeUp(1))))
		expect((await second).status).toBe(401)
		expect(proxy.waits).toEqual([2_000])
		expect(asked).toHaveLength(1)
		answer()
		expect((await first).status).toBe(200)
	})

	it('of a question that never ends is asked for anew after two seconds', async () => {
		const { proxy, asked } = trusting([issuer([old])], issuer(both))
		const ask = proxy.issuerKeys
		let isAsked = false
		proxy.issuerKeys = () => {
			isAsked = true
			return new Promise(() => {})
		}
		void proxy.start(asking(bearer(newToken)))
		await until(() => isAsked)
		proxy.issuerKeys = ask
		proxy.now += 2_000
		expect((await proxy.start(asking(bearer(newToken)))).status).toBe(200)
		expect(asked).toHaveLength(1)
	})
})

describe('keys that somebody makes up', () => {
	it('are asked for three times at once, and then every five seconds; others go on as before', async () => {
		const { proxy, asked } = trusting([issuer([old])], issuer([old]))
		for (let i = 0; i < 1_000; i++) {
			expect(await answered(proxy, bearer(madeUp(i)))).toBe(UNKNOWN)
			expect(await answered(proxy, bearer(oldToken))).toBe('ok')
		}
		expect(asked).toHaveLength(3)
		for (let second = 0; second < 20; second++) {
			proxy.now += 1_000
			for (let i = 0; i < 20; i++) expect(await answered(proxy, bearer(madeUp(`${second}-${i}`)))).toBe(UNKNOWN)
		}
		expect(asked).toHaveLength(7)
	})

	it('hide none that there is: each answer brings them all', async () => {
		const { proxy, ring, asked } = trusting([issuer([old])], issuer([old]))
		for (let i = 0; i < 10; i++) await answered(proxy, bearer(madeUp(i)))
		expect(await answered(proxy, bearer(newToken))).toBe(UNKNOWN)
		ring.known = issuer(both)
		proxy.now += 5_000
		expect(await answered(proxy, bearer(madeUp('x')))).toBe(UNKNOWN)
		const { length } = asked
		expect(await answered(proxy, bearer(newToken))).toBe('ok')
		expect(asked).toHaveLength(length)
	})

	it('of one issuer leave the questions about another alone', async () => {
		const other = 'https://other.example'
		const proxy = believing([FETCHED, jwtRule({ issuer: other, keys: { fetched: other } })])
		proxy.issuerKeys = async ({ issuer: name }) => issuer(name === other ? both : [old], name)
		for (let i = 0; i < 10; i++) await answered(proxy, bearer(madeUp(i)))
		expect(await answered(proxy, bearer(userToken({ iss: other }, { kid: 'new' }, NEW)))).toBe('ok')
	})
})
