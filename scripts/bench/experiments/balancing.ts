/** What choosing among a service's endpoints costs by itself, in Node, and what an isolate keeps of each endpoint. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { servicePart, virtualHostPart } from '../../../src/names.ts'
import { admit, type Exchange } from '../../../src/proxy/exchange.ts'
import { applyAnswer, createRoutingTable, type RoutingTable } from '../../../src/proxy/knowledge/routingTable.ts'
import { pickEndpoint } from '../../../src/proxy/stages/pick.ts'
import type { Endpoint, Part, PartBody } from '../../../src/snapshot/snapshot.ts'
import type { Balancer, HashKey, LocalityRules, TrafficRules } from '../../../src/snapshot/trafficPolicy.ts'
import { BENCH_HOST } from '../documents.ts'
import { MESH_DOMAIN } from '../mesh.ts'
import { fixed, ranged, table } from '../report.ts'
import { median, spread } from '../statistics.ts'
import type { Experiment } from './experiment.ts'

const SIZES = [10, 100, 10_000]
const CHOICES = 200_000
const REVIEWS = 20
const NOW = 1_800_000_000_000
const REGION = 'weur'
const SERVICE = 'default/backend'
/** The budget. */
const MOST_NANOS = 2_000

const key: HashKey = { from: 'header', name: 'x-user' }
const p2c: Balancer = { type: 'LeastRequest', choices: 2 }
const locality: LocalityRules = { failover: ['eeur', 'enam'], others: 'last', overflowBelow: 0.7 }

interface Case {
	readonly traffic: TrafficRules
	/** Every third endpoint is heavier. */
	readonly isUneven?: true
	/** One in ten is ejected. */
	readonly someEjected?: true
}

const CASES: Readonly<Record<string, Case>> = {
	'round robin': { traffic: { balancer: { type: 'RoundRobin' } } },
	random: { traffic: { balancer: { type: 'Random' } } },
	'random, weights': { traffic: { balancer: { type: 'Random' } }, isUneven: true },
	'least request (P2C)': { traffic: { balancer: p2c } },
	'least request, weights': { traffic: { balancer: p2c }, isUneven: true },
	'least request, a tenth ejected': { traffic: { balancer: p2c }, someEjected: true },
	'least request, localities': { traffic: { balancer: p2c, locality } },
	'peak EWMA (P2C)': { traffic: { balancer: { type: 'PeakEwma', choices: 2, decayMs: 10_000 } } },
	'ring hash': { traffic: { balancer: { type: 'RingHash', key, minimumRingSize: 1_024, maximumRingSize: 65_536 } } },
	Maglev: { traffic: { balancer: { type: 'Maglev', key, tableSize: 65_537 } } },
	'Maglev, a tenth ejected': { traffic: { balancer: { type: 'Maglev', key, tableSize: 65_537 } }, someEjected: true },
}

export const balancing: Experiment = async ({ options: { rounds } }) => {
	const costs = Object.entries(CASES).map(
		([name, one]) => [name, SIZES.map((size) => choiceCost(one, size, rounds))] as const,
	)
	const slow = costs.filter(([, each]) => each.some((nanos) => median(nanos) > MOST_NANOS)).map(([name]) => name)
	const endpoints = SIZES.map((size) => `${fixed(size)} endpoints`)
	return [
		table(
			['ns per choice', ...endpoints],
			costs.map(([name, each]) => [name, ...each.map((nanos) => ranged(spread(nanos), 0))]),
		),
		slow.length === 0 ? 'All are below the budget of 2 µs.' : `Above the budget of 2 µs: ${slow.join(', ')}.`,
		table(
			['µs until the next choice after a change', ...endpoints],
			Object.keys(CASES).map((name) => [
				name,
				...SIZES.map((size) => ranged(spread(reviewCost(CASES[name]!, size)), 0)),
			]),
		),
		table(['of 10,000 endpoints', 'bytes per endpoint'], memory()),
	].join('\n\n')
}

