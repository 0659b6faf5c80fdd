/** The ways into the mesh: what a workload shows for its first WIT, and for each one after. */
import { algOfKey, algorithmOf } from '../identity/algorithms.ts'
import type { Timed } from './clock.ts'
import type { Credential, WorkloadKey } from './credential.ts'
import { clientAssertion, dpopProof, proofFor } from './proofs.ts'
import type { Grant } from './tokenEndpoint.ts'

/** Exactly one of them: as the WorkloadTrust of the workload wants it. Functions are asked again whenever an identity is lost. */
export interface JoinWith {
	/** A one-time token that an operator made. As a text it counts once: keep `state`, or the identity ends with the process. */
	readonly token?: string | (() => Promise<string>)
	/** A token of the platform that the workload runs on: a Kubernetes service account's, GitHub's, a cloud's. */
	readonly oidcToken?: () => Promise<string>
	/** A key of the workload's own that the WorkloadTrust lists. A JWK names its `alg`, and may its `kid`. */
	readonly clientAssertion?: { readonly privateKey: CryptoKey | (JsonWebKey & { kid?: string }); readonly kid?: string }
	/** The `fetch` given presents a client certificate. */
	readonly clientCertificate?: true
}

/** Answers what to show for a WIT. */
export interface Source {
	readonly grant: () => Promise<Grant>
	/** Whether it can be shown more than once. */
	readonly isLasting: boolean
}

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const JWT = 'urn:ietf:params:oauth:token-type:jwt'
const JOIN_TOKEN = 'urn:selvedge:token-type:join-token'
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const WIT = 'urn:selvedge:token-type:wit'

const exchange = (subject_token: string, subject_token_type: string): Grant => ({
	parameters: { grant_type: EXCHANGE, subject_token, subject_token_type },
})

/** `workload`: `<namespace>/<name>`; `url`: the token endpoint. */
export function sourceOf(runtime: Timed, joinWith: JoinWith, workload: string, url: string): Source {
	const { token, oidcToken, clientAssertion: assertion, clientCertificate } = joinWith
	const given = [token, oidcToken, assertion, clientCertificate].filter((each) => each !== undefined)
	if (given.length !== 1)
		throw new Error('join needs exactly one of token, oidcToken, clientAssertion, clientCertificate')
	if (typeof token === 'string') return { isLasting: false, grant: async () => exchange(token, JOIN_TOKEN) }
	if (token !== undefined) return { isLasting: true, grant: async () => exchange(await token(), JOIN_TOKEN) }
	if (oidcToken !== undefined) return { isLasting: true, grant: async () => exchange(await oidcToken(), JWT) }
	if (assertion === undefined)
		return { isLasting: true, grant: async () => ({ parameters: { grant_type: 'client_credentials' } }) }
	checkKey(assertion)
	return {
		isLasting: true,
		grant: async () => ({
			parameters: {
				grant_type: 'client_credentials',
				client_assertion_type: JWT_BEARER,
				client_assertion: await clientAssertion(runtime, await signingKey(assertion), { workload, audience: url }),
			},
		}),
	}
}

/** At once: a mistake of the program is no trouble of the mesh, to be waited out. */
function checkKey({ privateKey }: NonNullable<JoinWith['clientAssertion']>): void {
	const alg = 'type' in privateKey ? algOfKey(privateKey as CryptoKey) : privateKey.alg
	if (algorithmOf(alg ?? '') === undefined)
		throw new Error(
			'the key of a client assertion must be for a signature algorithm; a JWK names it as alg, e.g. ES256',
		)
}

async function signingKey({ privateKey, kid }: NonNullable<JoinWith['clientAssertion']>) {
	if ('type' in privateKey) return { privateKey: privateKey as CryptoKey, ...(kid === undefined ? {} : { kid }) }
	const { alg, kid: ownKid = kid, use: _, key_ops: __, ...members } = privateKey
	const algorithm = algorithmOf(alg!)!.import
	const key = await crypto.subtle.importKey('jwk', members as never, algorithm as never, false, ['sign'])
	return { privateKey: key, ...(ownKid === undefined ? {} : { kid: ownKid }) }
}

/** With the identity that it has: for another one, or for something in its name. */
export async function ownGrant(runtime: Timed, credential: Credential, url: string): Promise<Grant> {
	const proof = await proofFor(runtime, credential, { audience: url, lifetimeMs: 60_000 })
	return {
		parameters: { grant_type: 'client_credentials' },
		headers: { 'workload-identity-token': credential.wit, 'workload-proof-token': proof },
	}
}

/** The grant, asking for a WIT that binds the key. */
export async function forWit(
	runtime: Timed,
	{ parameters, headers }: Grant,
	{ key, workload, url }: { readonly key: WorkloadKey; readonly workload: string; readonly url: string },
): Promise<Grant> {
	return {
		parameters: { ...parameters, requested_token_type: WIT, workload },
		headers: { ...headers, dpop: await dpopProof(runtime, key, url) },
	}
}
