/** What is asked of the token endpoint: which credential, for which token. */
import type { JoinEvidence, WorkloadName } from '../../../src/ports.ts'
import { ok, type Result } from '../../../src/result.ts'
import { type Refused, refuse } from './refused.ts'

export type Credential =
	| { readonly method: 'oidc' | 'joinToken' | 'privateKeyJwt'; readonly token: string }
	| { readonly method: 'clientCertificate' }
	| { readonly method: 'renewal' }

/** A WIT for the key of the DPoP proof, or a JWT-SVID for these audiences. */
export type Wanted = { readonly kind: 'wit' } | { readonly kind: 'jwtSvid'; readonly audiences: readonly string[] }

export interface TokenRequest {
	readonly credential: Credential
	readonly wanted: Wanted
	readonly workload?: WorkloadName
	/** Asked for, in seconds. */
	readonly expiresIn?: number
}

export const WIT_TYPE = 'urn:selvedge:token-type:wit'
export const JWT_TYPE = 'urn:ietf:params:oauth:token-type:jwt'
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const SUBJECT_TYPES: Readonly<Record<string, 'oidc' | 'joinToken'>> = {
	[JWT_TYPE]: 'oidc',
	'urn:ietf:params:oauth:token-type:id_token': 'oidc',
	'urn:selvedge:token-type:join-token': 'joinToken',
}
const MAX_AUDIENCES = 8
const AUDIENCE = /^[\x21-\x7e]{1,512}$/
const WORKLOAD = /^((?!.*--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\/((?!.*--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)$/

/** A parameter that is empty counts as left out (RFC 6749 §3.1). */
type Parameters = ReadonlyMap<string, readonly string[]>

/** `hasWit`: the request has a `Workload-Identity-Token`. */
export function readTokenRequest(form: URLSearchParams, hasWit: boolean): Result<TokenRequest, Refused> {
	const parameters = parametersOf(form)
	if (!parameters.ok) return parameters
	const credential = credentialOf(parameters.value, hasWit)
	if (!credential.ok) return credential
	const wanted = wantedOf(parameters.value)
	if (!wanted.ok) return wanted
	const [workload] = parameters.value.get('workload') ?? []
	const name = workload === undefined ? undefined : WORKLOAD.exec(workload)
	if (name === null) return refuse('invalid_request', 'workload must be <namespace>/<name>')
	const [expiresIn] = parameters.value.get('expires_in') ?? []
	if (expiresIn !== undefined && !/^[1-9]\d{0,8}$/.test(expiresIn))
		return refuse('invalid_request', 'expires_in must be a whole number of seconds')
	return ok({
		credential: credential.value,
		wanted: wanted.value,
		...(name === undefined ? {} : { workload: { namespace: name[1]!, workload: name[2]! } }),
		...(expiresIn === undefined ? {} : { expiresIn: Number(expiresIn) }),
	})
}

/** RFC 6749 §3.2: none may be given twice. Only of audiences there may be several (RFC 8693 §2.1). */
function parametersOf(form: URLSearchParams): Result<Parameters, Refused> {
	const parameters = new Map<string, string[]>()
	for (const [name, value] of form) {
		if (value === '') continue
		const values = parameters.get(name) ?? []
		if (values.length > 0 && name !== 'audience')
			return refuse('invalid_request', 'a parameter other than audience must be given once')
		parameters.set(name, [...values, value])
	}
	return ok(parameters)
}

function credentialOf(parameters: Parameters, hasWit: boolean): Result<Credential, Refused> {
	const [grantType] = parameters.get('grant_type') ?? []
	if (grantType === undefined) return refuse('invalid_request', 'grant_type must be there')
	if (grantType === TOKEN_EXCHANGE) return subjectOf(parameters)
	if (grantType === 'client_credentials') return clientOf(parameters, hasWit)
	return refuse('unsupported_grant_type', `grant_type must be ${TOKEN_EXCHANGE} or client_credentials`)
}

/** RFC 8693 §2.1. */
function subjectOf(parameters: Parameters): Result<Credential, Refused> {
	const [token] = parameters.get('subject_token') ?? []
	const [type] = parameters.get('subject_token_type') ?? []
	if (token === undefined || type === undefined)
		return refuse('invalid_request', 'subject_token and subject_token_type must be there')
	if (parameters.has('actor_token') || parameters.has('actor_token_type'))
		return refuse('invalid_request', 'actor_token is not supported: a workload acts for itself')
	const method = Object.hasOwn(SUBJECT_TYPES, type) ? SUBJECT_TYPES[type] : undefined
	if (method === undefined)
		return refuse('invalid_request', `subject_token_type must be one of ${Object.keys(SUBJECT_TYPES).join(', ')}`)
	return ok({ method, token })
}

/** RFC 6749 §2.3: not more than one way in a request. A certificate comes with the connection, and steps back. */
function clientOf(parameters: Parameters, hasWit: boolean): Result<Credential, Refused> {
	const [assertion] = parameters.get('client_assertion') ?? []
	const [type] = parameters.get('client_assertion_type') ?? []
	if (parameters.has('client_secret'))
		return refuse('invalid_client', 'client_secret is not supported: prove a key, never a secret')
	if ((assertion === undefined) !== (type === undefined))
		return refuse('invalid_request', 'client_assertion and client_assertion_type belong together')
	if (assertion === undefined) return ok({ method: hasWit ? 'renewal' : 'clientCertificate' })
	if (hasWit)
		return refuse('invalid_request', 'send either client_assertion or Workload-Identity-Token: one way to authenticate')
	if (type !== JWT_BEARER) return refuse('invalid_request', `client_assertion_type must be ${JWT_BEARER}`)
	return ok({ method: 'privateKeyJwt', token: assertion })
}

function wantedOf(parameters: Parameters): Result<Wanted, Refused> {
	const [type = WIT_TYPE] = parameters.get('requested_token_type') ?? []
	const audiences = parameters.get('audience') ?? []
	if (parameters.has('resource')) return refuse('invalid_target', 'name the services that are meant with audience')
	if (type === WIT_TYPE)
		return audiences.length === 0
			? ok({ kind: 'wit' })
			: refuse('invalid_target', 'a WIT is for no audience: its proofs are')
	if (type !== JWT_TYPE) return refuse('invalid_request', `requested_token_type must be ${WIT_TYPE} or ${JWT_TYPE}`)
	if (audiences.length === 0) return refuse('invalid_request', 'audience must be there: whom the JWT-SVID is for')
	const distinct = [...new Set(audiences)]
	if (distinct.length > MAX_AUDIENCES || !distinct.every((audience) => AUDIENCE.test(audience)))
		return refuse(
			'invalid_target',
			`audience must be given at most ${MAX_AUDIENCES} times, each of 1 to 512 printable characters without spaces`,
		)
	return ok({ kind: 'jwtSvid', audiences: distinct })
}

/** By which method a request tries to join, as far as that can be told; for audit. */
export function methodOf(form: URLSearchParams, hasWit: boolean): JoinEvidence['method'] | undefined {
	if (form.get('grant_type') === TOKEN_EXCHANGE)
		return form.get('subject_token_type') === 'urn:selvedge:token-type:join-token' ? 'joinToken' : 'oidc'
	if (form.get('grant_type') !== 'client_credentials') return undefined
	if (form.has('client_assertion')) return 'privateKeyJwt'
	return hasWit ? 'renewal' : 'clientCertificate'
}
