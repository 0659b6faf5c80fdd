/** How rules may name backends. */
import { expect, test } from 'vitest'
import { BackendRef } from '../../../src/resources/backendRef.ts'
import { problems, route } from './fixtures.ts'

test('a backendRef is a Service of weight 1 unless it says otherwise, and needs no port', () => {
	expect(BackendRef.parse({ name: 'a' })).toEqual({ group: '', kind: 'Service', name: 'a', weight: 1, filters: [] })
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
