/** How the place of a mistake is written. */
import { expect, test } from 'vitest'
import { formatPath } from '../../../src/resources/documentError.ts'

test.each([
	[[], ''],
	[['spec', 'rules', 0, 'matches', 1, 'path', 'value'], 'spec.rules[0].matches[1].path.value'],
	[['metadata', 'labels', 'a.b/c'], 'metadata.labels["a.b/c"]'],
	[['metadata', 'labels', 'app-name'], 'metadata.labels.app-name'],
	[['x', '"]'], 'x["\\"]"]'],
	[[0, 'a'], '[0].a'],
])('writes %j as %s', (path, text) => {
	expect(formatPath(path)).toBe(text)
})
