/** What policies ask for a Service, a namespace or the mesh, as it travels in the part of each. */
import type { AccessPolicies } from '../authorization.ts'
import type { PeerRules } from '../peerAuthentication.ts'
import type { JwtRule } from '../requestAuthentication.ts'
import type { TrafficRules } from '../trafficPolicy.ts'
import type { SectionsOf } from './policies.ts'
import { trafficRulesOf } from './trafficRules.ts'

export interface PolicyRules {
	readonly traffic?: TrafficRules
	readonly peers?: PeerRules
	readonly users?: readonly JwtRule[]
	readonly access?: AccessPolicies
}

/** Without what nobody asks for. */
export function policyRulesOf(
	sections: SectionsOf<'TrafficPolicy'>,
	{ mode, methods, proofReuse }: SectionsOf<'PeerAuthentication'>,
	users: readonly JwtRule[] | undefined,
	access: AccessPolicies | undefined,
): PolicyRules {
	const traffic = trafficRulesOf(sections)
	// In one order, whichever policy said what first: equal rules make equal parts.
	const peers: PeerRules = { ...(mode && { mode }), ...(methods && { methods }), ...(proofReuse && { proofReuse }) }
	return {
		...(traffic && { traffic }),
		...(Object.keys(peers).length > 0 && { peers }),
		...(users && { users }),
		...(access && { access }),
	}
}
