/** What workloads ask of the key ring: identities, what they cost, and why there is none. */
import type { PublicJwk } from '../snapshot/trust.ts'

/** A workload of this mesh: `spiffe://<trust domain>/ns/<namespace>/sa/<workload>`. */
export interface WorkloadName {
	readonly namespace: string
	readonly workload: string
}

/** How a workload proved that it may have an identity; for audit. */
export interface JoinEvidence {
	readonly method: 'joinToken' | 'oidc' | 'privateKeyJwt' | 'clientCertificate' | 'renewal'
	/** `<namespace>/<name>` of the WorkloadTrust that allowed it. */
	readonly trust: string
	/** Who said so: issuer and subject, key id, or fingerprint. No secret. */
	readonly subject: string
	/** The peer's, '' when unknown. */
	readonly clientAddress: string
}

/** What may be shown to the mesh only once, until it expires. */
export interface ShownOnce {
	readonly value: string
	/** ms since the epoch. */
	readonly expiresAt: number
}

/** What an issuing uses up: all of it, or, where nothing is issued, nothing. */
export interface Uses {
	/** SHA-256, hex, of a join token for the workload by the WorkloadTrust of the evidence. */
	readonly joinToken?: string
	/** Of proofs that have been verified. They take of the workload's share of the memory. */
	readonly once?: readonly ShownOnce[]
}

export interface WitRequest {
	readonly workload: WorkloadName
	/** The workload's own key, of which it has proven possession. ES256. */
	readonly jwk: PublicJwk
	readonly ttlSeconds: number
	readonly evidence: JoinEvidence
	readonly uses?: Uses
}

export interface JwtSvidRequest {
	readonly workload: WorkloadName
	/** 1–8. */
	readonly audiences: readonly string[]
	readonly ttlSeconds: number
	readonly evidence: JoinEvidence
	readonly uses?: Uses
}

export interface CertificateRequest {
	readonly workload: WorkloadName
	/** PKCS #10, PEM. */
	readonly csr: string
	readonly ttlSeconds: number
	readonly evidence: JoinEvidence
}

export interface IssuedToken {
	readonly token: string
	readonly spiffeId: string
	/** Seconds. */
	readonly expiresIn: number
}

export interface IssuedCertificate {
	readonly spiffeId: string
	/** The leaf, then what leads to the root, which is not among them. PEM, in order. */
	readonly chain: readonly string[]
	/** The roots, PEM. */
	readonly bundle: readonly string[]
	readonly expiresIn: number
	/** Lower-case hex. */
	readonly serialNumber: string
}

export type IssueRefusal =
	/** The workload is revoked and the revocation has not been lifted. */
	| { readonly reason: 'workload_revoked' }
	| { readonly reason: 'key_revoked' }
	/** The CSR: what is wrong with it. */
	| { readonly reason: 'invalid_csr'; readonly detail: string }
	| { readonly reason: 'invalid_key'; readonly detail: string }
	/** Too many in too short a time. */
	| { readonly reason: 'too_many'; readonly retryAfterSeconds: number }
	/** The ring has no master key, or none that opens what it holds. */
	| { readonly reason: 'sealed'; readonly detail: string }

export type JoinRefusal =
	| IssueRefusal
	/** Unknown, used, expired, or for another workload or WorkloadTrust. */
	| { readonly reason: 'join_token_gone' }
	/** Which of `uses.once`. */
	| { readonly reason: 'shown_before'; readonly value: string }
