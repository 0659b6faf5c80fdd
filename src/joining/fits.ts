/** Whether somebody who has proven something may have the identity that a WorkloadTrust gives. */
import type { WorkloadName } from '../ports/issuing.ts'
import { err, ok, type Result } from '../result.ts'
import type { PublicJwk } from '../snapshot/trust.ts'
import { type CertificateRules, type PresentedCertificate, unmetRule } from './certificate.ts'
import { type ClaimRules, type Claims, isMeantFor, unmetClaim } from './claims.ts'

interface OidcRules {
	/** Equal to `iss`, letter by letter. */
	readonly issuer: string
	readonly audiences: readonly string[]
	readonly claims?: ClaimRules
	/** Service accounts of the Kubernetes namespace that is called as the trust's own name the workload. */
	readonly kubernetesServiceAccounts?: { readonly names?: readonly string[] }
}

interface PrivateKeyRules {
	readonly jwks: { readonly keys: readonly PublicJwk[] }
	readonly audiences?: readonly string[]
}

/** A WorkloadTrust, as far as it matters here: it has exactly one of the four methods. */
export interface TrustDocument {
	readonly metadata: { readonly namespace: string; readonly name: string }
	readonly spec: {
		readonly workload?: string
		readonly oidc?: OidcRules
		readonly joinToken?: object
		readonly privateKeyJwt?: PrivateKeyRules
		readonly clientCertificate?: CertificateRules
	}
}

/** What somebody has proven. Signatures, times and single use are checked before; here it is asked whom the proof makes. */
export type Evidence =
	| { readonly method: 'oidc'; readonly claims: Claims }
	/** As the key ring tells when it redeems the token. */
	| { readonly method: 'joinToken'; readonly workload: WorkloadName; readonly trust: string }
	| {
			readonly method: 'privateKeyJwt'
			readonly claims: Claims
			/** The key that verified the assertion. */
			readonly key: PublicJwk
			/** What the mesh calls itself: its issuer and the URL of the token endpoint. */
			readonly audiences: readonly string[]
	  }
	| { readonly method: 'clientCertificate'; readonly certificate: PresentedCertificate }

/** The workload that the proof makes, or which rule of the trust does not hold: for audit, not for who asks. */
export function fits(trust: TrustDocument, evidence: Evidence, trustDomain: string): Result<WorkloadName, string> {
	const { metadata, spec } = trust
	const unmet = unmetBy(trust, evidence, trustDomain)
	if (unmet !== undefined) return err(`spec.${unmet}`)
	const workload =
		spec.oidc?.kubernetesServiceAccounts !== undefined && evidence.method === 'oidc'
			? serviceAccountOf(evidence.claims, metadata.namespace)
			: spec.workload
	return workload === undefined ? err('spec.workload') : ok({ namespace: metadata.namespace, workload })
}

/** The first rule that does not hold. */
function unmetBy(trust: TrustDocument, evidence: Evidence, trustDomain: string): string | undefined {
	const { oidc, joinToken, privateKeyJwt, clientCertificate } = trust.spec
	switch (evidence.method) {
		case 'oidc':
			return oidc === undefined ? 'oidc' : unmetOf(oidc, evidence.claims, trust.metadata.namespace)
		case 'joinToken':
			return joinToken !== undefined && isFor(trust, evidence) ? undefined : 'joinToken'
		case 'privateKeyJwt':
			return privateKeyJwt === undefined
				? 'privateKeyJwt'
				: unmetAssertion(privateKeyJwt, evidence, namesOf(trust, trustDomain))
		case 'clientCertificate':
			return clientCertificate === undefined ? 'clientCertificate' : unmetRule(clientCertificate, evidence.certificate)
	}
}

function unmetOf(rules: OidcRules, claims: Claims, namespace: string): string | undefined {
	if (claims.iss !== rules.issuer) return 'oidc.issuer'
	if (!isMeantFor(rules.audiences, claims)) return 'oidc.audiences'
	const accounts = rules.kubernetesServiceAccounts
	const name = serviceAccountOf(claims, namespace)
	if (accounts !== undefined && (name === undefined || accounts.names?.includes(name) === false))
		return 'oidc.kubernetesServiceAccounts'
	if (Object.keys(rules.claims ?? {}).length === 0) return accounts === undefined ? 'oidc.claims' : undefined
	const unmet = unmetClaim(rules.claims ?? {}, claims)
	return unmet === undefined ? undefined : `oidc.claims[${JSON.stringify(unmet)}]`
}

/** A Kubernetes name that the mesh has for workloads too: 1–63 lower-case letters, digits and single `-`. */
const SERVICE_ACCOUNT = /^system:serviceaccount:([a-z0-9-]{1,63}):((?!.*--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)$/

/** The name of the service account, if it is of that namespace. */
function serviceAccountOf({ sub }: Claims, namespace: string): string | undefined {
	const [, of, name] = (typeof sub === 'string' && SERVICE_ACCOUNT.exec(sub)) || []
	return of === namespace ? name : undefined
}

const isFor = (
	{ metadata, spec }: TrustDocument,
	{ workload, trust }: Extract<Evidence, { method: 'joinToken' }>,
): boolean =>
	trust === `${metadata.namespace}/${metadata.name}` &&
	workload.namespace === metadata.namespace &&
	workload.workload === spec.workload

/** RFC 7523 §3: issuer and subject are the client. */
function unmetAssertion(
	{ jwks, audiences }: PrivateKeyRules,
	{ claims, key, ...evidence }: Extract<Evidence, { method: 'privateKeyJwt' }>,
	names: readonly string[],
): string | undefined {
	if (!jwks.keys.some((own) => isSameKey(own, key))) return 'privateKeyJwt.jwks'
	if (claims.iss !== claims.sub || !names.some((name) => name === claims.sub)) return 'workload'
	return isMeantFor(audiences ?? evidence.audiences, claims) ? undefined : 'privateKeyJwt.audiences'
}

function namesOf({ metadata, spec }: TrustDocument, trustDomain: string): readonly string[] {
	if (spec.workload === undefined) return []
	return [
		`spiffe://${trustDomain}/ns/${metadata.namespace}/sa/${spec.workload}`,
		`${metadata.namespace}/${spec.workload}`,
	]
}

const MEMBERS = ['kty', 'alg', 'crv', 'x', 'y', 'n', 'e'] as const
const isSameKey = (a: PublicJwk, b: PublicJwk): boolean => MEMBERS.every((member) => a[member] === b[member])
