/** API tokens: what they look like, and the hash that the store knows them by. */
import { toBase64Url } from '../../src/base64url.ts'

/** A new token: 256 random bits, recognisable to secret scanners by its prefix. Shown once, never stored. */
export function newToken(): string {
	return `selvedge_${toBase64Url(crypto.getRandomValues(new Uint8Array(32)))}`
}

/**
 * SHA-256 of a token, in hex. A plain hash is enough because tokens are random, not chosen; and looking up a hash takes
 * no longer for a nearly right token, so the comparison tells nothing about it.
 */
export async function hashOf(token: string): Promise<string> {
	const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token))
	return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The token of an `Authorization: Bearer …` header (RFC 6750 §2.1), or undefined. */
export function bearerToken(header: string | null): string | undefined {
	return /^Bearer +([\x21-\x7e]{1,512})$/i.exec(header?.trim() ?? '')?.[1]
}
