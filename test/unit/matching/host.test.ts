/** Hostname patterns: which of them a host matches, in which order, and which of them overlap. */
import { describe, expect, it } from 'vitest'
import { hostMatches, hostsIntersect, patternsFor } from '../../../src/matching/host.ts'

/** Every name of one to `depth` labels over a small alphabet. */
function names(depth: number): string[] {
	const labels = ['a', 'b', 'ab']
	if (depth === 1) return labels
	return [...labels, ...names(depth - 1).flatMap((rest) => labels.map((label) => `${label}.${rest}`))]
}

const hosts = [...new Set(names(4))]
const patterns = [...new Set(names(2))].flatMap((name) => [name, `*.${name}`]).concat('*')

describe('patternsFor', () => {
	it.each([
		['a.b.c', ['a.b.c', '*.b.c', '*.c', '*']],
		['localhost', ['localhost', '*']],
		['', ['', '*']],
	])('of %j is %j, the most specific first', (host, expected) => {
		expect(patternsFor(host)).toEqual(expected)
	})

	it('names exactly the patterns that match, for every host of a small world', () => {
		for (const host of hosts) {
			const named = new Set(patternsFor(host))
			for (const pattern of patterns)
				expect(named.has(pattern), `${pattern} for ${host}`).toBe(hostMatches(pattern, host))
		}
	})
})

describe('hostMatches', () => {
	it.each([
		['example.com', 'example.com', true],
		['example.com', 'a.example.com', false],
		['*.example.com', 'test.example.com', true],
		['*.example.com', 'foo.test.example.com', true],
		['*.example.com', 'example.com', false],
		['*.example.com', '.example.com', false],
		['*.example.com', 'testexample.com', false],
		['*.example.com', 'test.example.com.evil.org', false],
		['*', 'anything.at.all', true],
		['*', '', true],
	])('%j and %j: %s', (pattern, host, expected) => {
		expect(hostMatches(pattern, host)).toBe(expected)
	})
})

describe('hostsIntersect', () => {
	it.each([
		['a.example.com', 'a.example.com', true],
		['a.example.com', 'b.example.com', false],
		['*.example.com', 'a.example.com', true],
		['*.example.com', 'example.com', false],
		['*.example.com', '*.com', true],
		['*.example.com', '*.a.example.com', true],
		['*.example.com', '*.notexample.com', false],
		['*.example.com', '*.example.org', false],
		['*', 'a.example.com', true],
		['*', '*.com', true],
	])('%j and %j: %s, either way round', (a, b, expected) => {
		expect(hostsIntersect(a, b)).toBe(expected)
		expect(hostsIntersect(b, a)).toBe(expected)
	})

	it('holds exactly when some host matches both, for every pair of patterns of a small world', () => {
		for (const a of patterns)
			for (const b of patterns) {
				const shared = hosts.some((host) => hostMatches(a, host) && hostMatches(b, host))
				expect(hostsIntersect(a, b), `${a} and ${b}`).toBe(shared)
			}
	})
})
