/** The sentences about mistakes. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import { formatPath, type Problem } from '../../../src/resources/documentError.ts'
import { parse } from '../../../src/resources/problems.ts'
import { notOffered, unsupported } from '../../../src/resources/unsupported.ts'

const schema = z
	.strictObject({
		text: z.string().min(2).max(3).optional(),
		count: z.int().min(1).optional(),
		flag: z.boolean().optional(),
		list: z.array(z.string()).min(1).optional(),
		map: z.record(z.string(), z.string()).optional(),
		one: z.literal('x').optional(),
		some: z.enum(['a', 'b']).optional(),
	})
	.register(unsupported, { later: notOffered('later') })
	.refine(() => true)

const written = ({ path, message, reason }: Problem) =>
	`${formatPath(path)}: ${message}${reason === undefined ? '' : ` [${reason}]`}`

test.each([
	[{ text: 1 }, 'text: must be a string, in quotes'],
	[{ text: [] }, 'text: must be a string'],
	[{ text: 'a' }, 'text: must be at least 2 characters long'],
	[{ text: 'abcd' }, 'text: must be at most 3 characters long'],
	[{ count: 0 }, 'count: must be at least 1'],
	[{ count: 1.5 }, 'count: must be a whole number'],
	[{ count: 'a' }, 'count: must be a number'],
	[{ flag: 'yes' }, 'flag: must be true or false'],
	[{ list: {} }, 'list: must be a list'],
	[{ list: [] }, 'list: must have at least 1 entry'],
	[{ list: [null] }, 'list[0]: must be a string'],
	[{ map: [] }, 'map: must be a mapping'],
	[{ one: 'y' }, 'one: must be x'],
	[{ some: 'y' }, 'some: must be one of a, b [UnsupportedValue]'],
	[{ later: 1 }, "later: this mesh does not support 'later' yet"],
	[{ other: 1 }, 'other: is not a field here; must be one of text, count, flag, list, map, one, some'],
	[{ other: null }, 'other: is not a field here; must be one of text, count, flag, list, map, one, some'],
	[[], ': must be a mapping'],
])('says what would be right instead of %j', (value, expected) => {
	const result = parse(schema, value)
	expect(result.ok ? [] : result.error.map(written)).toEqual([expected])
})

test('a known field that is null is absent', () => {
	expect(parse(schema, { text: null, list: ['a'] })).toEqual({ ok: true, value: { list: ['a'] } })
})

const source = z
	.strictObject({ users: z.array(z.string()).optional(), groups: z.array(z.string()).optional() })
	.refine((fields) => Object.keys(fields).length > 0, 'leave it out for everybody')
test.each([
	[{}, ['source: leave it out for everybody']],
	[{ groups: null }, ['source: leave it out for everybody']],
	[{ user: ['a'] }, ['source.user: is not a field here; must be one of users, groups']],
	[{ user: null }, ['source.user: is not a field here; must be one of users, groups']],
])('advises nobody to leave out what has a misspelt field: %j', (value, expected) => {
	const result = parse(z.strictObject({ source }), { source: value })
	expect(result.ok ? [] : result.error.map(written)).toEqual(expected)
})

test('names every unknown field, and says of the first hundred what would be right', () => {
	const result = parse(schema, Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`k${i}`, 1])))
	const messages = result.ok ? [] : result.error.map(({ message }) => message)
	expect([messages.length, messages.filter((message) => message.includes('must be one of')).length]).toEqual([120, 100])
})

const shapes = z.strictObject({
	shape: z.discriminatedUnion('type', [
		z.strictObject({ type: z.literal('circle'), radius: z.number() }),
		z.strictObject({ type: z.literal('square'), side: z.number() }),
	]),
})
test.each([
	[{ type: 'circle', radius: 1 }, []],
	[{ type: 'oval' }, ['shape.type: must be one of circle, square [UnsupportedValue]']],
	[{ type: 1 }, ['shape.type: must be one of circle, square [UnsupportedValue]']],
	[{}, ['shape.type: is required']],
	[{ type: null }, ['shape.type: is required']],
	[1, ['shape: must be a mapping']],
	[
		{ type: 'circle', side: 1 },
		['shape.radius: is required', 'shape.side: is not a field here; must be one of type, radius'],
	],
])('holds what names its type to the fields of that type: %j', (shape, expected) => {
	const result = parse(shapes, { shape })
	expect(result.ok ? [] : result.error.map(written)).toEqual(expected)
})

test('a value that is none of those offered has the reason that Gateway API gives it; what is missing has none', () => {
	const choice = z.strictObject({ one: z.literal('x'), some: z.enum(['a', 'b']), more: z.literal([1, 2]) })
	const of = (value: unknown) => {
		const result = parse(choice, value)
		return result.ok ? [] : result.error.map(({ reason }) => reason)
	}
	expect(of({ one: 'y', some: 'c', more: 3 })).toEqual([undefined, 'UnsupportedValue', 'UnsupportedValue'])
	expect(of({})).toEqual([undefined, undefined, undefined])
})
