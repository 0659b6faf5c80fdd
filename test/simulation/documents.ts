/** Documents as users write them: what is left out has the default of its field's description in Gateway API. */

export const GATEWAY_API = 'gateway.networking.k8s.io'

export interface Metadata {
	readonly name: string
	readonly namespace: string
	readonly labels?: Readonly<Record<string, string>>
}

interface Described {
	readonly apiVersion: string
	readonly metadata: Metadata
}

export interface RouteDocument extends Described {
	readonly kind: 'HTTPRoute'
	readonly spec: {
		readonly parentRefs: readonly ParentRef[]
		readonly hostnames?: readonly string[]
		readonly rules: readonly RuleDocument[]
	}
}

export interface ParentRef {
	readonly group?: string
	readonly kind?: string
	readonly namespace?: string
	readonly name: string
	readonly sectionName?: string
	readonly port?: number
}

export interface RuleDocument {
	readonly name?: string
	readonly matches?: readonly MatchDocument[]
	readonly filters?: readonly ExtensionFilter[]
	readonly backendRefs?: readonly BackendRef[]
}

export interface MatchDocument {
	readonly path?: { readonly type?: 'Exact' | 'PathPrefix' | 'RegularExpression'; readonly value?: string }
	readonly method?: string
	readonly headers?: readonly ValueMatch[]
	readonly queryParams?: readonly ValueMatch[]
}

export interface ValueMatch {
	readonly type?: 'Exact' | 'RegularExpression'
	readonly name: string
	readonly value: string
}

export interface ExtensionFilter {
	readonly type: 'ExtensionRef'
	readonly extensionRef: { readonly group: string; readonly kind: string; readonly name: string }
}

export interface BackendRef {
	readonly group?: string
	readonly kind?: string
	readonly namespace?: string
	readonly name: string
	readonly port?: number
	readonly weight?: number
}

export interface GatewayDocument extends Described {
	readonly kind: 'Gateway'
	readonly spec: { readonly gatewayClassName: string; readonly listeners: readonly ListenerDocument[] }
}

export interface ListenerDocument {
	readonly name: string
	readonly hostname?: string
	readonly port: number
	readonly protocol: string
	readonly tls?: { readonly mode: string }
	readonly allowedRoutes?: {
		readonly namespaces?: {
			readonly from?: 'All' | 'Same' | 'None' | 'Selector'
			readonly selector?: { readonly matchLabels: Readonly<Record<string, string>> }
		}
		readonly kinds?: readonly { readonly group?: string; readonly kind: string }[]
	}
}

export interface GrantDocument extends Described {
	readonly kind: 'ReferenceGrant'
	readonly spec: {
		readonly from: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[]
		readonly to: readonly { readonly group: string; readonly kind: string; readonly name?: string }[]
	}
}

export interface TrafficDocument extends Described {
	readonly kind: 'TrafficMatch'
	readonly spec: {
		readonly sources?: readonly { readonly namespace?: string; readonly workload?: string }[]
		readonly percent?: number
		readonly fraction?: { readonly numerator: number; readonly denominator?: number }
	}
}

export interface ServiceDocument extends Described {
	readonly kind: 'Service'
	readonly spec: { readonly endpoints?: readonly { readonly url: string }[] }
}

export interface NamespaceDocument {
	readonly apiVersion: 'v1'
	readonly kind: 'Namespace'
	readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> }
}

export type Document =
	| RouteDocument
	| GatewayDocument
	| GrantDocument
	| TrafficDocument
	| ServiceDocument
	| NamespaceDocument

/** `<kind>/<namespace>/<name>`; `-` where a kind has no namespace. */
export function keyOf({ kind, metadata }: Document): string {
	return `${kind}/${'namespace' in metadata ? metadata.namespace : '-'}/${metadata.name}`
}

/** All that users have written by now, and since when each resource is there. */
export interface World {
	readonly meshDomain: string
	/** Where callers reach the mesh. */
	readonly ownPort: number
	readonly documents: Map<string, { readonly document: Document; readonly createdAt: number }>
	/** `<namespace>/<name>` of services that endpoints registered for, document or not. */
	readonly registered: Set<string>
}

export function documentsOf<K extends Document['kind']>(world: World, kind: K): Extract<Document, { kind: K }>[] {
	return [...world.documents.values()].flatMap(({ document }) =>
		document.kind === kind ? [document as Extract<Document, { kind: K }>] : [],
	)
}

/** A request as its client makes it. */
export interface Asked {
	readonly url: string
	readonly method: string
	readonly headers: readonly (readonly [name: string, value: string])[]
	/** Who asks, proven; undefined when nobody has. */
	readonly caller: { readonly namespace: string; readonly workload: string } | undefined
	/** What every draw of chance for this request comes to, in [0, 1). */
	readonly chance: number
}
