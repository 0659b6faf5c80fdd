/** The page of results: generated blocks come and go, what people wrote stays. */
import { describe, expect, test } from 'vitest'
import { replaceBlock, table } from '../../../scripts/bench/report.ts'

describe('replacing a block', () => {
	const page =
		'Title\n\n<!-- bench:a -->\nold\n<!-- /bench:a -->\n\nA note.\n\n<!-- bench:c -->\nkept\n<!-- /bench:c -->\n'

	test('leaves everything outside its markers as it was', () => {
		expect(replaceBlock(page, 'a', 'new')).toBe(page.replace('old', 'new'))
	})

	test('may be done again and again', () => {
		expect(replaceBlock(replaceBlock(page, 'a', 'new'), 'a', 'new')).toBe(replaceBlock(page, 'a', 'new'))
	})

	test('keeps dollar signs, which replacement patterns would eat', () => {
		expect(replaceBlock(page, 'a', '$& $1')).toContain('\n$& $1\n')
	})

	test('adds a block that the page does not have', () => {
		expect(replaceBlock(page, 'b', 'new')).toBe(`${page.trimEnd()}\n\n<!-- bench:b -->\nnew\n<!-- /bench:b -->\n`)
	})
})

test('a table is aligned by its widest cells, so that formatting the page changes nothing', () => {
	expect(table(['what', 'b'], [['1', '1.36 (1–2)']])).toBe(
		'| what | b          |\n| ---- | ---------- |\n| 1    | 1.36 (1–2) |',
	)
})
