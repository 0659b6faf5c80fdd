/** What a Secret may hold, and what is shown of it. */
import { describe, expect, test } from 'vitest'
import { type Secret, withoutValues } from '../../../src/resources/secret.ts'
import { parsed, problems, times } from './fixtures.ts'

const secret = (fields: object = { stringData: { token: 'abc' } }) => ({
	apiVersion: 'v1',
	kind: 'Secret',
	metadata: { name: 'stripe' },
	...fields,
})
const base64 = (text: string) => Buffer.from(text).toString('base64')
const data = (fields: object) => (parsed(secret(fields)) as unknown as Secret).data
const unfit = (value: string) => (parsed(secret({ stringData: { k: value } })) as unknown as Secret).unfit.k

test('a Secret as kubectl exports it is taken, and means its values', () => {
	const exported = secret({
		type: 'kubernetes.io/basic-auth',
		immutable: true,
		metadata: { name: 'stripe', namespace: 'shop', uid: 'u', resourceVersion: '7', creationTimestamp: null },
		data: { password: base64('pässword'), username: base64('ana') },
	})
	expect(parsed(exported)).toEqual({
		apiVersion: 'v1',
		kind: 'Secret',
		metadata: { name: 'stripe', namespace: 'shop', labels: {}, annotations: {} },
		type: 'kubernetes.io/basic-auth',
		data: { password: 'pässword', username: 'ana' },
		unfit: { password: 'encoded' },
	})
})

test('data and stringData become one, stringData wins, and order says nothing', () => {
	const one = parsed(secret({ data: { b: base64('old'), a: base64('1') }, stringData: { b: 'new', c: '3' } }))
	const other = parsed(secret({ stringData: { c: '3', b: 'new', a: '1' } }))
	expect(one).toEqual(other)
	expect(JSON.stringify(one)).toBe(JSON.stringify(other))
	expect(data({ data: { b: base64('old') }, stringData: { b: 'new' } })).toEqual({ b: 'new' })
})

test('base64 may be folded over lines, as base64(1) writes it', () => {
	const folded = base64('x'.repeat(100)).replace(/.{20}/g, '$&\n')
	expect(data({ data: { k: folded } })).toEqual({ k: 'x'.repeat(100) })
})

test('a Secret without values, or with an empty type, or none, is one', () => {
	expect(problems(secret({}))).toEqual([])
	expect(parsed(secret({}))).toMatchObject({ type: 'Opaque', data: {}, unfit: {} })
})

test.each([
	['', 'must be at least 1 character long'],
	['x'.repeat(8_193), 'must be at most 8,192 bytes long'],
	['ä'.repeat(4_097), 'must be at most 8,192 bytes long'],
	['\ud800', 'must be Unicode text, without half of a surrogate pair'],
])('refuses a value by its size or characters, and does not repeat it (%#)', (value, message) => {
	expect(problems(secret({ stringData: { k: value } }))).toEqual([`stringData.k: ${message}`])
})

test('takes values up to the bound, in either form', () => {
	const longest = 'x'.repeat(8_192)
	expect(data({ stringData: { a: longest }, data: { b: base64(longest) } })).toEqual({ a: longest, b: longest })
})

test.each(['abc', 'a===', '*', 'YQ=', 'YQ==YQ==', base64('x').replaceAll('=', '%'), '_w==', '/w=='])(
	'%j is not base64 of text',
	(text) => {
		expect(problems(secret({ data: { k: text } }))).toEqual(['data.k: must be base64 (RFC 4648 §4) of UTF-8 text'])
	},
)

test.each(['a b', '', 'ä', 'a/b', 'a'.repeat(254)])('%j names no value', (key) => {
	expect(problems(secret({ stringData: { [key]: 'x' } }))[0]).toContain(
		"the key must be 1 to 253 letters, digits, '-', '_' and '.'",
	)
})

test('has at most 64 values, counted over both fields', () => {
	const some = (n: number, from: number) => Object.fromEntries(times(n, (i) => [`k${i + from}`, 'YWJj']))
	expect(problems(secret({ data: some(40, 0), stringData: some(40, 24) }))).toEqual([])
	expect(problems(secret({ data: some(40, 0), stringData: some(40, 25) }))).toEqual([
		'data: must have at most 64 entries',
	])
})

test.each([
	['sk_live_42', undefined],
	['two words', undefined],
	['pässword', 'encoded'],
	[' padded', 'encoded'],
	['line\n', 'never'],
	['a\r\nb', 'never'],
	['nul\0', 'never'],
	['tab\there', 'never'],
	['\u0085', 'never'],
])('it is known where %j cannot go, without reading it again', (value, where) => {
	expect(unfit(value)).toBe(where)
})

describe('what is shown', () => {
	test('are the keys, with null for every value', () => {
		const shown = withoutValues(parsed(secret({ stringData: { a: 'hidden', b: 'hidden\n' } })) as never)
		expect(shown).toMatchObject({ kind: 'Secret', data: { a: null, b: null } })
		expect(JSON.stringify(shown)).not.toContain('hidden')
		expect(shown).not.toHaveProperty('unfit')
	})

	test('cannot be sent back, which would lose the values', () => {
		const shown = withoutValues(parsed(secret({ stringData: { a: 'x', b: 'y' } })) as never)
		const message = 'values are never returned: send the value again, or leave the Secret out'
		expect(problems(shown)).toEqual([`data.a: ${message}`, `data.b: ${message}`])
		expect(problems(secret({ stringData: { a: null } }))).toEqual([`stringData.a: ${message}`])
	})
})

test('unknown fields are named', () => {
	expect(problems(secret({ spec: {} }))).toEqual([
		'spec: is not a field here; must be one of apiVersion, kind, metadata, type, data, stringData, immutable, status',
	])
})
