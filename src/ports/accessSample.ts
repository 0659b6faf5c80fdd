/** A request as it is remembered for trying out policies: what policies look at, and of what is private only digests. */

/**
 * A keyed digest: the first 16 hexadecimal digits of HMAC-SHA-256 over what the value is, a line break, and the value. The key goes with
 * the samples, so that a policy's own texts can be compared with them; nothing but guessing brings a value back.
 */
export type Digest = string

export interface AccessSample {
	/** ms since the epoch. */
	readonly at: number
	/** `<namespace>/<name>`. */
	readonly service: string
	/** Name of the rule that matched; '' for the one that stands in while a Service has no route. */
	readonly rule: string
	readonly method: string
	/** Lower case, without a port. */
	readonly host: string
	readonly port: number
	/** As the service sees it and policies compare it, without the query; at most 256 characters. */
	readonly path: string
	/** There was more of it. */
	readonly pathCut?: true
	/** Why a policy that looks at paths would refuse it. */
	readonly ambiguous?: string
	/** There was a query, of which nothing is said. */
	readonly query?: true
	/** The workload that called, as far as it counted for the service. */
	readonly caller?: SampledCaller
	/** Of the client: `192.0.2.0/24`, `2001:db8:1::/48`; '' unknown. */
	readonly network: string
	readonly user?: SampledUser
	/** Of the JWT-SVID in `Authorization`, which is a user's token only where a rule believes its issuer; of '' where it names none. */
	readonly workloadIssuer?: Digest
	/** It showed a token that was not believed, and so was refused before any policy was asked. */
	readonly refusedUser?: RefusedUser
	/** Lower case. Null: it was there, and nothing may be said of it. */
	readonly headers: readonly (readonly [name: string, value: Digest | null])[]
	/** There were more. */
	readonly headersCut?: true
	/** What became of it. */
	readonly allowed: boolean
}

export interface SampledCaller {
	readonly spiffeId: string
	/** Of a workload of the mesh. */
	readonly namespace?: string
	readonly workload?: string
}

export interface SampledUser {
	/** In clear. */
	readonly issuer: string
	/** Of `<iss>/<sub>`. */
	readonly principal: Digest
	readonly audiences: readonly Digest[]
	readonly presenter?: Digest
	/** Several tokens were shown. What is said is of one of them. */
	readonly isOfSeveral?: true
	/** What conditions can compare: claims that have texts, each with those of its members. */
	readonly claims: readonly (readonly [path: readonly string[], values: readonly Digest[]])[]
	/** There were more. */
	readonly claimsCut?: true
}

export interface RefusedUser {
	/** The one that the token claims; of '' where it claims none. Undefined: it showed several tokens. */
	readonly issuer?: Digest
}

/** Samples with the key of their digests. */
export interface SampleBatch {
	/** 32 bytes, hexadecimal. Each isolate has its own, and a new one every day. */
	readonly key: string
	readonly samples: readonly AccessSample[]
}

/** Which samples. `namespaces`: only of services of these. */
export interface SampleRequest {
	/** ms since the epoch. */
	readonly since: number
	/** The newest, 1–10,000. */
	readonly limit: number
	readonly namespaces?: readonly string[]
}
