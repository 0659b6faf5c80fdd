/** A region's telemetry as those see it who are limited to namespaces: what is counted of their services. */
import { ownsName } from '../../../src/namespaces.ts'
import type { Principal } from '../../../src/ports.ts'
import type { RegionView } from './telemetry.ts'

/** Each field by its name: what telemetry learns to count later must first be thought of here. */
export function ownTelemetry(view: RegionView, who: Pick<Principal, 'namespaces'>): RegionView {
	if (who.namespaces === undefined) return view
	const { region, reachable, series, overflow, syncFailures, ejections, isolates } = view
	return {
		...{ region, reachable, overflow, syncFailures, isolates },
		// Others' routes may lead here; their names are theirs.
		series: series
			.filter(({ service }) => ownsName(who, service))
			.map((one) => (ownsName(who, one.rule) ? one : { ...one, rule: '' })),
		ejections: ejections.filter(({ service }) => ownsName(who, service)),
	}
}
