/**
 * JSON Web Signatures in compact form (RFC 7515 §3.1), as RFC 8725 wants them used: the key says the algorithm, never the token.
 *
 * Members given twice are harmless: the last one counts, as RFC 7515 §4 and RFC 7519 §4 allow; nobody in the mesh reads another.
 */
import { fromBase64Url, toBase64Url } from '../base64url.ts'
import { err, ok, type Result } from '../result.ts'
import { algOfKey, algorithmOf } from './algorithms.ts'

/** `jku`, `jwk`, `x5u` and whatever else is in there is never followed. */
export interface JoseHeader {
	readonly alg: string
	readonly kid?: string
	readonly typ?: string
	readonly [parameter: string]: unknown
}

export interface Jws {
	readonly header: JoseHeader
	readonly payload: Uint8Array
	readonly signature: Uint8Array<ArrayBuffer>
	/** What the signature is over: header and payload as they came. */
	readonly signed: ReturnType<TextEncoder['encode']>
}

export type Claims = Readonly<Record<string, unknown>>

export interface Jwt extends Jws {
	readonly claims: Claims
}

/** `unsupported_header`: `crit`, whose extensions nobody here knows, or `b64` (RFC 7797). */
export type JwsFault = 'too_large' | 'malformed' | 'unsupported_header'

/** In characters, which are bytes: all of them are ASCII. */
export const MAX_TOKEN_BYTES = 8_192

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Any payload. Nothing is verified. */
export function parseCompact(token: string, maxBytes = MAX_TOKEN_BYTES): Result<Jws, JwsFault> {
	if (token.length > maxBytes) return err('too_large')
	const [protectedPart = '', payloadPart = '', signaturePart, extra] = token.split('.', 4)
	if (signaturePart === undefined || extra !== undefined) return err('malformed')
	const header = headerOf(fromBase64Url(protectedPart))
	const payload = fromBase64Url(payloadPart)
	const signature = fromBase64Url(signaturePart)
	if (header === undefined || payload === undefined || signature === undefined) return err('malformed')
	if (Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'b64')) return err('unsupported_header')
	return ok({ header, payload, signature, signed: encoder.encode(`${protectedPart}.${payloadPart}`) })
}

/** A JWT (RFC 7519): the payload is an object. Nothing is verified. */
export function parseJws(token: string, maxBytes = MAX_TOKEN_BYTES): Result<Jwt, JwsFault> {
	const parsed = parseCompact(token, maxBytes)
	if (!parsed.ok) return parsed
	const claims = jsonObject(parsed.value.payload)
	return claims === undefined ? err('malformed') : ok({ ...parsed.value, claims })
}

function headerOf(bytes: Uint8Array | undefined): JoseHeader | undefined {
	const header = bytes && jsonObject(bytes)
	if (header === undefined || typeof header.alg !== 'string') return undefined
	const isText = (value: unknown) => value === undefined || typeof value === 'string'
	return isText(header.kid) && isText(header.typ) ? (header as JoseHeader) : undefined
}

function jsonObject(bytes: Uint8Array): Claims | undefined {
	try {
		const value: unknown = JSON.parse(decoder.decode(bytes))
		return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Claims) : undefined
	} catch {
		return undefined
	}
}

/** Whether the key signed it, with the one algorithm that the key is for: the header must name the very same. */
export async function verifyJws(
	{ header, signature, signed }: Pick<Jws, 'header' | 'signature' | 'signed'>,
	key: CryptoKey,
): Promise<boolean> {
	const alg = algOfKey(key)
	if (alg === undefined || header.alg !== alg || signature.length !== signatureBytes(alg, key)) return false
	try {
		return await crypto.subtle.verify(algorithmOf(alg)!.verify, key, signature, signed)
	} catch {
		// Some runtimes throw where a number of the signature is out of range.
		return false
	}
}

function signatureBytes(alg: string, key: CryptoKey): number {
	const algorithm = algorithmOf(alg)!
	if (algorithm.kty === 'EC') return algorithm.fieldBytes * 2
	return algorithm.kty === 'OKP'
		? 64
		: Math.ceil(((key.algorithm as { modulusLength?: number }).modulusLength ?? 0) / 8)
}

/** Compact form. `header.alg` must be what the key is for. */
export async function signJws(
	header: { readonly alg: string; readonly [parameter: string]: unknown },
	claims: object,
	key: CryptoKey,
): Promise<string> {
	const algorithm = algorithmOf(header.alg)
	if (algorithm === undefined || algOfKey(key) !== header.alg) throw new Error(`the key is not for ${header.alg}`)
	const part = (value: object) => toBase64Url(encoder.encode(JSON.stringify(value)))
	const signed = `${part(header)}.${part(claims)}`
	const signature = await crypto.subtle.sign(algorithm.verify, key, encoder.encode(signed))
	return `${signed}.${toBase64Url(new Uint8Array(signature))}`
}

/** `typ` as a media type: in lower case, and without the `application/` that may be left out (RFC 7515 §4.1.9). */
export const mediaTypeOf = ({ typ }: JoseHeader): string | undefined =>
	typ?.toLowerCase().replace(/^application\/(?=[^/]+$)/, '')
