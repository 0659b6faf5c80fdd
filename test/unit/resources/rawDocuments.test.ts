/** How a request falls into documents. */
import { expect, test } from 'vitest'
import { readDocuments } from '../../../src/resources/rawDocuments.ts'

const read = (value: unknown) => {
	const { documents, errors } = readDocuments(JSON.stringify(value), 'json')
	return {
		documents: documents.map(({ number, prefix, value }) => [number, prefix, value]),
		errors: errors.map(({ document, path, message }) => `${document} ${path}: ${message}`),
	}
}

test('a JSON object is one document, an array is one for each entry', () => {
	expect(read({ a: 1 }).documents).toEqual([[1, [], { a: 1 }]])
	expect(read([{ a: 1 }, { b: 2 }]).documents).toEqual([
		[1, [], { a: 1 }],
		[2, [], { b: 2 }],
	])
	expect(readDocuments(' \n', 'json')).toEqual({ documents: [], errors: [] })
})

test('a Kubernetes List stands for its items', () => {
	const list = {
		apiVersion: 'v1',
		kind: 'List',
		metadata: { resourceVersion: '' },
		items: [{ kind: 'A' }, { kind: 'B' }],
	}
	expect(read([list]).documents).toEqual([
		[1, ['items', 0], { kind: 'A' }],
		[1, ['items', 1], { kind: 'B' }],
	])
})

test('the items of a typed list are what the list says, unless they say it themselves', () => {
	const list = { apiVersion: 'g/v1', kind: 'HTTPRouteList', items: [{ x: 1 }, { kind: 'B' }] }
	expect(read(list).documents).toEqual([
		[1, ['items', 0], { apiVersion: 'g/v1', kind: 'HTTPRoute', x: 1 }],
		[1, ['items', 1], { apiVersion: 'g/v1', kind: 'B' }],
	])
})

const mapping = 'must be a mapping with apiVersion, kind and metadata'
test.each([
	['text', [`1 : ${mapping}`]],
	[null, [`1 : ${mapping}`]],
	[
		[{}, [], null, 3],
		[`2 : ${mapping}`, `3 : ${mapping}`, `4 : ${mapping}`],
	],
	[{ kind: 'List' }, ['1 items: must be a list']],
	[{ kind: 'List', items: [1] }, [`1 items[0]: ${mapping}`]],
	[
		{ kind: 'List', items: [], x: 1 },
		['1 x: is not a field of a List; must be one of apiVersion, kind, metadata, items'],
	],
])('refuses what is no document: %j', (value, errors) => {
	expect(read(value).errors).toEqual(errors)
})

test('broken JSON is one error with its line', () => {
	expect(readDocuments('{\n"a": 1,\n}', 'json').errors).toMatchObject([
		{ document: 1, path: '', message: expect.stringContaining('must be JSON: '), line: 3 },
	])
})

test('10,000 documents are the most, in a List too', () => {
	const documents = (n: number) => Array.from({ length: n }, () => ({}))
	const limit = { document: 1, path: '', message: 'must be one of at most 10,000 documents in a request' }
	expect(readDocuments(JSON.stringify(documents(10_000)), 'json').documents).toHaveLength(10_000)
	expect(readDocuments(JSON.stringify(documents(10_001)), 'json')).toEqual({
		documents: [],
		errors: [{ ...limit, document: 10_001 }],
	})
	const list = { kind: 'List', items: documents(10_001) }
	expect(readDocuments(JSON.stringify(list), 'json')).toEqual({ documents: [], errors: [limit] })
	expect(readDocuments('a: 1\n---\n'.repeat(10_002), 'yaml').documents).toEqual([])
})
