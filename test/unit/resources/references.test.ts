/** How routes may name parents and backends. */
import { expect, test } from 'vitest'
import { BackendRef, ParentRef } from '../../../src/resources/references.ts'
import { problems, route } from './fixtures.ts'

test('a parentRef is a Gateway unless it says otherwise', () => {
	const gateway = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'a' }
	expect(ParentRef.parse({ name: 'a' })).toEqual(gateway)
	const service = { group: '', kind: 'Service', name: 'a', namespace: 'shop', port: 80, sectionName: 'web' }
	expect(ParentRef.parse(service)).toEqual(service)
})

test('a backendRef is a Service of weight 1 unless it says otherwise, and needs no port', () => {
	expect(BackendRef.parse({ name: 'a' })).toEqual({ group: '', kind: 'Service', name: 'a', weight: 1 })
	expect(BackendRef.safeParse({ name: 'a', weight: 0, port: 65_535 }).success).toBe(true)
})

test.each([
	[{ weight: 1_000_001 }, 'weight: must be at most 1,000,000'],
	[{ weight: -1 }, 'weight: must be at least 0'],
	[{ port: 0 }, 'port: must be at least 1'],
	[{ port: 65_536 }, 'port: must be at most 65,535'],
	[{ port: '80' }, 'port: must be a number'],
	[{ name: '' }, 'name: must be at least 1 character long'],
	[{ name: 'a'.repeat(254) }, 'name: must be at most 253 characters long'],
	[{ kind: '1' }, "kind: must be letters, digits and '-', beginning with a letter and ending with a letter or digit"],
	[
		{ group: 'A' },
		"group: must be empty or an API group: it must be lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit (RFC 1123 subdomain)",
	],
	[{ namespace: 'a--b' }, "namespace: must not contain '--', which joins service and namespace in mesh hosts"],
])('refuses a backendRef with %j', (fields, problem) => {
	expect(problems(route({ rules: [{ backendRefs: [{ name: 'a', ...fields }] }] }))).toEqual([
		`spec.rules[0].backendRefs[0].${problem}`,
	])
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
