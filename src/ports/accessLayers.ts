/** The policies of access and the rules of end users that requests meet, part by part: as they are, and as a change would make them. */
import type { ServiceName } from '../names.ts'
import type { AccessPolicies } from '../snapshot/authorization.ts'
import type { JwtRule } from '../snapshot/requestAuthentication.ts'

export interface AccessLayer {
	readonly access?: AccessPolicies
	readonly users?: readonly JwtRule[]
	/** Of a service: it is outside the mesh. */
	readonly external?: true
	/**
	 * Of a rule of a route, and of a service for requests that come by no rule: the namespaces of routes on the same virtual hosts
	 * which ask who the user is.
	 */
	readonly askedBy?: readonly string[]
}

/** Parts that bring nothing are not there. */
export interface AccessLayers {
	readonly defaultAccess: 'open' | 'closed'
	readonly trustDomainAliases?: readonly string[]
	readonly mesh: AccessLayer
	readonly namespaces: ReadonlyMap<string, AccessLayer>
	readonly services: ReadonlyMap<ServiceName, AccessLayer>
	/** By the names of rules of routes. */
	readonly rules: ReadonlyMap<string, AccessLayer>
}

/** Whose layers are wanted. Namespaces are those of the services, and of the routes that ask for users. */
export interface AccessScope {
	readonly services: readonly ServiceName[]
	readonly rules: readonly string[]
}
