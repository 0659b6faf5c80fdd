/** What finding the rule and picking the endpoint cost by themselves, in Node: the part of a request that could grow. */
import { routeSlicePart, servicePart, virtualHostPart } from '../../../src/names.ts'
import { admit, type Exchange } from '../../../src/proxy/exchange.ts'
import {
	applyAnswer,
	createRoutingTable,
	type RoutingTable,
	resolveHost,
} from '../../../src/proxy/knowledge/routingTable.ts'
import { match } from '../../../src/proxy/stages/match.ts'
import { pickEndpoint, pickService } from '../../../src/proxy/stages/pick.ts'
import type { Part, PartBody } from '../../../src/snapshot/snapshot.ts'
import { BENCH_HOST, RULES_PER_ROUTE, ruleMatch, ruleRequests } from '../documents.ts'
import { MESH_DOMAIN } from '../mesh.ts'
import { fixed, ranged, table } from '../report.ts'
import { pairedRatios, spread } from '../statistics.ts'
import type { Experiment } from './experiment.ts'

const SIZES = [10, 1_000, 10_000, 100_000]
/** With few, all that a request touches stays in the CPU's caches: what grows then is the algorithm. With many, memory too. */
const DISTINCT_REQUESTS = [10, 1_000]
const ENDPOINTS = 10
const OPERATIONS = 300_000

export const matching: Experiment = async (bench) => {
	const columns = DISTINCT_REQUESTS.map((distinct) => measure(bench.options.rounds, distinct))
	return table(
		[
			'rules',
			...DISTINCT_REQUESTS.flatMap((distinct) => [`ns, ${fixed(distinct)} distinct requests`, `÷ ${SIZES[0]}`]),
		],
		SIZES.map((size, row) => [fixed(size), ...columns.flatMap((cells) => cells[row]!)]),
	)
}

/** Time and growth factor for each size, the sizes in turn. */
function measure(rounds: number, distinct: number): string[][] {
	const runs = SIZES.map((size) => ({ operate: prepare(size, distinct), nanos: [] as number[] }))
	for (const { operate } of runs) operate(OPERATIONS)
	for (let round = 0; round < rounds; round++) for (const { operate, nanos } of runs) nanos.push(timed(operate))
	return runs.map(({ nanos }) => [ranged(spread(nanos), 0), ranged(spread(pairedRatios(nanos, runs[0]!.nanos)))])
}

function timed(operate: (times: number) => number): number {
	const startedAt = performance.now()
	const found = operate(OPERATIONS)
	if (found !== OPERATIONS) throw new Error(`${OPERATIONS - found} requests found no rule or no endpoint`)
	return ((performance.now() - startedAt) * 1e6) / OPERATIONS
}

/** Answers a loop over the proxy's own stages that counts how many requests found a rule and an endpoint. */
function prepare(size: number, distinct: number): (times: number) => number {
	const routing = createRoutingTable(MESH_DOMAIN, Math.random)
	learn(routing, size)
	const exchanges = ruleRequests(size, distinct).map(({ path }) =>
		admit(new Request(`http://${BENCH_HOST}${path}`), 0, Math.random),
	)
	return (times) => {
		let found = 0
		for (let i = 0; i < times; i++) if (route(exchanges[i % exchanges.length]!, routing)) found++
		return found
	}
}

function route(exchange: Exchange, routing: RoutingTable): boolean {
	const host = resolveHost(routing, exchange.host)
	return !!host && !match(exchange, host) && !pickService(exchange, routing) && !pickEndpoint(exchange, 0)
}

/** Gives the table one virtual host with `size` rules, and the service that they send to. */
function learn(routing: RoutingTable, size: number): void {
	const service = 'default/backend'
	const endpoints = Array.from({ length: ENDPOINTS }, (_, i) => ({
		id: `fixed-${i}`,
		url: `http://127.0.0.1:${8_000 + i}`,
		weight: 1 + (i % 3),
	}))
	const parts = [
		part(virtualHostPart(BENCH_HOST), { kind: 'virtualHost', pattern: BENCH_HOST }),
		part(servicePart(service), { kind: 'service', service, endpoints }),
	]
	for (let first = 0; first < size; first += RULES_PER_ROUTE) {
		const rules = Array.from({ length: Math.min(RULES_PER_ROUTE, size - first) }, (_, i) => ({
			name: `default/rules-${first}/${i}`,
			matches: [ruleMatch(first + i)],
			backends: [{ weight: 1, service }],
		}))
		const slice = { route: `default/rules-${first}`, createdAt: 0, hostnames: [], rules }
		parts.push(part(routeSlicePart(BENCH_HOST, 'default', `rules-${first}`), { kind: 'routeSlice', ...slice }))
	}
	const cursor = { epoch: 'bench', sequence: 1 }
	applyAnswer(routing, { cursor, revision: 1, hosts: { [BENCH_HOST]: BENCH_HOST }, parts })
}

const part = (name: string, body: PartBody): Part => ({
	name,
	sequence: 1,
	revision: 1,
	hash: name,
	body: JSON.stringify(body),
})
