/** A workload's identity as it holds it: a WIT, and the private key that the WIT binds. */
import { hashOf } from '../base64url.ts'
import type { PublicJwk } from '../snapshot/trust.ts'

export const ES256 = { name: 'ECDSA', namedCurve: 'P-256' }

/** Made for one WIT and used with no other (draft-ietf-wimse-wpt-02 §3.2). */
export interface WorkloadKey {
	readonly privateKey: CryptoKey
	readonly jwk: PublicJwk
}

/** Times of the mesh, in ms since the epoch. */
export interface Credential {
	readonly spiffeId: string
	readonly wit: string
	/** `wth` of its proofs. */
	readonly witHash: string
	readonly key: WorkloadKey
	readonly expiresAt: number
	/** From when on another one should be asked for. */
	readonly renewAt: number
}

/** `extractable` where it is to be written down. */
export async function createKey(extractable: boolean): Promise<WorkloadKey> {
	const pair = (await crypto.subtle.generateKey(ES256, extractable, ['sign', 'verify'])) as CryptoKeyPair
	const { x, y } = (await crypto.subtle.exportKey('jwk', pair.publicKey)) as { x: string; y: string }
	return { privateKey: pair.privateKey, jwk: { kty: 'EC', alg: 'ES256', crv: 'P-256', x, y } }
}

/** After two thirds of its life, less up to a tenth: replicas that began together do not return together. */
const RENEW_AFTER = 2 / 3
const JITTER = 0.1

interface Issued {
	readonly spiffeId: string
	readonly wit: string
	readonly issuedAt: number
	readonly expiresAt: number
}

export async function credentialOf(issued: Issued, key: WorkloadKey, random: number): Promise<Credential> {
	const { spiffeId, wit, issuedAt, expiresAt } = issued
	const renewAt = issuedAt + (expiresAt - issuedAt) * (RENEW_AFTER - JITTER * random)
	return { spiffeId, wit, witHash: await hashOf(wit), key, expiresAt, renewAt }
}

/** As a text, for where it is to outlive the process. It is a secret: whoever has it is the workload until `expiresAt`. */
export async function writeCredential({ spiffeId, wit, key, expiresAt, renewAt }: Credential): Promise<string> {
	const privateKey = await crypto.subtle.exportKey('jwk', key.privateKey)
	return JSON.stringify({ spiffeId, wit, expiresAt, renewAt, privateKey })
}

/** Undefined: nothing that `writeCredential` wrote. */
export async function readCredential(text: string): Promise<Credential | undefined> {
	try {
		const { spiffeId, wit, expiresAt, renewAt, privateKey } = JSON.parse(text)
		if (typeof spiffeId !== 'string' || typeof wit !== 'string') return undefined
		if (!Number.isFinite(expiresAt) || !Number.isFinite(renewAt)) return undefined
		const key = await crypto.subtle.importKey('jwk', privateKey, ES256, true, ['sign'])
		const jwk: PublicJwk = { kty: 'EC', alg: 'ES256', crv: 'P-256', x: privateKey.x, y: privateKey.y }
		return { spiffeId, wit, witHash: await hashOf(wit), key: { privateKey: key, jwk }, expiresAt, renewAt }
	} catch {
		return undefined
	}
}
