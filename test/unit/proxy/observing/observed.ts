/** An observer whose exchanges a test makes up, with its clock and its table in the test's hands. */
import type { PartName } from '../../../../src/names.ts'
import { ruleTo } from '../../../../src/proxy/compile/compileRule.ts'
import { NO_USERS } from '../../../../src/proxy/compile/compileUsers.ts'
import { DEFAULT_PEERS } from '../../../../src/proxy/compile/defaultPeers.ts'
import { DEFAULT_TRAFFIC } from '../../../../src/proxy/compile/defaultTraffic.ts'
import { admit, type Exchange } from '../../../../src/proxy/exchange.ts'
import { newServiceState } from '../../../../src/proxy/knowledge/endpointState.ts'
import { createKnowledge } from '../../../../src/proxy/knowledge/knowledge.ts'
import { applyAnswer, createRoutingTable } from '../../../../src/proxy/knowledge/routingTable.ts'
import { createObserver } from '../../../../src/proxy/observing/observe.ts'
import type { Refusal } from '../../../../src/proxy/refusal.ts'
import { eject } from '../../../../src/resilience/outliers.ts'
import type { PartBody } from '../../../../src/snapshot/snapshot.ts'
import { DOMAIN, fakeReplica } from '../knowledge/fakeReplica.ts'

export const NOW = 1_700_000_000_000

export function observed(accessLogSampleRate = 0, random = () => 0.5) {
	const table = createRoutingTable(DOMAIN, () => 0)
	const knowledge = createKnowledge(table, fakeReplica().controlPlane, NOW, () => 0)
	const lines: string[] = []
	let now = NOW
	const observer = createObserver(
		knowledge,
		{ isolate: 'i-1', region: 'weur', accessLogSampleRate, log: (line) => lines.push(line) },
		{ now: () => now, random, clientAddress: () => '192.0.2.1' },
	)
	const rules = new Map<string, NonNullable<Exchange['rule']>>()
	let attempts = 1
	return {
		...observer,
		knowledge,
		lines,
		later: (ms: number) => {
			now += ms
		},
		/** Takes in parts of a snapshot. */
		hold: (parts: Readonly<Record<PartName, PartBody>>) => {
			const named = Object.entries(parts).map(([name, body]) => ({ name, sequence: 1, revision: 1, hash: 'h', body }))
			applyAnswer(table, {
				cursor: { epoch: 'e', sequence: 1 },
				revision: 1,
				hosts: {},
				parts: named.map((part) => ({ ...part, body: JSON.stringify(part.body) })),
			})
		},
		/** Ejects an endpoint as its failures would. */
		ejectOf: (service: string, id: string) =>
			eject(DEFAULT_TRAFFIC.outliers, table.states.get(service)!.endpoints.get(id)!.outlier, NOW, 0),
		/** How often the exchanges from now on are sent. */
		sending: (times: number) => {
			attempts = times
		},
		/** One exchange with a rule and a service of these names. */
		see: (
			rule: string,
			service: string,
			response = new Response(),
			refusal?: Refusal,
			request = new Request('http://h.test/'),
		) => {
			const compiled = rules.get(rule) ?? { ...ruleTo(service), name: rule }
			rules.set(rule, compiled)
			const exchange: Exchange = admit(request, NOW, () => 0)
			if (rule !== '') exchange.rule = compiled
			if (service !== '') exchange.service = serviceNamed(service)
			exchange.attempts = attempts
			observer.observe(exchange, response, refusal)
		},
	}
}

export const serviceNamed = (name: string): NonNullable<Exchange['service']> => ({
	name,
	pick: () => undefined,
	find: () => undefined,
	endpoints: [],
	external: false,
	credential: undefined,
	traffic: DEFAULT_TRAFFIC,
	peers: DEFAULT_PEERS,
	...NO_USERS,
	access: [],
	state: newServiceState(0),
	isManaged: false,
})
