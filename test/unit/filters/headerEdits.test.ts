/** Header modifiers: what is set, added and removed, in which order. */
import { describe, expect, it } from 'vitest'
import { compileHeaderEdits } from '../../../src/filters/headerEdits.ts'
import type { HeaderEdits } from '../../../src/snapshot/filters.ts'

/** Values joined as `Headers` joins the lines of a field. */
const edited = (edits: HeaderEdits, before: Record<string, string>) => {
	const headers = new Headers(before)
	compileHeaderEdits(edits)(headers)
	return Object.fromEntries(headers)
}

describe('header edits', () => {
	it.each<[string, HeaderEdits, Record<string, string>, Record<string, string>]>([
		['set a field that is not there', { set: [['x-a', '1']] }, { other: 'o' }, { other: 'o', 'x-a': '1' }],
		['set a field in place of what is there', { set: [['X-A', '1']] }, { 'x-a': 'old' }, { 'x-a': '1' }],
		[
			'set the last of two values for a name',
			{
				set: [
					['x-a', '1'],
					['X-A', '2'],
				],
			},
			{},
			{ 'x-a': '2' },
		],
		['add a field that is not there', { add: [['x-a', '1']] }, {}, { 'x-a': '1' }],
		['add to a field that is there', { add: [['X-A', '2']] }, { 'x-a': '1' }, { 'x-a': '1, 2' }],
		[
			'add several values to one name',
			{
				add: [
					['x-a', '1'],
					['x-a', '2'],
				],
			},
			{},
			{ 'x-a': '1, 2' },
		],
		['remove a field, however it is written', { remove: ['X-A'] }, { 'x-a': '1', 'x-b': '2' }, { 'x-b': '2' }],
		['remove a field that is not there', { remove: ['x-a'] }, { 'x-b': '2' }, { 'x-b': '2' }],
		['keep an empty value', { set: [['x-a', '']] }, {}, { 'x-a': '' }],
		['do nothing when there are none', {}, { 'x-a': '1' }, { 'x-a': '1' }],
		['add to what they set', { set: [['x-a', '1']], add: [['x-a', '2']] }, { 'x-a': '0' }, { 'x-a': '1, 2' }],
		['remove what they set and added', { set: [['x-a', '1']], add: [['x-b', '2']], remove: ['x-a', 'x-b'] }, {}, {}],
	])('%s', (_, edits, before, after) => expect(edited(edits, before)).toEqual(after))

	it('add a line, and fold nothing into the lines that are there', () => {
		const headers = new Headers([['set-cookie', 'a=1']])
		compileHeaderEdits({ add: [['Set-Cookie', 'b=2']] })(headers)
		expect(headers.getSetCookie()).toEqual(['a=1', 'b=2'])
	})

	it('are the same for every request', () => {
		const edit = compileHeaderEdits({ set: [['x-a', '1']], add: [['x-b', '2']], remove: ['x-c'] })
		for (let i = 0; i < 3; i++) {
			const headers = new Headers({ 'x-c': String(i) })
			edit(headers)
			expect(Object.fromEntries(headers)).toEqual({ 'x-a': '1', 'x-b': '2' })
		}
	})
})
