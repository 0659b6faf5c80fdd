/** The snapshot: what the control plane tells the data plane. Plain JSON, references resolved, mistakes made explicit. */

import type { PartName, ServiceName } from '../names.ts'
import type { AccessPolicies } from './authorization.ts'
import type { Filters, RetryRule, SessionPersistence, Timeouts, TrafficMatch } from './filters.ts'
import type { Match } from './match.ts'
import type { PeerRules } from './peerAuthentication.ts'
import type { JwtRule } from './requestAuthentication.ts'
import type { TrafficRules } from './trafficPolicy.ts'
import type { Trust } from './trust.ts'

export type { Match, PathMatch, ValueMatch } from './match.ts'

/** One part as stored and sent. `body` is JSON text, so that carrying it costs no parsing; null says the part is gone. */
export interface Part {
	readonly name: PartName
	/** Position in the mesh-wide order of changes. Only ever grows. */
	readonly sequence: number
	/** The revision of the resources that made this part. */
	readonly revision: number
	/** First 16 hex digits of the SHA-256 of the body. Equal bodies have equal hashes. */
	readonly hash: string
	readonly body: string | null
}

/** A place in the order of changes. Another epoch means another history: nothing held from before can be trusted. */
export interface Cursor {
	readonly epoch: string
	readonly sequence: number
}

export type PartBody = VirtualHost | RouteSlice | ServiceTarget | NamespaceDefaults | MeshDefaults | Trust

/** A host, or `*.suffix`, or `*`, that the mesh answers for. Its rules arrive as slices, one per route. */
export interface VirtualHost {
	readonly kind: 'virtualHost'
	readonly pattern: string
	/** Where requests go while no route applies (GAMMA: a Service without routes is forwarded to as usual). */
	readonly defaultService?: ServiceName
}

/** What one HTTPRoute contributes to one virtual host. */
export interface RouteSlice {
	readonly kind: 'routeSlice'
	/** `<namespace>/<name>` of the HTTPRoute. */
	readonly route: string
	/** Creation time in ms: the older of two equally specific routes wins. */
	readonly createdAt: number
	/** The route's own hostnames that this virtual host admits; empty means any. */
	readonly hostnames: readonly string[]
	/** A consumer route applies to callers of this namespace only (GAMMA: a route outside its Service's namespace). */
	readonly callerNamespace?: string
	/** Ports of the Service that the route is for (`parentRef.port`); absent: all of them. */
	readonly servicePorts?: readonly number[]
	/** Ports of the listeners, where they are not the usual ones of their protocol: what a redirect without a port names. */
	readonly ports?: { readonly http?: number; readonly https?: number }
	readonly rules: readonly Rule[]
}

export interface Rule {
	/** `<namespace>/<route>/<rule name or index>`: what logs, metrics and refusals call it. */
	readonly name: string
	readonly matches: readonly Match[]
	/** Never empty of meaning: a rule without a usable backend refuses, it does not vanish. */
	readonly backends: readonly Backend[]
	/** All must hold, beside one of the matches. */
	readonly only?: readonly TrafficMatch[]
	readonly filters?: Filters
	readonly timeouts?: Timeouts
	readonly retry?: RetryRule
	readonly session?: SessionPersistence
	/** Of policies attached to the route or to this rule. */
	readonly traffic?: TrafficRules
	readonly access?: AccessPolicies
}

/** A share of a rule's traffic. A backend that cannot be used keeps its share and answers 500 for it. */
export type Backend =
	| { readonly weight: number; readonly service: ServiceName; readonly filters?: Filters }
	| { readonly weight: number; readonly invalid: string }

export interface ServiceTarget {
	readonly kind: 'service'
	/** `<namespace>/<name>`. */
	readonly service: ServiceName
	/** Endpoints that take traffic. Draining and expired ones are not here. */
	readonly endpoints: readonly Endpoint[]
	/** Outside the mesh: it is told nothing of who calls. */
	readonly external?: true
	readonly credential?: Credential
	/** Of policies attached to the Service. Those of its namespace and of the mesh stand in their own parts. */
	readonly traffic?: TrafficRules
	readonly peers?: PeerRules
	/** End users that are believed. These, and policies of access, add up over mesh, namespace and Service. */
	readonly users?: readonly JwtRule[]
	readonly access?: AccessPolicies
}

/** What the mesh adds to each request, so that the service knows the mesh and callers know no secret. */
export type Credential =
	| { readonly in: 'header' | 'query'; readonly name: string; readonly value: SecretText }
	/** Why it cannot be added: every request is refused, none is sent without it. */
	| { readonly invalid: string }

/** `before` and `secret` make the value; with `basic`, `secret` is the password and the value is RFC 7617's. */
export interface SecretText {
	readonly before: string
	readonly basic?: { readonly username: string }
	/** Sealed wherever it is stored; a region's replica opens it on its way to an isolate. */
	readonly secret: string
}

/** What holds for the Services of one namespace. A service part comes with its namespace's, and with the mesh's. */
export interface NamespaceDefaults {
	readonly kind: 'namespace'
	readonly namespace: string
	readonly traffic?: TrafficRules
	readonly peers?: PeerRules
	readonly users?: readonly JwtRule[]
	readonly access?: AccessPolicies
}

/** What holds for the whole mesh. */
export interface MeshDefaults {
	readonly kind: 'mesh'
	readonly traffic?: TrafficRules
	readonly peers?: PeerRules
	readonly users?: readonly JwtRule[]
	readonly access?: AccessPolicies
	/** Whether somebody may call whom no ALLOW policy speaks of: `closed` is as if there were one that lets nobody in. */
	readonly defaultAccess: 'open' | 'closed'
	/** Other names that policies may call the mesh's own trust domain by. Absent: there is none. */
	readonly trustDomainAliases?: readonly string[]
	/** What becomes of requests to hosts that nobody registered. */
	readonly egress: 'registryOnly' | 'allowAny'
	/** Of the requests, how many are remembered to try out policies with, 0–1; absent: 0.01. */
	readonly sampleShare?: number
}

/** One address that serves a service. */
export interface Endpoint {
	readonly id: string
	/** Absolute http or https URL without query or fragment; a path in it prefixes every request's path. */
	readonly url: string
	/** Relative share of the service's traffic; 1 unless said. 0 takes none. */
	readonly weight: number
	readonly labels?: Readonly<Record<string, string>>
	/** Where it runs, e.g. a location hint such as `weur`. */
	readonly locality?: string
	/** Its health checks fail. It gets traffic only when too few others are left. */
	readonly unhealthy?: true
	/** When it joined, in ms since the epoch: leased endpoints warm up from then on. */
	readonly joinedAt?: number
}
