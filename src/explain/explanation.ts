/** What explain answers: every stage's verdict on one request, and what comes of it, with odds where chance decides. */
import type { ServiceName } from '../names.ts'
import type { RefusalReason } from '../proxy/refusal.ts'
import type { RetryRule, SessionPersistence, Timeouts } from '../snapshot/filters.ts'

/** `percent` is 0–100 everywhere, to four decimals. */
export interface Explanation extends Way {
	/** Of the snapshot that the region's replica shows. */
	readonly revision: number
	/** All that can come of the request, in a sentence for people. */
	readonly outcome: string
	/** The same for programs. Their percents add up to 100. */
	readonly outcomes: readonly Outcome[]
	/** Where a rule takes only a share of the traffic: what becomes of the rest, in order of precedence. */
	readonly alternatives?: readonly Way[]
	/** Rules whose host and path fit and something else does not, in order of precedence. */
	readonly nearMisses: readonly NearMiss[]
}

/** What happens to those requests that one rule takes, or that none does. */
export interface Way {
	readonly percent: number
	readonly rule?: ExplainedRule
	/** In the order of the data path; what is not reached is not there. */
	readonly stages: readonly Stage[]
	readonly edits?: Edits
}

export interface ExplainedRule {
	/** '' for the rule that stands in while a Service has no route. */
	readonly name: string
	/** `<namespace>/<name>` of the HTTPRoute. */
	readonly route?: string
	/** Of the rule's matches the one that won. */
	readonly match?: ExplainedMatch
}

export interface ExplainedMatch {
	readonly path: { readonly type: string; readonly value: string }
	readonly method?: string
	readonly headers?: readonly ExplainedValue[]
	readonly queryParams?: readonly ExplainedValue[]
}

export interface ExplainedValue {
	readonly name: string
	readonly type: string
	readonly value: string
}

export interface NearMiss {
	readonly rule: string
	readonly route: string
	readonly match: ExplainedMatch
	/** It goes before the rule that was found: were it not for what failed, it would have been the one. */
	readonly wouldWin: boolean
	readonly failed: readonly FailedCondition[]
}

export interface FailedCondition {
	readonly condition: 'method' | 'header' | 'queryParam' | 'source' | 'share' | 'port' | 'user'
	/** Of the header or query parameter, or what is asked of the user. */
	readonly name?: string
	readonly wanted: string
	/** Null where the request has none. Of users no more than who it is: `<iss>/<sub>`. */
	readonly got: string | null
}

/** What `rescue` answers. */
export interface ExplainedRefusal {
	readonly reason: RefusalReason
	readonly status: number
	readonly detail: string
	readonly owner: string
	/** What would let the request through. */
	readonly hint?: string
}

export interface ExplainedAnswer {
	readonly by: 'preflight' | 'directResponse' | 'redirect'
	readonly status: number
	readonly headers: Readonly<Record<string, string>>
}

export type Outcome = {
	readonly percent: number
	readonly rule?: string
	/** Authorizers that are asked before, and may refuse it. Nobody is asked here. */
	readonly asks?: readonly string[]
} & (
	| {
			readonly outcome: 'sent'
			readonly service: ServiceName
			/** How many may get it. Absent where that is not for who asks to know. */
			readonly endpoints?: number
			/** The one that the request's session holds on to. */
			readonly endpoint?: string
	  }
	/** To a host that nobody registered. */
	| { readonly outcome: 'passedThrough'; readonly to: string }
	| { readonly outcome: 'answered'; readonly answer: ExplainedAnswer }
	| { readonly outcome: 'refused'; readonly refusal: ExplainedRefusal }
)

/**
 * `skipped`: nothing to do for this request. `answered`: by the mesh, in place of the service. `divided`: some of the requests pass,
 * and the evidence says which odds the others have.
 */
export type Verdict = 'passed' | 'skipped' | 'answered' | 'refused' | 'divided'

export type Stage =
	| {
			readonly stage: 'host'
			readonly verdict: Verdict
			readonly host: string
			/** The pattern of the virtual host. */
			readonly virtualHost?: string
			/** Where a request to an unregistered host goes. */
			readonly passThroughTo?: string
			readonly refusal?: ExplainedRefusal
	  }
	| {
			readonly stage: 'match'
			readonly verdict: Verdict
			readonly rule?: ExplainedRule
			/** Of the requests, how many it takes. */
			readonly percent: number
			readonly refusal?: ExplainedRefusal
	  }
	| ({ readonly stage: 'filter' } & FilterEvidence)
	| {
			readonly stage: 'session'
			readonly verdict: Verdict
			readonly persistence?: SessionPersistence
			/** What it is resumed with. Without: the endpoint that is picked begins a new one. */
			readonly service?: ServiceName
			readonly endpoint?: string
	  }
	| { readonly stage: 'pick'; readonly verdict: Verdict; readonly backends: readonly ExplainedBackend[] }
	| {
			readonly stage: 'authenticate'
			readonly verdict: Verdict
			/** Whose services look for users; one without a service is for a rule that answers by itself. */
			readonly backends: readonly UserEvidence[]
	  }
	| {
			readonly stage: 'authorize'
			readonly verdict: Verdict
			/** Those that policies bear on. */
			readonly backends: readonly AccessEvidence[]
	  }
	| {
			readonly stage: 'backendFilter'
			readonly verdict: Verdict
			readonly backends: readonly (FilterEvidence & { readonly service: ServiceName })[]
	  }
	| { readonly stage: 'mirrors'; readonly verdict: Verdict; readonly mirrors: readonly ExplainedMirror[] }
	| {
			readonly stage: 'forward'
			readonly verdict: Verdict
			readonly timeouts?: Timeouts
			readonly retry?: ExplainedRetry
			readonly backends: readonly ExplainedForward[]
	  }
	| { readonly stage: 'response'; readonly verdict: Verdict }