/** ns of one choice, by round. */
function choiceCost(one: Case, size: number, rounds: number): number[] {
	const exchanges = requestsTo(learnt(one, size))
	const choose = (times: number) => {
		for (let i = 0; i < times; i++)
			if (pickEndpoint(exchanges[i % exchanges.length]!, NOW) !== undefined) throw new Error('nothing was chosen')
	}
	choose(CHOICES)
	return Array.from({ length: rounds }, () => {
		const startedAt = performance.now()
		choose(CHOICES)
		return ((performance.now() - startedAt) * 1e6) / CHOICES
	})
}

/** µs of the choice that takes in what has changed: each time that an endpoint is ejected, or asks for less. */
function reviewCost(one: Case, size: number): number[] {
	const routing = learnt(one, size)
	const [exchange] = requestsTo(routing)
	let now = NOW
	return Array.from({ length: REVIEWS }, () => {
		routing.states.get(SERVICE)!.changes++
		now += 1_000
		const startedAt = performance.now()
		pickEndpoint(exchange!, now)
		return (performance.now() - startedAt) * 1_000
	})
}

/** What stays on the heap: the endpoint, its state and its place in the balancer, without the JSON that it came as. */
function memory(): string[][] {
	const size = 10_000
	setFlagsFromString('--expose-gc')
	const collect = runInNewContext('gc') as () => void
	// All stay to the end: what the collector finds late would be taken for the next one's gain.
	const kept: RoutingTable[] = []
	const bytesOf = (one: Case): number => {
		collect()
		const before = held()
		const routing = learnt(one, size)
		pickEndpoint(requestsTo(routing)[0]!, NOW)
		kept.push(routing)
		collect()
		return (held() - before) / size
	}
	// What is made once and for all belongs to no endpoint.
	bytesOf(CASES.Maglev!)
	return Object.entries(CASES).map(([name, one]) => [name, fixed(bytesOf(one))])
}

function held(): number {
	const { heapUsed, arrayBuffers } = process.memoryUsage()
	return heapUsed + arrayBuffers
}

function learnt({ traffic, isUneven, someEjected }: Case, size: number): RoutingTable {
	const routing = createRoutingTable(MESH_DOMAIN, Math.random, 'names', undefined, { region: REGION, now: () => NOW })
	const endpoints = Array.from({ length: size }, (_, i): Endpoint => {
		const region = ['weur', 'eeur', 'enam'][i % 3]!
		return {
			id: `endpoint-${i}`,
			url: `https://e${i}.example.com`,
			weight: isUneven ? 1 + (i % 3) : 1,
			locality: region,
		}
	})
	const parts = [
		part(virtualHostPart(BENCH_HOST), { kind: 'virtualHost', pattern: BENCH_HOST, defaultService: SERVICE }),
		part(servicePart(SERVICE), { kind: 'service', service: SERVICE, endpoints, traffic }),
	]
	const cursor = { epoch: 'bench', sequence: 1 }
	applyAnswer(routing, { cursor, revision: 1, hosts: { [BENCH_HOST]: BENCH_HOST }, parts })
	if (someEjected)
		for (const [i, { outlier }] of [...routing.states.get(SERVICE)!.endpoints.values()].entries())
			if (i % 10 === 0) Object.assign(outlier, { onTrial: true, ejectedUntil: NOW + 60_000 })
	return routing
}

/** Many callers, so that hashing has something to hash. */
function requestsTo(routing: RoutingTable): Exchange[] {
	return Array.from({ length: 1_024 }, (_, i) => {
		const headers = { 'x-user': `customer-${i}@example.com` }
		const exchange = admit(new Request(`http://${BENCH_HOST}/`, { headers }), NOW, Math.random)
		exchange.service = routing.services.get(SERVICE)!
		return exchange
	})
}

const part = (name: string, body: PartBody): Part => ({
	name,
	sequence: 1,
	revision: 1,
	hash: name,
	body: JSON.stringify(body),
})
