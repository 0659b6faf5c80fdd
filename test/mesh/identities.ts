/** What workloads and operators ask of any mesh that runs: identities, renewals, certificates, rotations, revocations. */

import { ADMIN_TOKEN } from './adminHarness.ts'
import { type Answer, type CallOptions, call } from './client.ts'
import { dpop, exchange, ISSUER, JOIN_TOKEN, JWT, type Key, newAddress, newKey, proofOf } from './workload.ts'

/** Where the admin API of a mesh is. */
export interface Admin {
	readonly port: number
	readonly host: string
	/** An operator's. */
	readonly token: string
	/** What the mesh calls itself. */
	readonly issuer: string
}

export interface Identity {
	readonly key: Key
	readonly wit: string
}

export interface Certificate {
	readonly certificate: string
	/** The certificate first. */
	readonly chain: readonly string[]
	readonly bundle: readonly string[]
	readonly spiffeId: string
	readonly serialNumber: string
}

const TOKEN_PATH = '/v1/identity/token'
const CERTIFICATES_PATH = '/v1/identity/certificates'

/** Without a token of its own: what is in `headers` is all that it shows. */
export function ask(
	{ port, host }: Admin,
	method: string,
	path: string,
	{ headers = {}, body }: Omit<CallOptions, 'body'> & { body?: object | undefined } = {},
): Promise<Answer> {
	const target = { port, host, path, method }
	if (body === undefined) return call({ ...target, headers })
	const isForm = body instanceof URLSearchParams
	const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json'
	return call({
		...target,
		headers: { 'content-type': type, ...headers },
		body: isForm ? String(body) : JSON.stringify(body),
	})
}

export const operate = (admin: Admin, method: string, path: string, body?: object): Promise<Answer> =>
	ask(admin, method, path, { headers: { authorization: `Bearer ${admin.token}` }, body })

/** The JSON of a good answer; throws for any other. */
export async function made<T>(asked: Promise<Answer>): Promise<T> {
	const { status, text } = await asked
	if (status >= 300) throw new Error(`${status} ${text}`)
	return JSON.parse(text || 'null') as T
}

/** A form to the token endpoint, each from an address of its own unless said. */
export function askForToken(
	admin: Admin,
	form: Readonly<Record<string, string>>,
	headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
	const from = { 'cf-connecting-ip': newAddress() }
	return ask(admin, 'POST', TOKEN_PATH, { headers: { ...from, ...headers }, body: new URLSearchParams(form) })
}

const tokenIn = async (answer: Promise<Answer>): Promise<string> =>
	(await made<{ access_token: string }>(answer)).access_token

export const dpopFor = ({ issuer }: Admin, key: Key, claims: object = {}, header: object = {}): Promise<string> =>
	dpop(key, { htu: issuer + TOKEN_PATH, ...claims }, header)

export const newJoinToken = async (admin: Admin, workload: string): Promise<string> =>
	(
		await made<{ token: string }>(
			operate(admin, 'POST', '/v1/identity/join-tokens', { namespace: 'default', workload }),
		)
	).token

/** Joins by a fresh join token. The workload must have a WorkloadTrust that allows it. */
export async function joined(admin: Admin, workload: string, key?: Key): Promise<Identity> {
	const own = key ?? (await newKey())
	const form = exchange(await newJoinToken(admin, workload), JOIN_TOKEN)
	return { key: own, wit: await tokenIn(askForToken(admin, form, { dpop: await dpopFor(admin, own) })) }
}

/** What shows who asks, for one request to a path of the admin API. */
export const shown = (admin: Admin, { wit, key }: Identity, path: string, claims: object = {}) =>
	proofOf(wit, key, admin.issuer + path, claims)

const RENEWAL = { grant_type: 'client_credentials' }

/** Another WIT, for another key. */
export async function renewed(admin: Admin, identity: Identity): Promise<Identity> {
	const key = await newKey()
	const headers = { ...(await shown(admin, identity, TOKEN_PATH)), dpop: await dpopFor(admin, key) }
	return { key, wit: await tokenIn(askForToken(admin, RENEWAL, headers)) }
}

export async function jwtSvid(admin: Admin, identity: Identity, audience: string): Promise<string> {
	const form = { ...RENEWAL, requested_token_type: JWT, audience, expires_in: '3600' }
	return tokenIn(askForToken(admin, form, await shown(admin, identity, TOKEN_PATH)))
}

export async function askForCertificate(admin: Admin, identity: Identity, csr: string): Promise<Answer> {
	const headers = await shown(admin, identity, CERTIFICATES_PATH)
	return ask(admin, 'POST', CERTIFICATES_PATH, { headers, body: { csr } })
}

export const certified = (admin: Admin, identity: Identity, csr: string): Promise<Certificate> =>
	made(askForCertificate(admin, identity, csr))

/** The admin API of a mesh of the harness. */
export const adminOf = ({ adminPort }: { readonly adminPort: number }): Admin => ({
	port: adminPort,
	host: 'admin.mesh.localhost',
	token: ADMIN_TOKEN,
	issuer: ISSUER,
})
