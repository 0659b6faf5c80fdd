/** What a sample says, and what it must not. */
import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
	digester,
	newSampleKey,
	type SampledFacts,
	sampledFields,
	sampleOf,
} from '../../../src/telemetry/accessSample.ts'
import { parseReport } from '../../../src/telemetry/reportSchema.ts'

const facts = (over: Partial<SampledFacts> = {}): SampledFacts => ({
	...{ at: 1, service: 'shop/cart', rule: '', method: 'GET', host: 'h', port: 80, path: '/' },
	...{ network: '', headers: [], allowed: true },
	...over,
})
const user = (over: Partial<NonNullable<SampledFacts['user']>> = {}) => ({
	...{
		issuer: 'https://idp',
		principal: 'https://idp/alice',
		audiences: ['shop'],
		claims: {},
		spaceDelimitedClaims: [],
	},
	...over,
})
const KEY = '00'.repeat(32)
const sampled = async (over: Partial<SampledFacts>, key = KEY) => sampleOf(facts(over), await digester(key))

describe('a digest', () => {
	it('is HMAC-SHA-256 of the label and the value, its first 16 digits', async () => {
		const expected = createHmac('sha256', Buffer.alloc(32)).update('header x-a\nv').digest('hex').slice(0, 16)
		expect((await sampled({ headers: [['x-a', 'v']] })).headers[0]![1]).toBe(expected)
	})

	it('of equal values is equal under one key and one label, and under no other', async () => {
		const [one, other] = [await newSampleKey(), await newSampleKey()]
		expect(one).toMatch(/^[0-9a-f]{64}$/)
		const headers: [string, string][] = [
			['x-a', 'v'],
			['x-b', 'v'],
		]
		const a = await sampled({ headers }, one)
		expect((await sampled({ headers }, one)).headers).toEqual(a.headers)
		const b = await sampled({ headers }, other)
		expect(new Set([...a.headers, ...b.headers].map(([, digest]) => digest)).size).toBe(4)
	})
})

describe('a user', () => {
	it('has claims by their paths: texts, numbers and booleans, those of lists, and words of texts that are lists', async () => {
		const digest = await digester(KEY)
		const claims = {
			...{ role: 'admin', level: 42, ok: true, none: null, empty: '', list: ['a', 7, ['deep'], ''] },
			...{ scope: 'read write', realm: { roles: ['x'], __proto__x: 'y' }, text: 'a b' },
		}
		const { claims: told } = (await sampled({ user: user({ claims, spaceDelimitedClaims: ['scope'] }) })).user!
		const expected: [string[], string[]][] = [
			[['role'], ['admin']],
			[['level'], ['42']],
			[['ok'], ['true']],
			[['list'], ['a', '7']],
			[['scope'], ['read', 'write']],
			[['realm', 'roles'], ['x']],
			[['realm', '__proto__x'], ['y']],
			[['text'], ['a b']],
		]
		for (const [i, [path, texts]] of expected.entries())
			expect(told[i]).toEqual([
				path,
				await Promise.all(texts.map((text) => digest(`claim ${JSON.stringify(path)}`, text))),
			])
		expect(told.length).toBe(expected.length)
	})

	it.each<[string, object]>([
		['many claims', { claims: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`c${i}`, 'v'])) }],
		['long lists', { claims: { list: Array.from({ length: 129 }, String) } }],
		['deep claims', { claims: { a: { b: { c: { d: { e: { f: 'v' } } } } } } }],
		['endless names', { claims: { ['n'.repeat(129)]: 'v' } }],
		['many audiences', { audiences: Array.from({ length: 17 }, String) }],
	])('of too %s is cut, and says so', async (_, over) => {
		expect((await sampled({ user: user(over) })).user!.claimsCut).toBe(true)
	})

	it('is in clear nowhere but in its issuer', async () => {
		const claims = { email: 'alice@example.com', groups: ['s3cret'] }
		const text = JSON.stringify(await sampled({ user: user({ claims, audiences: ['s3cret'], presenter: 's3cret' }) }))
		expect(text).not.toMatch(/alice|s3cret/)
		expect(text).toContain('https://idp')
	})
})

describe('fields', () => {
	it('with secrets, and with addresses, are there without a digest', () => {
		const names = [
			'authorization',
			'cookie',
			'x-forwarded-for',
			'cf-connecting-ip',
			'workload-proof-token',
			'x-login',
			'x-open',
		]
		const { headers } = sampledFields(
			names.map((name) => [name, 'v']),
			['x-login'],
		)
		expect(headers.filter(([, value]) => value !== null)).toEqual([['x-open', 'v']])
		expect(headers.length).toBe(names.length)
	})

	it('are thirty-two at most, and a long value is none', () => {
		const many = Array.from({ length: 33 }, (_, i): [string, string] => [`x-${i}`, 'v'])
		expect(sampledFields(many.slice(1), [])).not.toHaveProperty('headersCut')
		expect(sampledFields(many, [])).toMatchObject({ headersCut: true, headers: { length: 32 } })
		expect(sampledFields([['x-a', 'v'.repeat(1_025)]], []).headers).toEqual([['x-a', null]])
	})
})

it('the fullest sample that can be made is one that a region takes', async () => {
	const claims = Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`c${i}`, ['a', 'b']]))
	const many = Array.from({ length: 40 }, (_, i): [string, string] => [`x-${i}`, 'v'])
	const full = await sampled({
		...sampledFields(many, []),
		user: user({ claims, audiences: Array.from({ length: 20 }, String), presenter: 'app' }),
		...{ path: 'p'.repeat(256), pathCut: true, query: true, ambiguous: 'an empty segment', network: '192.0.2.0/24' },
		caller: { spiffeId: 'spiffe://m/ns/a/sa/b', namespace: 'a', workload: 'b' },
	})
	const samples = { key: KEY, samples: Array(150).fill(full) }
	const report = { isolate: 'i', batch: 1, revision: 1, snapshotAgeMs: 0, syncFailures: 0, overflow: 0, series: [] }
	const parsed = parseReport({ ...report, samples })
	expect(parsed).toMatchObject({ ok: true, value: { samples } })
	expect(parseReport({ ...report, samples: { key: KEY, samples: [{ ...full, path: 'p'.repeat(257) }] } })).toEqual({
		ok: false,
		error: { reason: 'malformed_report', path: 'samples.samples.0.path' },
	})
})
