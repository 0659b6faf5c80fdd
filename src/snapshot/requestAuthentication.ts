/**
 * Which end users' tokens a service believes, as it travels: Istio's RequestAuthentication
 * (https://istio.io/latest/docs/reference/config/security/request_authentication/).
 *
 * Rules of the mesh, of the namespace and of the Service add up. A token that is shown where a rule looks must be a good one of that
 * rule's issuer, or of another rule's; a request without one has no user, and goes on: that is for authorization to mind.
 */
import type { PublicJwk } from './trust.ts'

export interface JwtRule {
	/** `iss` must be equal. */
	readonly issuer: string
	/** One of them must be in `aud`; absent: any audience will do. */
	readonly audiences?: readonly string[]
	readonly keys: JwtKeys
	readonly from: readonly TokenPlace[]
	/** The service gets the payload, base64url, in this field. Lower case. */
	readonly outputPayloadToHeader?: string
	readonly outputClaimToHeaders?: readonly { readonly header: string; readonly claim: readonly string[] }[]
	/** Otherwise the token is taken off the request. */
	readonly forwardOriginalToken?: true
	/** By how much `exp`, `nbf` and `iat` may be off. */
	readonly clockSkewMs: number
	/** Claims whose text is a list, divided by spaces. */
	readonly spaceDelimitedClaims: readonly string[]
}

export type JwtKeys =
	| { readonly inline: readonly UserKey[] }
	/** Of part `trust`, where the control plane puts what it fetches: see `IssuerKeys`. */
	| { readonly fetched: string }

/** In a field after `prefix`, in a query parameter, or in a cookie. Names of fields are lower case. */
export type TokenPlace =
	| { readonly in: 'header'; readonly name: string; readonly prefix: string }
	| { readonly in: 'param' | 'cookie'; readonly name: string }

/** A key with the one algorithm that it may be used with, and the id by which tokens name it, if it has one. */
export interface UserKey {
	readonly kid?: string
	readonly jwk: PublicJwk
	/** Other algorithms that it may be used with: of an RSA key whose issuer does not say which one it is for. */
	readonly alsoFor?: readonly string[]
}
