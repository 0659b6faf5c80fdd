/** What the bench measures of a rule's feature, and the words in which features are written down. */
import type { Document } from '../documents.ts'
import type { Answer } from '../http.ts'
import type { WireRequest } from '../httpFraming.ts'

export interface Feature {
	/** The row in the results. */
	readonly title: string
	/** First segment of the paths that its rules match, and its route's name. */
	readonly name: string
	/** Its rules, but for their match. */
	readonly rules: readonly Document[]
	/** What the rules refer to. */
	readonly documents?: readonly Document[]
	/** The request that is measured, here and on the plain rule. */
	readonly request?: Omit<WireRequest, 'host' | 'path'>
	/** Of the answers while it is measured; 200 when left out. */
	readonly status?: number
	/** Fields of the measured request that a first answer tells. */
	readonly learn?: (first: Answer) => Readonly<Record<string, string>>
	readonly proof: Proof
}

/** Requests that would be answered otherwise, or arrive otherwise, if the feature did nothing. */
export interface Proof {
	/** How many; 1 when left out. */
	readonly times?: number
	readonly headers?: Readonly<Record<string, string>>
	/** Stands in for what the rules refer to while they are proved: a feature that is off shows nothing. */
	readonly documents?: readonly Document[]
	readonly holds: (evidence: Evidence) => boolean
}

export interface Evidence {
	readonly answers: readonly Answer[]
	/** Requests that the upstreams got meanwhile. */
	readonly received: number
	/** What `learn` said. */
	readonly learned: Readonly<Record<string, string>>
}

/** The services that rules send to. `other` answers with another letter than the rest. */
export const BACKEND = 'backend'
export const OTHER = 'other'
export const EXTERNAL = 'external'

export const to = (...services: readonly string[]): Document => ({
	backendRefs: services.map((name, i) => ({ name, port: 80, weight: i + 1 })),
})

export const filtered = (...filters: readonly Document[]): Document => ({ filters, ...to(BACKEND) })

export const extension = (kind: string, name: string): Document => ({
	type: 'ExtensionRef',
	extensionRef: { group: 'selvedge.dev', kind, name },
})
export const extended = (kind: string, name: string, spec: Document): Document => ({
	apiVersion: 'selvedge.dev/v1',
	kind,
	metadata: { name },
	spec,
})

export const first = ({ answers }: Evidence): Answer => answers[0]!
/** What the upstream saw of the first request, in lower case. */
export const shown = (evidence: Evidence): string => first(evidence).body.toLowerCase()
