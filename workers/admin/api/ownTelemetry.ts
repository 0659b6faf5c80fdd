/** A region's telemetry as those see it who are limited to namespaces: what is counted of their services. */
import { ownsName } from '../../../src/namespaces.ts'
import type { Principal } from '../../../src/ports.ts'
import type { RegionView } from './regionView.ts'

/** What others call something is not for everybody to know, that it is there is. */
const ownName = (who: Pick<Principal, 'namespaces'>, name: string): string => (ownsName(who, name) ? name : '')

/** Each field by its name: what telemetry learns to count later must first be thought of here. */
export function ownTelemetry(view: RegionView, who: Pick<Principal, 'namespaces'>): RegionView {
	if (who.namespaces === undefined) return view
	const {
		region,
		reachable,
		series,
		overflow,
		syncFailures,
		ejections,
		isolates,
		access = [],
		accessOverflow = 0,
	} = view
	return {
		...{ region, reachable, overflow, syncFailures, isolates, accessOverflow },
		// Others' routes may lead here; their names are theirs.
		series: series
			.filter(({ service }) => ownsName(who, service))
			.map((one) => (ownsName(who, one.rule) ? one : { ...one, rule: '' })),
		ejections: ejections.filter(({ service }) => ownsName(who, service)),
		access: access
			.filter(({ service }) => ownsName(who, service))
			.map(({ rule, policy, ...one }) => ({ ...one, rule: ownName(who, rule), policy: ownName(who, policy) })),
	}
}
