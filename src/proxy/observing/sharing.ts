/** What an isolate tells its region of the endpoints that it ejected, and how far it believes what the region tells. */
import type { ServiceName } from '../../names.ts'
import type { EndpointEjection } from '../../ports.ts'
import { mayEject, type OutlierState } from '../../resilience/outliers.ts'
import { adoptEjection, ejectionsNow, ejectionsToShare } from '../../resilience/sharedEjections.ts'
import type { OutlierRules } from '../../snapshot/trafficPolicy.ts'
import { MAX_EJECTIONS_PER_REPORT, MAX_SERVICES_PER_REPORT } from '../../telemetry/ejections.ts'
import type { EndpointState, ServiceState } from '../knowledge/endpointState.ts'
import type { RoutingTable } from '../knowledge/routingTable.ts'

/** What `ejectionsToShare` answers at most. */
const MAX_PER_SERVICE = 100

/** Whether this isolate ejected an endpoint and has told nobody. */
export function hasUntold({ states }: RoutingTable): boolean {
	for (const { endpoints } of states.values())
		for (const { outlier } of endpoints.values()) if (outlier.unshared) return true
	return false
}

/** What this isolate ejected since it was last asked. More than a report takes waits for the next. */
export function takeUntold({ states }: RoutingTable, now: number): EndpointEjection[] {
	const untold: EndpointEjection[] = []
	for (const [service, { endpoints }] of states) {
		for (const { id, until } of ejectionsToShare(outliersOf(endpoints), now)) untold.push({ service, id, until })
		if (untold.length > MAX_EJECTIONS_PER_REPORT - MAX_PER_SERVICE) break
	}
	return untold
}

/** The services to ask about: `busy` ones first, and none with a single endpoint, which is never ejected. */
export function servicesToAskFor({ states }: RoutingTable, busy: readonly ServiceName[]): ServiceName[] {
	const asked = new Set<ServiceName>()
	for (const services of [busy, states.keys()]) {
		for (const service of services) {
			if (asked.size === MAX_SERVICES_PER_REPORT) return [...asked]
			if ((states.get(service)?.endpoints.size ?? 0) > 1) asked.add(service)
		}
	}
	return [...asked]
}

/**
 * Ejects what the region says, as far as this isolate might have itself, and says how many of them were news. What it does not
 * know, or has no room for, it leaves alone. `now` is in ms since the epoch.
 */
export function adopt(table: RoutingTable, told: readonly EndpointEjection[], now: number): number {
	const ejected = new Map<ServiceState, number>()
	let news = 0
	for (const { service: name, id, until } of told) {
		const service = table.services.get(name)
		const endpoint = service?.state.endpoints.get(id)
		if (service === undefined || endpoint === undefined || !detectsOutliers(service.traffic.outliers)) continue
		const { state } = service
		const { outliers } = service.traffic
		const { outlier } = endpoint
		const count = ejected.get(state) ?? countEjected(state, now)
		ejected.set(state, count)
		// One that is on trial keeps its place among the ejected.
		const others = outlier.onTrial ? count - 1 : count
		if (!mayEject(outliers, others, state.endpoints.size)) continue
		if (!adoptEjection(outliers, outlier, until, now, table.random())) continue
		ejected.set(state, others + 1)
		state.changes++
		news++
	}
	return news
}

/** Where every detector is off, nobody is to be ejected, whatever isolates of another revision say. */
function detectsOutliers(rules: OutlierRules): boolean {
	if (rules.successRate !== undefined || rules.failureShare !== undefined) return true
	return rules.consecutive5xx + rules.consecutiveGatewayErrors + rules.consecutiveLocalOriginFailures > 0
}

function countEjected({ endpoints }: ServiceState, now: number): number {
	const outliers = [...endpoints.values()].map(({ outlier }) => outlier)
	return ejectionsNow(outliers, now).ejected
}

function* outliersOf(endpoints: ReadonlyMap<string, EndpointState>): Iterable<readonly [string, OutlierState]> {
	for (const [id, { outlier }] of endpoints) yield [id, outlier]
}
