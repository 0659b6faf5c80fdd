/** What rules may change in header fields. */
import { describe, expect, test } from 'vitest'
import { RequestHeaderEdits } from '../../../src/resources/headerEdits.ts'
import { ruleProblems, times } from './fixtures.ts'

const requestOnly = ['host', 'cf-connecting-ip', 'selvedge-caller']
const never = ['connection', 'content-length', 'keep-alive', 'proxy-authorization', 'proxy-connection'].concat([
	'te',
	'trailer',
	'transfer-encoding',
	'upgrade',
])

const judge = (side: 'request' | 'response', edits: unknown) => {
	const type = side === 'request' ? 'RequestHeaderModifier' : 'ResponseHeaderModifier'
	return ruleProblems({ filters: [{ type, [`${side}HeaderModifier`]: edits }] }).map((problem) =>
		problem.replace(`filters[0].${side}HeaderModifier.`, ''),
	)
}
const named = (name: string) => ({ set: [{ name, value: 'x' }], add: [{ name, value: 'x' }], remove: [name] })

describe.each(['request', 'response'] as const)('in a %s', (side) => {
	test('a name may be set, added and removed at once', () => {
		expect(judge(side, named('X-Any'))).toEqual([])
		expect(judge(side, named('Set-Cookie'))).toEqual([])
		expect(judge(side, {})).toEqual([])
	})

	test.each(never.flatMap((name) => [name, name.toUpperCase()]))(
		'%s is the platform’s, however it is spelled',
		(name) => {
			const message = `must not be '${name}': the platform writes it for each hop`
			expect(judge(side, named(name))).toEqual([
				`set[0].name: ${message}`,
				`add[0].name: ${message}`,
				`remove[0]: ${message}`,
			])
		},
	)

	test.each(['', ' ', 'a b', 'a:', ':path', 'a\r\nb', 'a\n', 'ä', 'a(b)', 'a"', '/a', 'a\u0000'])(
		'%j is no name',
		(name) => {
			const message = 'must be an HTTP field name (RFC 9110 token)'
			expect(judge(side, named(name))).toEqual([
				`set[0].name: ${message}`,
				`add[0].name: ${message}`,
				`remove[0]: ${message}`,
			])
		},
	)

	test.each([
		'a\r\nset-cookie: b=c',
		'a\nb',
		'a\r',
		'\na',
		'a\u0000',
		'a\u007f',
		'\u001b[0m',
		'ä',
		'日',
		' a',
		'a ',
		'\t',
	])('%j is no value', (value) => {
		const message =
			'must be printable US-ASCII, with spaces and tabs only between other characters (RFC 9110 field value)'
		const field = { name: 'a', value }
		expect(judge(side, { set: [field], add: [field] })).toEqual([
			`set[0].value: ${message}`,
			`add[0].value: ${message}`,
		])
	})

	test.each(['a', 'a  b', 'a\tb', '!~', 'a, "b"; q=0.1'])('%j is a value', (value) => {
		expect(judge(side, { set: [{ name: 'a', value }] })).toEqual([])
	})

	test('values have 1 to 4,096 characters, lists at most 16 entries', () => {
		expect(judge(side, { set: [{ name: 'a', value: '' }] })).toEqual([
			'set[0].value: must be at least 1 character long',
		])
		expect(judge(side, { add: [{ name: 'a', value: 'x'.repeat(4_096) }] })).toEqual([])
		expect(judge(side, { add: [{ name: 'a', value: 'x'.repeat(4_097) }] })).toEqual([
			'add[0].value: must be at most 4,096 characters long',
		])
		const many = (n: number) => {
			const fields = times(n, (i) => ({ name: `a${i}`, value: 'x' }))
			return { set: fields, add: fields, remove: fields.map(({ name }) => name) }
		}
		expect(judge(side, many(16))).toEqual([])
		expect(judge(side, many(17))).toEqual(
			['set', 'add', 'remove'].map((list) => `${list}: must have at most 16 entries`),
		)
	})
})

test('a request cannot claim what only the platform or the mesh may say', () => {
	const [host, address, caller] = requestOnly.map((name) => judge('request', { set: [{ name, value: 'x' }] })[0])
	expect(host).toBe(
		"set[0].name: must not be 'host': a Worker cannot choose it; URLRewrite's hostname reaches the backend as X-Forwarded-Host",
	)
	expect(address).toBe("set[0].name: must not be 'cf-connecting-ip': it is the platform's word on who the client is")
	expect(caller).toBe("set[0].name: must not be 'selvedge-caller': it is the mesh's own word on who calls")
	expect(requestOnly.flatMap((name) => judge('request', { remove: [name.toUpperCase()] }))).toHaveLength(3)
	expect(requestOnly.flatMap((name) => judge('response', { remove: [name] }))).toEqual([])
})

test('of several entries with an equivalent name only the first counts', () => {
	const fields = ['1', '2', '3'].map((value, i) => ({ name: ['Version', 'version', 'Other'][i]!, value }))
	const edits = RequestHeaderEdits.parse({ set: fields, add: fields, remove: fields.map(({ name }) => name) })
	expect(edits.set.map(({ value }) => value)).toEqual(['1', '3'])
	expect(edits.add.map(({ value }) => value)).toEqual(['1', '3'])
	expect(edits.remove).toEqual(['Version', 'Other'])
})
