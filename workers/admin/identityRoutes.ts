/** The rows of the API's table that are about identities, keys and certificates. */
import { issueCertificate } from './api/certificates.ts'
import { issueToken, TOKEN_PATH } from './api/identityToken.ts'
import * as joinTokens from './api/joinTokens.ts'
import * as keys from './api/keys.ts'
import * as revocations from './api/revocations.ts'
import * as wellKnown from './api/wellKnown.ts'
import * as identity from './identityInput.ts'
import { historyQuery } from './input.ts'
import { type Route, route } from './route.ts'

export const identityRoutes: readonly Route[] = [
	route('POST', TOKEN_PATH, {
		role: 'anyone',
		scope: 'shared',
		summary: 'Give a workload its identity, or renew it: RFC 8693, RFC 7523, RFC 8705; errors are those of RFC 6749',
		body: identity.tokenForm,
		takes: 'application/x-www-form-urlencoded',
		handle: issueToken,
	}),
	route('POST', '/v1/identity/certificates', {
		role: 'workload',
		scope: 'shared',
		workloads: 'all',
		summary: 'Certify a key of the workload: an X509-SVID, with its chain and the roots',
		body: identity.certificateBody,
		handle: issueCertificate,
	}),
	route('POST', '/v1/identity/join-tokens', {
		role: 'operator',
		scope: 'own',
		summary: 'Make a one-time token for a workload; the answer is the only place where it is shown',
		body: identity.joinTokenBody,
		handle: joinTokens.createJoinToken,
	}),
	route('GET', '/v1/identity/join-tokens', {
		role: 'operator',
		scope: 'own',
		summary: 'Join tokens, without their secrets, newest first',
		handle: joinTokens.listJoinTokens,
	}),
	route('DELETE', '/v1/identity/join-tokens/{id}', {
		role: 'operator',
		scope: 'own',
		summary: 'Delete a join token: nobody can use it any more',
		params: identity.joinTokenParams,
		handle: joinTokens.deleteJoinToken,
	}),
	route('GET', '/v1/identity/crl/{file}', {
		role: 'anyone',
		scope: 'shared',
		summary: 'Certificates that an authority of the mesh has taken back (RFC 5280), for who verifies them by himself',
		params: identity.revocationListParams,
		answers: 'application/pkix-crl',
		handle: wellKnown.revocationList,
	}),
	route('GET', '/v1/keys', {
		role: 'viewer',
		scope: 'mesh',
		summary:
			'The keys of the mesh: which signs, which is next, and when; and those of others: when fetched, and what failed',
		handle: keys.getKeys,
	}),
	route('POST', '/v1/keys/rotate', {
		role: 'admin',
		scope: 'mesh',
		summary: 'Have the next keys take over; at once, and revoking the old, where those are compromised',
		body: identity.rotateBody,
		handle: keys.rotate,
	}),
	route('GET', '/v1/keys/events', {
		role: 'operator',
		scope: 'mesh',
		summary: 'What happened to keys and identities, newest first: issued, refused, rotated, revoked',
		query: historyQuery,
		handle: keys.listEvents,
	}),
	route('POST', '/v1/revocations', {
		role: 'operator',
		scope: 'mesh',
		summary: 'Believe a workload, token, key or certificate no more',
		body: identity.revocationBody,
		handle: revocations.revoke,
	}),
	route('GET', '/v1/revocations', {
		role: 'viewer',
		scope: 'mesh',
		summary: 'Revocations, newest first',
		query: historyQuery,
		handle: revocations.listRevocations,
	}),
	route('DELETE', '/v1/revocations/{id}', {
		role: 'operator',
		scope: 'mesh',
		summary: 'Lift the revocation of a workload: it may join again; what it had before stays refused',
		params: identity.revocationParams,
		handle: revocations.lift,
	}),
	route('GET', '/.well-known/jwks.json', {
		role: 'anyone',
		scope: 'shared',
		summary: 'Public keys of everything that the mesh signs (RFC 7517)',
		answers: 'application/jwk-set+json',
		handle: wellKnown.jwks,
	}),
	route('GET', '/.well-known/spiffe-bundle.json', {
		role: 'anyone',
		scope: 'shared',
		summary: 'The trust domain as SPIFFE bundle: roots and keys, for other trust domains',
		handle: wellKnown.spiffeBundle,
	}),
	route('GET', '/.well-known/openid-configuration', {
		role: 'anyone',
		scope: 'shared',
		summary: 'OpenID Connect Discovery: where the issuer of JWT-SVIDs has its keys',
		handle: wellKnown.openidConfiguration,
	}),
]
