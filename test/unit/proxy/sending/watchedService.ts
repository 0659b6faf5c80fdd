/** One host with one service whose endpoints are watched for outliers, and who of them is ejected. */
import type { RoutingTable } from '../../../../src/proxy/knowledge/routingTable.ts'
import type { PartBody } from '../../../../src/snapshot/snapshot.ts'
import type { OutlierRules } from '../../../../src/snapshot/trafficPolicy.ts'
import { START } from '../fakeProxy.ts'
import { head, service, slice } from '../knowledge/fakeReplica.ts'

export const RULES: OutlierRules = {
	consecutive5xx: 5,
	consecutiveGatewayErrors: 0,
	consecutiveLocalOriginFailures: 0,
	intervalMs: 10_000,
	baseEjectionMs: 30_000,
	maxEjectionMs: 300_000,
	maxEjectionShare: 0.5,
}

export const ids = (count: number) => Array.from({ length: count }, (_, i) => `e${i}`)

/** One host and one service with so many endpoints. */
export function web(endpoints: number, outliers: OutlierRules = RULES): Record<string, PartBody> {
	const part = service('d/web', ...ids(endpoints).map((id) => ({ id })))
	const [[name, body]] = Object.entries(part) as [[string, PartBody]]
	return {
		...head('shop.test'),
		...slice('shop.test', 'shop', 'd/web'),
		[name]: { ...body, traffic: { outliers } } as PartBody,
	}
}

export const ejected = ({ states }: RoutingTable, now = START): string[] =>
	[...states.get('d/web')!.endpoints].filter(([, { outlier }]) => now < outlier.ejectedUntil).map(([id]) => id)
