/** The keys of the mesh: what they sign, how they rotate, and what was revoked. Private keys never leave it. */
import type { Result } from '../result.ts'
import type { IssuerKeys, PublicJwk, Trust } from '../snapshot/trust.ts'
import type {
	CertificateRequest,
	IssuedCertificate,
	IssuedToken,
	IssueRefusal,
	JoinEvidence,
	JoinRefusal,
	JwtSvidRequest,
	ShownOnce,
	WitRequest,
	WorkloadName,
} from './issuing.ts'
import type { Page } from './page.ts'
import type { Principal } from './policyStore.ts'

/** What a key of the ring signs. The last two are certificate authorities. */
export type KeyPurpose = 'wit-svid' | 'jwt-svid' | 'delegation' | 'x509-root' | 'x509-intermediate'

/**
 * `pending`: published, and signs nothing until nobody can hold a copy of the key set without it. `active`: signs. `retired`: verifies what
 * it signed. `removed`: kept as history only. `revoked`: removed before its time.
 */
export type KeyState = 'pending' | 'active' | 'retired' | 'removed' | 'revoked'

/** Times are RFC 3339; absent: not yet. */
export interface KeyInfo {
	readonly kid: string
	readonly purpose: KeyPurpose
	readonly state: KeyState
	readonly algorithm: 'ES256'
	readonly createdAt: string
	/** Since when verifiers can have it. */
	readonly publishedAt?: string
	readonly activatedAt?: string
	readonly retiredAt?: string
	readonly removedAt?: string
	/** When the last thing that it signed expires. */
	readonly signedUntil?: string
	/** Of a certificate authority: when its certificate ends. */
	readonly expiresAt?: string
}

export interface PurposeInfo {
	readonly purpose: KeyPurpose
	readonly active: string
	readonly pending?: string
	/** When the pending key takes over. */
	readonly nextRotationAt: string
	/** Rotations in a row that failed, and what the last one said. */
	readonly failures: number
	readonly lastFailure?: string
}

export interface KeyRingInfo {
	readonly trustDomain: string
	readonly issuer: string
	/** Grows with every change of what is published. */
	readonly version: number
	/** The version that the control plane's root has taken over; behind `version` while it cannot be reached. */
	readonly publishedVersion: number
	readonly purposes: readonly PurposeInfo[]
	/** Newest first; removed ones for a year. */
	readonly keys: readonly KeyInfo[]
	/** Id of the master key that private keys are sealed under; a resealing is due while several are listed. */
	readonly sealedUnder: readonly string[]
	/** In order of region. Absent, as the next: a ring of an older version tells. */
	readonly delegations?: readonly DelegationsInfo[]
	readonly revocations?: RevocationsInfo
}

/** How often isolates of a region had their key certified, since the mesh began; a crash may lose the last ten seconds. */
export interface DelegationsInfo {
	readonly region: string
	readonly certified: number
	/** Too many in too short a time. */
	readonly refused: number
	/** When one was certified last, RFC 3339. */
	readonly lastAt?: string
}

/** How much of what can be revoked at a time is. Long targets count several times, once for each 256 characters. */
export interface RevocationsInfo {
	readonly inForce: number
	readonly limit: number
	/** Since the mesh began, for want of room. */
	readonly refused: number
}

/** A rotation of one purpose, or of all. */
export interface RotateRequest {
	readonly purpose?: KeyPurpose
	/** The active key is not to be trusted any more: it is revoked at once, and with it all that it signed. */
	readonly compromised?: boolean
}

export interface RotateOutcome {
	readonly purpose: KeyPurpose
	/** The key that takes over, and when; in the past: it has. */
	readonly kid: string
	readonly activeAt: string
}

/** A certificate revocation list (RFC 5280 §5) of one of the mesh's authorities. */
export interface RevocationList {
	/** Of the authority: its subject key identifier, lower-case hex. */
	readonly keyId: string
	/** Greater than that of every list that the authority has signed before. */
	readonly number: number
	/** DER. Absent: whoever asks has this one. */
	readonly der?: Uint8Array<ArrayBuffer>
}

export interface JoinTokenInfo {
	readonly id: string
	readonly workload: WorkloadName
	/** `<namespace>/<name>` of the WorkloadTrust that it is for. */
	readonly trust: string
	readonly createdAt: string
	readonly createdBy: string
	readonly expiresAt: string
	readonly usedAt?: string
}

export type RevocationTarget =
	| { readonly kind: 'workload'; readonly workload: WorkloadName }
	| { readonly kind: 'token'; readonly jti: string }
	/** RFC 7638 thumbprint of a workload's key. */
	| { readonly kind: 'key'; readonly thumbprint: string }
	| { readonly kind: 'certificate'; readonly serialNumber: string }

export interface Revocation {
	readonly id: string
	readonly target: RevocationTarget
	readonly reason: string
	readonly revokedAt: string
	readonly revokedBy: string
	/** When nothing is left that it could refuse; of a workload: none, until it is lifted. */
	readonly expiresAt?: string
	/** The workload may join again; what was issued before the revocation stays refused. */
	readonly liftedAt?: string
}

/** No room is left for the actor: who revoked has as much as is free (`src/keys/limits.ts`). */
export interface RevokeRefusal {
	readonly reason: 'too_many_revocations'
	/** Of the actor, in force. */
	readonly held: number
	/** Of all operators. */
	readonly inForce: number
	readonly limit: number
}

/** A certificate of an isolate's own key: a JWT of type `selvedge-delegation+jwt`. */
export interface Delegation {
	readonly token: string
	readonly issuer: string
	/** ms since the epoch. */
	readonly expiresAt: number
}

