/** A workload as anybody could write it: its key, its proofs and its requests, by a library that is not the mesh's own. */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { ask } from './adminHarness.ts'

/** What the mesh calls itself where nothing else is configured. */
export const ISSUER = 'https://admin.mesh.localhost'
export const ENDPOINT = `${ISSUER}/v1/identity/token`
export const JWT = 'urn:ietf:params:oauth:token-type:jwt'
export const JOIN_TOKEN = 'urn:selvedge:token-type:join-token'

export interface Key {
	readonly privateKey: CryptoKey
	readonly jwk: JWK
	readonly thumbprint: string
}

export async function newKey(alg = 'ES256'): Promise<Key> {
	const { privateKey, publicKey } = await generateKeyPair(alg)
	const jwk = await exportJWK(publicKey)
	return { privateKey, jwk: { ...jwk, alg }, thumbprint: await calculateJwkThumbprint(jwk) }
}

const seconds = () => Math.floor(Date.now() / 1000)
export const newId = (): string => crypto.randomUUID()

/** RFC 9449 §4.2. */
export function dpop(key: Key, claims: object = {}, header: object = {}): Promise<string> {
	const { alg: _, ...jwk } = key.jwk
	return new SignJWT({ htm: 'POST', htu: ENDPOINT, iat: seconds(), jti: newId(), ...claims })
		.setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk, ...header })
		.sign(key.privateKey)
}

/** draft-ietf-wimse-wpt-02. */
export async function proofOf(
	wit: string,
	key: Key,
	aud: string,
	claims: object = {},
): Promise<Record<string, string>> {
	const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(wit))
	const wth = Buffer.from(digest).toString('base64url')
	const wpt = await new SignJWT({ aud, exp: seconds() + 60, jti: newId(), wth, ...claims })
		.setProtectedHeader({ typ: 'wpt+jwt', alg: 'ES256' })
		.sign(key.privateKey)
	return { 'workload-identity-token': wit, 'workload-proof-token': wpt }
}

export interface TokenAnswer {
	readonly status: number
	readonly headers: Headers
	readonly body: {
		readonly access_token: string
		readonly issued_token_type: string
		readonly token_type: string
		readonly expires_in: number
		readonly spiffe_id: string
		readonly error?: string
		readonly error_description?: string
	}
}

type Form = Readonly<Record<string, string>> | URLSearchParams

let addresses = 0
/** Each of its own network, so that tests do not wait for each other. */
export const newAddress = (): string => `198.18.${Math.floor(++addresses / 250)}.${addresses % 250}`

export async function askForToken(form: Form, headers: Record<string, string> = {}): Promise<TokenAnswer> {
	const body = new URLSearchParams(form)
	const from = { 'cf-connecting-ip': newAddress() }
	const response = await ask('POST', '/v1/identity/token', { token: '', headers: { ...from, ...headers }, body })
	return {
		status: response.status,
		headers: response.headers,
		body: (await response.json()) as TokenAnswer['body'],
	}
}

export const exchange = (subject_token: string, subject_token_type: string, more: Record<string, string> = {}) => ({
	grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
	subject_token,
	subject_token_type,
	...more,
})

export const workloadTrust = (name: string, spec: object, namespace = 'default') => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'WorkloadTrust',
	metadata: { name, namespace },
	spec,
})

export async function apply(...documents: object[]): Promise<void> {
	const headers = { 'content-type': 'application/json' }
	const response = await ask('POST', '/v1/apply', { headers, body: JSON.stringify(documents) })
	if (!response.ok) throw new Error(`apply: ${response.status} ${await response.text()}`)
}

export async function newJoinToken(workload: string, namespace = 'default'): Promise<string> {
	const body = JSON.stringify({ namespace, workload })
	const headers = { 'content-type': 'application/json' }
	const response = await ask('POST', '/v1/identity/join-tokens', { headers, body })
	if (response.status !== 201) throw new Error(`join token: ${response.status} ${await response.text()}`)
	return ((await response.json()) as { token: string }).token
}

/** Joins by a fresh join token. The workload must have a WorkloadTrust that allows it. */
export async function joined(workload: string, key: Key): Promise<string> {
	const form = exchange(await newJoinToken(workload), JOIN_TOKEN)
	const { status, body } = await askForToken(form, { dpop: await dpop(key) })
	if (status !== 200) throw new Error(`join: ${status} ${JSON.stringify(body)}`)
	return body.access_token
}
