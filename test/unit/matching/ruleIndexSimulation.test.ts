/** The rule index against a matcher that reads like the specification, over random routes and requests. */
import { describe, expect, it } from 'vitest'
import {
	addCandidate,
	createRuleIndex,
	findCandidate,
	indexesFor,
	removeCandidate,
} from '../../../src/matching/ruleIndex.ts'
import { seeded } from '../../random.ts'
import { candidatesOf, randomFacts, randomHost, randomRoute } from './randomRoutes.ts'
import { type SpecRoute, specWinner } from './specMatcher.ts'

const SETS = 200
const REQUESTS = 100

/** A set of routes whose index is kept up to date as they come and go. */
function changingRoutes() {
	const index = createRuleIndex<string>()
	const held = new Map<SpecRoute, ReturnType<typeof candidatesOf>>()
	return {
		routes: () => [...held.keys()],
		add(route: SpecRoute) {
			const candidates = candidatesOf(route)
			held.set(route, candidates)
			for (const { hostname, candidate } of candidates) addCandidate(index, hostname, candidate)
		},
		remove(route: SpecRoute) {
			for (const { hostname, candidate } of held.get(route)!) removeCandidate(index, hostname, candidate)
			held.delete(route)
		},
		winner: (host: string, facts: Parameters<typeof specWinner>[2]) =>
			findCandidate(indexesFor(index, host), facts)?.value,
		isEmpty: () => index.hostnames.size === 0,
	}
}

describe('the rule index', () => {
	it('finds what the specification finds, while routes come and go in any order', () => {
		let hits = 0
		for (let seed = 1; seed <= SETS; seed++) {
			const random = seeded(seed)
			const mesh = changingRoutes()
			for (let request = 0; request < REQUESTS; request++) {
				const routes = mesh.routes()
				if (routes.length < 2 || random() < 0.3) mesh.add(randomRoute(random, request))
				else if (random() < 0.25) mesh.remove(routes[Math.floor(random() * routes.length)]!)
				const host = randomHost(random)
				const facts = randomFacts(random)
				const expected = specWinner(mesh.routes(), host, facts)
				if (expected !== undefined) hits++
				expect(mesh.winner(host, facts), `seed ${seed}, request ${request}: ${facts.path} on ${host}`).toBe(expected)
			}
		}
		expect(hits, 'requests that some route matches').toBeGreaterThan((SETS * REQUESTS) / 4)
	})

	it('holds nothing once every route is gone', () => {
		for (let seed = 1; seed <= 20; seed++) {
			const random = seeded(seed)
			const mesh = changingRoutes()
			for (let i = 0; i < 20; i++) mesh.add(randomRoute(random, i))
			for (const route of mesh.routes().sort(() => random() - 0.5)) mesh.remove(route)
			expect(mesh.isEmpty(), `seed ${seed}`).toBe(true)
		}
	})
})
