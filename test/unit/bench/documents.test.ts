/** The resources and requests of the bench: what is asked must be what is there, at every size. */
import { describe, expect, test } from 'vitest'
import {
	batches,
	gateway,
	ruleMatch,
	ruleRequests,
	ruleRoutes,
	serviceRequests,
} from '../../../scripts/bench/documents.ts'

const matches = (index: number, path: string): boolean => {
	const { type, value } = ruleMatch(index).path
	return type === 'Exact' ? path === value : path === value || path.startsWith(`${value}/`)
}

describe.each([1, 10, 1_000, 4_000])('with %d rules', (count) => {
	const requests = ruleRequests(count, 1_000)

	test('each request matches exactly one rule', () => {
		const indexes = Array.from({ length: count }, (_, i) => i)
		for (const { path } of requests.filter((_, i) => i % 37 === 0)) {
			expect(
				indexes.filter((index) => matches(index, path)),
				path,
			).toHaveLength(1)
		}
	})

	test('requests reach the first and the last tenth of the rules', () => {
		const tenth = Math.max(1, Math.floor(count / 10))
		const some = (from: number): boolean =>
			requests.some(({ path }) => Array.from({ length: tenth }, (_, i) => from + i).some((i) => matches(i, path)))
		expect(some(0)).toBe(true)
		expect(some(count - tenth)).toBe(true)
	})

	test('the routes hold every rule once, and no route more than Gateway API allows', () => {
		const sizes = ruleRoutes(count, 'backend').map((route) => (route.spec as { rules: unknown[] }).rules.length)
		expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(count)
		expect(Math.max(...sizes)).toBeLessThanOrEqual(16)
	})
})

test.each([
	[1, 1],
	[40, 40],
	[100, 100],
	[100_000, 100],
])('of %d services, requests go to %d', (count, asked) => {
	const hosts = new Set(serviceRequests(count, 100, 'mesh.localhost').map(({ host }) => host))
	expect(hosts.size).toBe(asked)
	for (const host of hosts) expect(Number(/^service-(\d+)\.mesh\.localhost$/.exec(host)?.[1])).toBeLessThan(count)
})

test('a Gateway has one listener for each host, with a name of its own', () => {
	const { listeners } = gateway('a.example', 'b.example').spec as { listeners: { name: string; hostname: string }[] }
	expect(listeners.map(({ hostname }) => hostname)).toEqual(['a.example', 'b.example'])
	expect(new Set(listeners.map(({ name }) => name)).size).toBe(2)
})

describe('batches', () => {
	const documents = Array.from({ length: 25 }, (_, i) => ({ i, filler: 'x'.repeat(i) }))

	test('hold every document once, in order', () => {
		expect(batches(documents, 90, 4).flatMap((body) => JSON.parse(body) as unknown[])).toEqual(documents)
	})

	test.each([
		[90, 100],
		[10_000, 4],
	])('hold at most %d bytes beside the brackets, and %d documents', (maxBytes, maxDocuments) => {
		for (const body of batches(documents, maxBytes, maxDocuments)) {
			expect(body.length).toBeLessThanOrEqual(maxBytes + 2)
			expect((JSON.parse(body) as unknown[]).length).toBeLessThanOrEqual(maxDocuments)
		}
	})

	test('of nothing are none', () => {
		expect(batches([], 200, 4)).toEqual([])
	})
})
