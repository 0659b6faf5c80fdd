/** The limits of names, hosts and labels. */
import { expect, test } from 'vitest'
import { Hostname, LabelName, QualifiedName, SubdomainName } from '../../../src/resources/scalars.ts'

const label63 = 'a'.repeat(63)
test.each([
	['a host', Hostname, ['a', 'a.example.com', '*.example.com', '1.example', `${label63}.net`, 'a1']],
	['a label', LabelName, ['a', 'a-b', '0', label63]],
	['a subdomain', SubdomainName, ['a', 'a.b', 'a--b', '0.1', `${label63}${label63}`]],
	['a qualified name', QualifiedName, ['a', 'A_b.c', 'a.b/c', `${'a.'.repeat(126)}a/b`]],
])('takes what is %s', (_, schema, good) => {
	expect(good.filter((value) => !schema.safeParse(value).success)).toEqual([])
})

test.each([
	[
		'a host',
		Hostname,
		['', '*', 'A.com', 'a.*.com', '*a.com', '*.', '.a', 'a.', 'a..b', '-a', 'a_b', `${label63}a.net`, 'a:80', 'a/b']
			.concat(['1.2.3.4', '127.1', '*.2.3.4', 'a.0x7f', '[::1]', '::1', 'ä.de', 'a.net\n'])
			.concat([`${'a.'.repeat(126)}aa`]),
	],
	['a label', LabelName, ['', 'A', 'a.b', '-a', 'a-', 'a--b', `${label63}a`, 'a/b', 'a\n']],
	['a subdomain', SubdomainName, ['', 'A', '.a', 'a.', 'a..b', 'a/b', 'a'.repeat(254)]],
	['a qualified name', QualifiedName, ['', '/a', 'a/', 'a/b/c', 'A/b', '-', `${'a.'.repeat(126)}aa/b`, `${label63}a`]],
])('refuses what is not %s', (_, schema, bad) => {
	expect(bad.filter((value) => schema.safeParse(value).success)).toEqual([])
})