export interface IdentityEvent {
	readonly id: number
	readonly at: string
	/** E.g. `wit.issue`, `certificate.issue`, `join.refuse`, `key.rotate`, `revocation.create`. */
	readonly action: string
	readonly actor: string
	readonly detail: Readonly<Record<string, string | number>>
}

/** JWKS of an issuer outside, or another trust domain's bundle document, as last fetched. */
export interface FetchedKeys {
	/** The URL that the document came from. */
	readonly url: string
	/** The document's text. */
	readonly body: string
	/** ms since the epoch, of the last good answer; of what is put, of this one. */
	readonly fetchedAt: number
	/** What the last try said, if it failed: the document is stale. */
	readonly failure?: string
}

/** What is known of such a document, without its text. */
export interface FetchedInfo {
	/** The issuer, or the trust domain. */
	readonly name: string
	/** `issuer`: its tokens let workloads join. `userIssuer`: end users show them. */
	readonly kind: 'issuer' | 'userIssuer' | 'trustDomain'
	readonly url: string
	/** ms since the epoch, of the last good answer; 0: none yet. */
	readonly fetchedAt: number
	/** ms since the epoch, of the last answer. */
	readonly triedAt: number
	readonly failure?: string
	/** Of a bundle: `spiffe_sequence`, in decimal digits. */
	readonly sequence?: string
	/** Of a bundle: how often it wants to be fetched, in seconds. */
	readonly refreshHintSeconds?: number
}

/** Where the keys of an issuer come from: its `jwksUri`, or without one OpenID Connect discovery. */
export interface IssuerSource {
	readonly issuer: string
	readonly jwksUri?: string
}

export interface KeyRingPort {
	issueWit(request: WitRequest): Promise<Result<IssuedToken, JoinRefusal>>
	issueJwtSvid(request: JwtSvidRequest): Promise<Result<IssuedToken, JoinRefusal>>
	issueCertificate(request: CertificateRequest): Promise<Result<IssuedCertificate, IssueRefusal>>
	/** For isolates of the proxy: `jwk` is the isolate's own public key. Limited by region. */
	delegate(isolate: string, region: string, jwk: PublicJwk): Promise<Result<Delegation, IssueRefusal>>

	/** `hash`: SHA-256 of the token, hex. Never shown again. */
	createJoinToken(
		request: {
			readonly workload: WorkloadName
			readonly trust: string
			readonly hash: string
			readonly ttlSeconds: number
		},
		actor: Principal,
	): Promise<JoinTokenInfo>
	listJoinTokens(): Promise<readonly JoinTokenInfo[]>
	deleteJoinToken(id: string, actor: Principal): Promise<boolean>
	/** Whom it is for. Null: unknown, used or expired. Issuing uses it up. */
	findJoinToken(hash: string): Promise<{ readonly workload: WorkloadName; readonly trust: string } | null>
	/**
	 * `first` once per value, whoever shows it, until it expires. `subject`: who has proven it, a SPIFFE ID. Each has a share of what is
	 * remembered, and who fills it is told `full` alone.
	 */
	once(subject: string, shown: ShownOnce): Promise<'first' | 'again' | 'full'>
	/** Whether a peer may try to join now; the seconds to wait if not. Counts the try. */
	admitJoin(clientAddress: string): Promise<{ readonly retryAfterSeconds: number } | null>
	/** A try to join that was refused, for audit. */
	refused(evidence: Omit<JoinEvidence, 'trust'>, why: string): Promise<void>

	info(): Promise<KeyRingInfo>
	rotate(request: RotateRequest, actor: Principal): Promise<Result<readonly RotateOutcome[], IssueRefusal>>
	/** To be called at least once an hour: creates, activates, retires and removes what is due, reseals, and publishes. */
	tick(): Promise<KeyRingInfo>
	revoke(target: RevocationTarget, reason: string, actor: Principal): Promise<Result<Revocation, RevokeRefusal>>
	/** A workload may join again. False: there is no such revocation of a workload. */
	lift(id: string, actor: Principal): Promise<boolean>
	listRevocations(options: { limit: number; after?: string }): Promise<Page<Revocation>>
	/** Newest first. */
	events(options: { limit: number; after?: string }): Promise<Page<IdentityEvent>>

	/** What the data plane knows, and the certificates beside: what JWKS and the SPIFFE bundle document are made of. */
	published(): Promise<Published>
	/** Of every authority below which a certificate may count; a compromised one has none. `known`: numbers by key id. */
	revocationLists(known: Readonly<Record<string, number>>): Promise<readonly RevocationList[]>

	/** Keys of issuers and trust domains outside, by issuer or trust domain. */
	fetchedKeys(name: string): Promise<FetchedKeys | null>
	/** In order of name. */
	listFetchedKeys(): Promise<readonly FetchedInfo[]>
	/** A good document replaces the one before; a failure is only noted. It becomes part of `trust`, but for those of kind `issuer`. */
	putFetchedKeys(name: string, kind: FetchedInfo['kind'], fetched: FetchedKeys): Promise<void>
	/** Those that are not in the list are forgotten. */
	keepFetchedKeys(names: readonly string[]): Promise<void>
	/**
	 * For isolates that lack a key of an issuer of end users' tokens. It is asked for what is not known here, at most once in ten seconds;
	 * the answer has all keys that there are, whether that one is among them or not. Null: none was ever fetched.
	 */
	issuerKeys(source: IssuerSource, kid: string | undefined): Promise<IssuerKeys | null>
}

export interface Published {
	readonly version: number
	readonly trust: Trust
	/** Roots, PEM: pending, active and retired ones. */
	readonly roots: readonly string[]
	/** For how long a copy of the key set may be used, in seconds. */
	readonly maxAgeSeconds: number
}