export interface FilterEvidence {
	readonly verdict: Verdict
	readonly cors?: { readonly origin: string | null; readonly allowed: boolean }
	/** Those that concern the request, each drawn by itself. */
	readonly faults?: readonly ExplainedFault[]
	readonly answer?: ExplainedAnswer
	/** Each with its share of the requests that come here. */
	readonly refusals?: readonly { readonly percent: number; readonly refusal: ExplainedRefusal }[]
}

export interface UserEvidence {
	readonly service?: ServiceName
	/** `skipped`: the request has no token where rules look. */
	readonly verdict: Verdict
	readonly user?: { readonly issuer: string; readonly subject: string }
	readonly refusal?: ExplainedRefusal
}

/** What policies of access say, over all layers. Names are not there for who may not see them. */
export interface AccessEvidence {
	readonly service?: ServiceName
	readonly verdict: Verdict
	readonly defaultAccess: 'open' | 'closed'
	/** Those with policies, from the mesh to the rule. */
	readonly layers: readonly AccessLayerEvidence[]
	/** What refused or admitted it; absent where none matched. */
	readonly by?: ExplainedPolicy
	/** Authorizers that would be asked, too, and may refuse it. Nobody is asked here. */
	readonly asks?: readonly string[]
	readonly audited?: readonly { readonly policy: string }[]
	/** What would be if the dry runs were enforced, where that differs. */
	readonly dryRun?: { readonly verdict: 'passed' | 'refused' } & Partial<ExplainedPolicy>
	readonly refusal?: ExplainedRefusal
}

export interface ExplainedPolicy {
	/** `<namespace>/<name>`. */
	readonly policy: string
	/** Place of the rule in it, from 0; absent where none of its rules matched. */
	readonly ruleIndex?: number
}

export interface AccessLayerEvidence {
	readonly layer: 'mesh' | 'namespace' | 'service' | 'rule'
	readonly policyCount: number
	/** The first of them. */
	readonly policies: readonly { readonly policy: string; readonly action: string; readonly dryRun?: true }[]
}

export interface ExplainedFault {
	readonly delay?: { readonly ms: number; readonly percent: number }
	readonly abort?: { readonly status: number; readonly percent: number }
	readonly bandwidth?: { readonly bytesPerSecond: number; readonly percent: number }
}

export interface ExplainedBackend {
	/** Undefined for a backendRef that cannot be followed. */
	readonly service?: ServiceName
	readonly weight: number
	readonly percent: number
	/** Those that take traffic. */
	readonly endpointCount?: number
	/** The first of them. */
	readonly endpoints?: readonly ExplainedEndpoint[]
	readonly refusal?: ExplainedRefusal
}

export interface ExplainedEndpoint {
	readonly id: string
	readonly url: string
	/** Of what its service gets. */
	readonly percent: number
}

export interface ExplainedMirror {
	readonly service: ServiceName
	/** The backend whose mirror it is; undefined for the rule's. */
	readonly backend?: ServiceName
	readonly percent: number
	/** Where a copy goes; null when the request is not one that is copied, or nobody takes the copy. */
	readonly url: string | null
}

export interface ExplainedRetry extends RetryRule {
	/** How often this request is sent when every attempt fails at once. */
	readonly tries: number
	/** The least pauses between them. */
	readonly pausesMs: readonly number[]
	/** Why it is sent once. */
	readonly why?: string
}

export interface ExplainedForward {
	readonly service: ServiceName
	readonly verdict: Verdict
	/** Of all requests. */
	readonly percent: number
	readonly external?: true
	/** What is added; never with its value. */
	readonly credential?: { readonly in: 'header' | 'query'; readonly name: string }
	readonly refusal?: ExplainedRefusal
}

export interface Edits {
	/** What each backend gets, against what the client sent. */
	readonly request: readonly RequestEdits[]
	/** What the client gets, against what each backend answers. */
	readonly response: readonly ResponseEdits[]
}

export interface HeaderChanges {
	/** There before, and other than before. */
	readonly headersSet: Readonly<Record<string, string>>
	/** Not there before. Of a response, also values that go beside those which the service gives. */
	readonly headersAdded: Readonly<Record<string, string>>
	readonly headersRemoved: readonly string[]
}

export interface RequestEdits extends HeaderChanges {
	readonly service: ServiceName
	/** At one endpoint of the service. */
	readonly url: string
	/** X-Forwarded-Host: the authority meant for the backend. */
	readonly forwardedHost?: string
}

export interface ResponseEdits extends HeaderChanges {
	readonly service: ServiceName
}

/** `odds` is 0–1. */
export const percentOf = (odds: number): number => Math.round(odds * 1e6) / 1e4
