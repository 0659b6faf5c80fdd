/** Which requirements on labels make sense. */
import { expect, test } from 'vitest'
import { LabelSelector } from '../../../src/resources/labelSelector.ts'

test.each([
	[{}, []],
	[{ matchLabels: { a: 'b' }, matchExpressions: [{ key: 'c', operator: 'In', values: ['d'] }] }, []],
	[{ matchExpressions: [{ key: 'c', operator: 'Exists' }] }, []],
	[{ matchExpressions: [{ key: 'c', operator: 'In' }] }, ['must have a value for operator In']],
	[{ matchExpressions: [{ key: 'c', operator: 'NotIn', values: [] }] }, ['must have a value for operator NotIn']],
	[
		{ matchExpressions: [{ key: 'c', operator: 'DoesNotExist', values: ['d'] }] },
		['must be left out for operator DoesNotExist'],
	],
])('a requirement has values exactly when its operator compares: %j', (selector, expected) => {
	expect(LabelSelector.safeParse(selector).error?.issues.map(({ message }) => message) ?? []).toEqual(expected)
})
