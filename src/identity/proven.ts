/** What a proof proved, or why it proved nothing. */
import { err, type Result } from '../result.ts'
import type { PeerMethod } from '../snapshot/peerAuthentication.ts'
import type { TrustStore } from './trustStore.ts'

/** Times in ms since the epoch. */
export interface Proven {
	readonly spiffeId: string
	readonly trustDomain: string
	/** Of a workload of ours; absent for those of other trust domains. */
	readonly namespace?: string
	readonly workload?: string
	readonly method: PeerMethod
	/** 0 when the credential does not say: every revocation of the workload then counts. */
	readonly issuedAt: number
	readonly expiresAt: number
	readonly tokenId?: string
	/** RFC 7638, of the workload's own key. */
	readonly keyThumbprint?: string
	/** Of a certificate: lower-case hex without leading zeros. */
	readonly serialNumber?: string
}

/** One for each way to be wrong. */
export type ProofCode =
	| 'too_large'
	/** Not the form it should have: JWS, base64url, JSON, DER. */
	| 'malformed'
	/** `crit`, `b64`, or a parameter that the profile forbids. */
	| 'unsupported_header'
	| 'wrong_type'
	/** Not among those allowed: `none`, HMAC, or EdDSA in an SVID. */
	| 'unsupported_algorithm'
	/** Allowed, but not that of the key. */
	| 'algorithm_mismatch'
	| 'missing_key_id'
	| 'unknown_trust_domain'
	| 'unknown_key'
	/** The key that is published under this name cannot be used, or several are. */
	| 'unusable_key'
	| 'bad_signature'
	/** Not a SPIFFE ID of a workload. */
	| 'bad_subject'
	| 'bad_time'
	| 'expired'
	| 'not_yet_valid'
	| 'too_long_lived'
	| 'wrong_issuer'
	| 'wrong_audience'
	/** A WIT-SVID must have none. */
	| 'unexpected_audience'
	/** `cnf` does not bind a usable key. */
	| 'bad_confirmation'
	| 'bad_token_id'
	/** `wth`: the proof is for another WIT. */
	| 'wrong_token_hash'
	| 'wrong_access_token_hash'
	| 'wrong_txn_token_hash'
	| 'wrong_other_token_hash'
	| 'bad_claim'
	/** A certificate that may not stand for a workload: of an authority, or of other key usage. */
	| 'not_a_leaf'
	| 'unsupported_extension'
	| 'revoked'

export interface ProofError {
	readonly code: ProofCode
	/** A sentence that says what would be right. Nothing of what was sent is in it. */
	readonly detail: string
}

export const refuse = (code: ProofCode, detail: string): Result<never, ProofError> => err({ code, detail })

/** Whether the workload, its token, key or certificate was revoked. To be asked again whenever `trust` changes. */
export function isRevoked({ revoked }: TrustStore, proven: Proven): boolean {
	const { spiffeId, issuedAt, tokenId, keyThumbprint, serialNumber } = proven
	return (
		issuedAt <= (revoked.workloads.get(spiffeId) ?? Number.NEGATIVE_INFINITY) ||
		(tokenId !== undefined && revoked.tokens.has(tokenId)) ||
		(keyThumbprint !== undefined && revoked.keys.has(keyThumbprint)) ||
		(serialNumber !== undefined && revoked.certificates.has(serialNumber))
	)
}
