/** The documents by which an OpenID Connect issuer says what its keys are: found, read and checked. Who fetches them is elsewhere. */
import { err, ok, type Result } from '../result.ts'

/** Of either document, in bytes. */
export const MAX_DOCUMENT_BYTES = 262_144
/** Large issuers publish about ten. */
const MAX_KEYS = 100
const KEY_TYPES: readonly unknown[] = ['EC', 'RSA', 'OKP']

/** Where the keys of an issuer come from, as a WorkloadTrust says it. */
export interface KeySource {
	readonly issuer: string
	/** Found by discovery when left out. */
	readonly jwksUri?: string
}

/** A key as it was published (RFC 7517), its members unchecked but for `kty`. */
export type IssuerKey = { readonly kty: string; readonly [member: string]: unknown }

/**
 * What the KeyRing keeps the keys under. Keys that one WorkloadTrust finds elsewhere than by discovery are no keys for another: an
 * issuer's URL has no fragment, so that no two sources have one name.
 */
export const keysName = ({ issuer, jwksUri }: KeySource): string =>
	jwksUri === undefined ? issuer : `${issuer}#${jwksUri}`

/** OpenID Connect Discovery 1.0 §4.1: a final `/` of the issuer is left out. */
export const discoveryUrl = (issuer: string): string => `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`

/** `jwks_uri` of a discovery document. Its `issuer` must be the very issuer that was asked for (Discovery §4.3). */
export function readDiscovery(text: string, issuer: string): Result<string, string> {
	const document = jsonObject(text)
	if (document === undefined) return err('the discovery document is no JSON object')
	if (document.issuer !== issuer) return err('the discovery document is of another issuer: its issuer must be equal')
	const { jwks_uri } = document
	return typeof jwks_uri === 'string' ? ok(jwks_uri) : err('the discovery document has no jwks_uri')
}

/** The public keys of a JWK Set (RFC 7517 §5): entries of unknown and of symmetric type are left out. */
export function readKeySet(text: string): Result<readonly IssuerKey[], string> {
	const keys = jsonObject(text)?.keys
	if (!Array.isArray(keys)) return err('the key set is no JSON object with keys')
	if (keys.length > MAX_KEYS) return err(`the key set has ${keys.length} keys; at most ${MAX_KEYS} are read`)
	return ok(keys.filter(isPublicKey))
}

function isPublicKey(value: unknown): value is IssuerKey {
	if (typeof value !== 'object' || value === null) return false
	return KEY_TYPES.includes((value as IssuerKey).kty) && !Object.hasOwn(value, 'd')
}

function jsonObject(text: string): Record<string, unknown> | undefined {
	try {
		const value: unknown = JSON.parse(text)
		return typeof value === 'object' && value !== null && !Array.isArray(value)
			? (value as Record<string, unknown>)
			: undefined
	} catch {
		return undefined
	}
}
