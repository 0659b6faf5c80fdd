/**
 * What others need to verify what the mesh signs: its keys as JWKS and as SPIFFE bundle, how OpenID Connect finds them, and which
 * certificates are taken back.
 */
import { derOf, x5cOf } from '../../../src/certificates/pem.ts'
import { parseCertificate } from '../../../src/identity/x509.ts'
import type { Published, RevocationList } from '../../../src/ports.ts'
import { etagOf, noneMatchNames } from '../etag.ts'
import { publishedOf } from '../joining/workloadProof.ts'
import type { Mesh } from '../mesh.ts'
import { problem } from '../problem.ts'
import { remembered } from '../remembered.ts'
import { notModified } from '../reply.ts'
import type { Call } from '../route.ts'
import { hashOf } from '../tokens.ts'
import { TOKEN_PATH } from './identityToken.ts'

/** RFC 7517 §5: every key that verifies something now, or will soon. */
export const jwks = (call: Call<unknown, unknown>): Promise<Response> =>
	publish(call, 'application/jwk-set+json', ({ trust }) => ({
		keys: trust.keys.map(({ kid, jwk }) => ({ kid, use: 'sig', ...jwk })),
	}))

/** SPIFFE Trust Domain and Bundle §4; X509-SVID §6, JWT-SVID §4, WIT-SVID §4. */
export const spiffeBundle = (call: Call<unknown, unknown>): Promise<Response> =>
	publish(call, 'application/json', ({ trust, roots, version, maxAgeSeconds }) => ({
		keys: [
			...roots.map(rootKey),
			...trust.keys.filter(({ use }) => use !== 'delegation').map(({ kid, use, jwk }) => ({ kid, use, ...jwk })),
		],
		spiffe_sequence: version,
		spiffe_refresh_hint: maxAgeSeconds,
	}))

/** OpenID Connect Discovery 1.0 §3, as far as there is something to say: nobody signs in here. */
export const openidConfiguration = (call: Call<unknown, unknown>): Promise<Response> =>
	publish(call, 'application/json', () => discovery(call.mesh))

function rootKey(pem: string): object {
	const certificate = parseCertificate(derOf(pem))
	if (typeof certificate === 'string') throw new Error(`a root certificate is ${certificate}`)
	// Neither kid nor alg: X509-SVID §6.2 names the members that there are.
	return { kty: 'EC', crv: 'P-256', ...certificate.publicKey, use: 'x509-svid', x5c: [x5cOf(pem)] }
}

const discovery = ({ settings: { issuer } }: Mesh): object => ({
	issuer,
	jwks_uri: `${issuer}/.well-known/jwks.json`,
	token_endpoint: issuer + TOKEN_PATH,
	grant_types_supported: ['urn:ietf:params:oauth:grant-type:token-exchange', 'client_credentials'],
	response_types_supported: ['id_token'],
	subject_types_supported: ['public'],
	id_token_signing_alg_values_supported: ['ES256'],
	claims_supported: ['sub', 'aud', 'exp', 'iat', 'iss', 'jti'],
	token_endpoint_auth_methods_supported: ['private_key_jwt', 'tls_client_auth', 'none'],
	token_endpoint_auth_signing_alg_values_supported: [
		'ES256',
		'ES384',
		'ES512',
		'RS256',
		'RS384',
		'RS512',
		'PS256',
		'PS384',
		'PS512',
		'EdDSA',
	],
	dpop_signing_alg_values_supported: ['ES256'],
})

type KnownList = Required<RevocationList>

/** By key id. Of lists that are the same, the bytes are not sent again. */
const lists = remembered<ReadonlyMap<string, KnownList>>(async (mesh, before = new Map()) => {
	const known = Object.fromEntries(Array.from(before, ([keyId, { number }]) => [keyId, number]))
	const current = await mesh.keyRing().revocationLists(known)
	return new Map(
		current.map(({ keyId, number, der }) => [keyId, der === undefined ? before.get(keyId)! : { keyId, number, der }]),
	)
})

/** Verifiers keep a list until its nextUpdate, which is a day away; caches between them and the mesh must not add to that. */
const LIST_MAX_AGE_SECONDS = 60

/** RFC 5280 §4.2.1.13: the list that a certificate's distribution point names, as DER (RFC 2585 §4.2). */
export async function revocationList({ request, params, mesh }: Call<{ file: string }, unknown>): Promise<Response> {
	const list = (await lists(mesh)).get(params.file.slice(0, -'.crl'.length))
	if (list === undefined)
		return problem('not-found', 'No authority of the mesh has this key id, or it is not to be trusted any more')
	const etag = etagOf(list.number)
	const headers = { 'content-type': 'application/pkix-crl', etag }
	const unchanged = noneMatchNames(request.headers.get('if-none-match'), etag)
	return forAnybody(unchanged ? notModified(etag) : new Response(list.der, { headers }), LIST_MAX_AGE_SECONDS)
}

/** Anybody may read it, from any page, and keep it for as long as a new key is published before it signs. */
async function publish(
	{ request, mesh }: Call<unknown, unknown>,
	contentType: string,
	make: (published: Published) => object,
): Promise<Response> {
	const published = await publishedOf(mesh)
	const body = JSON.stringify(make(published))
	const etag = etagOf((await hashOf(body)).slice(0, 32))
	const unchanged = noneMatchNames(request.headers.get('if-none-match'), etag)
	const response = unchanged
		? notModified(etag)
		: new Response(body, { headers: { 'content-type': contentType, etag } })
	return forAnybody(response, published.maxAgeSeconds)
}

function forAnybody(response: Response, maxAgeSeconds: number): Response {
	response.headers.set('cache-control', `public, max-age=${maxAgeSeconds}`)
	response.headers.set('access-control-allow-origin', '*')
	return response
}
