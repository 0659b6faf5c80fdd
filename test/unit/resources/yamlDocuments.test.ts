/** How YAML is read. */
import { expect, test } from 'vitest'
import { readYaml } from '../../../src/resources/yamlDocuments.ts'

const read = (text: string, max = 100) => {
	const { values, errors } = readYaml(text, max)
	return {
		values: values.map(({ number, value }) => [number, value]),
		errors: errors.map(({ document, message, line }) => `${document}:${line ?? '-'} ${message}`),
	}
}

test('empty documents are skipped, and counted', () => {
	const text = '# first\n---\n---\na: 1\n---\n# nothing\n---\nb: 2\n'
	expect(read(text)).toEqual({
		values: [
			[2, { a: 1 }],
			[4, { b: 2 }],
		],
		errors: [],
	})
	expect(read('')).toEqual({ values: [], errors: [] })
})

test('scalars are those of YAML 1.2, whatever the text asks for', () => {
	const text = '%YAML 1.1\n---\na: yes\nb: 012\nc: 2020-01-01\nd: "1"\ne: ~\n1: x\n'
	expect(read(text).values).toEqual([[1, { 1: 'x', a: 'yes', b: 12, c: '2020-01-01', d: '1', e: null }]])
})

test.each([
	['a: 1\nb: 2\na: 3', ['1:3 must be YAML: Map keys must be unique (line 3, column 1)']],
	['\n\ta: 1', ['1:2 must be YAML: Tabs are not allowed as indentation (line 2, column 1)']],
	['a: !!binary aGk=', ['1:1 must be YAML: Unresolved tag: tag:yaml.org,2002:binary (line 1, column 4)']],
	['a: !x b', ['1:1 must be YAML: Unresolved tag: !x (line 1, column 4)']],
	['? [a]\n: b', ['1:1 must be YAML: With stringKeys, all keys must be strings (line 1, column 3)']],
	['a: *b', ['1:- must be YAML: Unresolved alias (the anchor must be set before the alias): b']],
])('refuses %j and says where', (text, errors) => {
	expect(read(text)).toEqual({ values: [], errors })
})

test('a broken document does not hide the others', () => {
	const { values, errors } = read('a: 1\n---\nb: [\n---\nc: 3')
	expect(values).toEqual([
		[1, { a: 1 }],
		[3, { c: 3 }],
	])
	expect(errors).toHaveLength(1)
})

test('aliases work, but cannot multiply a small text into a large value', () => {
	expect(read('a: &x {b: 1}\nc: *x').values).toEqual([[1, { a: { b: 1 }, c: { b: 1 } }]])
	const laughs = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
	for (let i = 1; i < 8; i++)
		laughs.push(
			`a${i}: &a${i} [${Array(10)
				.fill(`*a${i - 1}`)
				.join(', ')}]`,
		)
	expect(read(laughs.join('\n'))).toEqual({
		values: [],
		errors: ['1:- must be YAML: Excessive alias count indicates a resource exhaustion attack'],
	})
})

test('endless nesting is an error, not an overflow', () => {
	const { values, errors } = read('['.repeat(50_000))
	expect(values).toEqual([])
	expect(errors[0]).toContain('nesting is too deep')
	expect(errors.length).toBeLessThanOrEqual(5)
})

test('reading stops one document after the limit', () => {
	expect(read('a: 1\n---\n'.repeat(50), 3).values).toHaveLength(4)
})

test('a field is found by its path, a missing one by what should hold it', () => {
	const text = '# top\nkind: x\nspec:\n  rules:\n    - a: 1\n      b: 2\n    - {c: 3}\n'
	const lineOf = readYaml(text, 1).values[0]!.lineOf!
	expect([[], ['kind'], ['spec'], ['spec', 'rules', 0, 'b'], ['spec', 'rules', 1, 'c']].map(lineOf)).toEqual([
		2, 2, 3, 6, 7,
	])
	expect([['spec', 'rules', 0, 'z'], ['spec', 'z'], ['z'], ['kind', 0]].map(lineOf)).toEqual([5, 3, 2, 2])
})
