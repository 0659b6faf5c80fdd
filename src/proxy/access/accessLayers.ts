/** Policies of access, each part's compiled once for all services that they bear on. */
import { type CompiledAccess, compileAccess } from '../../authorization/compileAccess.ts'
import type { AccessPolicies } from '../../snapshot/authorization.ts'

export interface AccessLayers {
	readonly meshDomain: string
	readonly layers: WeakMap<AccessPolicies, CompiledAccess>
}

/** Those of the parts that have any. */
export function layersOf(
	{ layers, meshDomain }: AccessLayers,
	parts: readonly (AccessPolicies | undefined)[],
): readonly CompiledAccess[] {
	return parts
		.filter((policies) => policies !== undefined)
		.map((policies) => {
			const compiled = layers.get(policies) ?? compileAccess(policies, meshDomain)
			layers.set(policies, compiled)
			return compiled
		})
}
