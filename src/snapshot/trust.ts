/** What the data plane must know to tell who calls: keys of the mesh and of those it trusts, and what was revoked. Part `trust`. */

/** A public key as JWK (RFC 7517), with its `alg`, which is the only one that it may be used with (RFC 8725 §3.1). */
export interface PublicJwk {
	readonly kty: 'EC' | 'RSA' | 'OKP'
	readonly alg: string
	readonly crv?: string
	readonly x?: string
	readonly y?: string
	readonly n?: string
	readonly e?: string
}

/**
 * What a key may have signed. `wit-svid` and `jwt-svid` as in the SPIFFE bundle; `delegation`: certificates of the keys with
 * which isolates sign caller assertions.
 */
export type KeyUse = 'wit-svid' | 'jwt-svid' | 'delegation'

export interface TrustKey {
	readonly kid: string
	readonly use: KeyUse
	readonly jwk: PublicJwk
}

/** A certificate authority whose leaves are X509-SVIDs: its public key, by what its certificates call it. */
export interface CertificateAuthority {
	/** Subject key identifier, lower-case hex: the leaf's authority key identifier names it. */
	readonly keyId: string
	readonly jwk: PublicJwk
}

/** The keys of one trust domain. Keys of one are never believed of another (SPIFFE Trust Domain and Bundle §5.1). */
export interface TrustBundle {
	/** E.g. `mesh.example.com`. */
	readonly trustDomain: string
	readonly keys: readonly TrustKey[]
	readonly authorities: readonly CertificateAuthority[]
}

export interface FederatedBundle extends TrustBundle {
	/**
	 * The URL that it came from: the control plane passes it on only while a FederatedTrustDomain asks for the bundle at this URL. The
	 * data plane is not told.
	 */
	readonly endpoint?: string
}

/** Times are in ms since the epoch. An entry is dropped when everything that it speaks of has expired. */
export interface Revocations {
	/** SPIFFE ID → what was issued to it at this time or earlier is refused. */
	readonly workloads: Readonly<Record<string, number>>
	/** `jti` of WITs and JWT-SVIDs. */
	readonly tokens: readonly string[]
	/** RFC 7638 SHA-256 thumbprints of keys that workloads prove, whatever token binds them. */
	readonly keys: readonly string[]
	/** Serial numbers of X509-SVIDs, lower-case hex without leading zeros. */
	readonly certificates: readonly string[]
}

/** The keys of an issuer of end users' tokens, as last fetched. They outlive every failure to fetch them anew. */
export interface IssuerKeys {
	/** The issuer's URL, and `#` with the URL of its keys where these were not found by discovery. */
	readonly name: string
	/** See `UserKey`. */
	readonly keys: readonly { readonly kid?: string; readonly jwk: PublicJwk; readonly alsoFor?: readonly string[] }[]
}

export interface Trust extends TrustBundle {
	readonly kind: 'trust'
	/** `iss` of JWT-SVIDs and caller assertions, where OIDC discovery finds the keys: an origin without a final `/`. */
	readonly issuer: string
	readonly revocations: Revocations
	/** Bundles of other trust domains, each by its own name. */
	readonly federated: readonly FederatedBundle[]
	/** In order of name. Absent: no RequestAuthentication needs fetched keys. */
	readonly issuers?: readonly IssuerKeys[]
}
