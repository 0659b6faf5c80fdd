/** Status conditions, with Gateway API's types and reasons. */

/** https://gateway-api.sigs.k8s.io/reference/spec/ — RouteParentStatus and ListenerStatus use the same shape. */
export interface Condition {
	readonly type: 'Accepted' | 'ResolvedRefs' | 'Programmed' | 'Conflicted'
	readonly status: 'True' | 'False' | 'Unknown'
	readonly reason: string
	/** Names the field of the document that is meant, e.g. `spec.rules[0].backendRefs[1]`. */
	readonly message: string
	readonly observedGeneration: number
	/** RFC 3339: when `status` last changed. */
	readonly lastTransitionTime: string
}

/** An HTTPRoute's status has `parents`, a Gateway's `conditions` and `listeners`, a policy's `ancestors`, others' `conditions`. */
export interface ConditionedStatus {
	readonly conditions?: readonly Condition[]
	readonly parents?: readonly ParentStatus[]
	readonly listeners?: readonly ListenerStatus[]
	readonly ancestors?: readonly PolicyAncestorStatus[]
}

/** https://gateway-api.sigs.k8s.io/reference/spec/#policyancestorstatus — a policy's target (GEP-713). */
export interface PolicyAncestorStatus {
	readonly ancestorRef: {
		readonly group?: string
		readonly kind?: string
		readonly name: string
		readonly sectionName?: string
	}
	readonly controllerName: string
	readonly conditions: readonly Condition[]
}

export interface ParentStatus {
	readonly parentRef: {
		readonly group?: string
		readonly kind?: string
		readonly namespace?: string
		readonly name: string
		readonly sectionName?: string
		readonly port?: number
	}
	readonly controllerName: string
	readonly conditions: readonly Condition[]
}

export interface ListenerStatus {
	readonly name: string
	readonly attachedRoutes: number
	readonly supportedKinds: readonly { readonly group: string; readonly kind: string }[]
	readonly conditions: readonly Condition[]
}
