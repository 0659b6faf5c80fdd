/** How routes may name parents. */
import { expect, test } from 'vitest'
import { ParentRef } from '../../../src/resources/references.ts'
import { problems, route } from './fixtures.ts'

test('a parentRef is a Gateway unless it says otherwise', () => {
	const gateway = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'a' }
	expect(ParentRef.parse({ name: 'a' })).toEqual(gateway)
	const service = { group: '', kind: 'Service', name: 'a', namespace: 'shop', port: 80, sectionName: 'web' }
	expect(ParentRef.parse(service)).toEqual(service)
})

const same = 'spec.parentRefs[1]: must differ from the other parentRefs to the same parent in sectionName or port'
const unequal =
	'spec.parentRefs[1]: must set sectionName and port where parentRef 0, which names the same parent, sets them'
test.each([
	[[{ name: 'a' }, { name: 'b' }], []],
	[[{ name: 'a' }, { name: 'a', namespace: 'shop' }], []],
	[[{ name: 'a' }, { name: 'a', kind: 'Service', group: '' }], []],
	[
		[
			{ name: 'a', sectionName: 'x' },
			{ name: 'a', sectionName: 'y' },
		],
		[],
	],
	[
		[
			{ name: 'a', port: 80 },
			{ name: 'a', port: 81 },
		],
		[],
	],
	[
		[
			{ name: 'a', sectionName: 'x', port: 80 },
			{ name: 'a', sectionName: 'x', port: 81 },
		],
		[],
	],
	[[{ name: 'a' }, { name: 'a' }], [same]],
	[[{ name: 'a' }, { name: 'a', kind: 'Gateway' }], [same]],
	[
		[
			{ name: 'a', sectionName: 'x' },
			{ name: 'a', sectionName: 'x' },
		],
		[same],
	],
	[[{ name: 'a' }, { name: 'a', sectionName: 'x' }], [unequal]],
	[
		[
			{ name: 'a', sectionName: 'x' },
			{ name: 'a', port: 80 },
		],
		[unequal],
	],
])('parentRefs must be distinct: %j', (parentRefs, expected) => {
	expect(problems(route({ parentRefs }))).toEqual(expected)
})
