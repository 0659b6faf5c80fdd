/** What is wrong with a WorkloadTrust, each told by the field. */
import { expect, it } from 'vitest'
import { ecJwk, problems, times, workloadTrust } from './fixtures.ts'

/** Paths begin inside the spec. */
const told = (spec: object) =>
	problems(workloadTrust({ workload: 'orders', ...spec })).map((problem) => problem.replace(/^spec\./, ''))

type Case = [spec: object, expected: string[]]
const judged = (cases: Case[]) =>
	it.each(cases)('judges %j', (spec, expected) => {
		expect(told(spec)).toEqual(expected)
	})

const METHODS = 'oidc, joinToken, privateKeyJwt, clientCertificate'
const good = { issuer: 'https://issuer.example.net', audiences: ['mesh'], claims: { sub: 'a' } }
const oidc = (changed: object): object => ({ oidc: { ...good, ...changed } })
const claims = (rules: object) => oidc({ claims: rules })
const keys = (...jwks: object[]) => ({ privateKeyJwt: { jwks: { keys: jwks } } })
const certificate = (rules: object) => ({ clientCertificate: rules })
const bytes = (length: number, first = 0xff) =>
	Buffer.from(Uint8Array.from({ length }, (_, i) => (i === 0 ? first : 0xff))).toString('base64url')

judged([
	[{}, [`spec: must have exactly one of ${METHODS}`]],
	[{ joinToken: {}, oidc: good }, [`spec: must have exactly one of ${METHODS}`]],
	[{ joinToken: {}, workload: undefined }, ['workload: is required']],
	[
		{ joinToken: {}, workload: 'a--b' },
		["workload: must not contain '--', which joins service and namespace in mesh hosts"],
	],
	[{ joinToken: {}, maxTtl: '4m59s' }, ['maxTtl: must be at least 5m']],
	[{ joinToken: {}, maxTtl: '24h1ms' }, ['maxTtl: must be at most 24h']],
	[{ joinToken: { maxTtl: '59s' } }, ['joinToken.maxTtl: must be at least 1m']],
	[{ joinToken: { maxTtl: '25h' } }, ['joinToken.maxTtl: must be at most 24h']],
	[{ joinToken: { token: 'x' } }, ['joinToken.token: is not a field here; must be one of maxTtl']],
	[{ joinToken: {}, spiffe: {} }, [`spiffe: is not a field here; must be one of workload, maxTtl, ${METHODS}`]],
])

it("keeps the mesh's own namespace for the mesh", () => {
	const document = workloadTrust({ workload: 'proxy', joinToken: {} })
	expect(problems({ ...document, metadata: { name: 'proxy', namespace: 'selvedge' } })).toEqual([
		"metadata.namespace: must not be 'selvedge': its workloads are the mesh's own parts",
	])
})

// === oidc ===

const inClear = 'must be https://: whoever can change what is read there can call themselves anybody'
const pointer =
	"the key must be the name of a claim, or a JSON Pointer of 1 to 8 steps, e.g. /kubernetes.io/namespace, in which '/' is written ~1 and '~' is written ~0"
const expected = 'must be a string of 1 to 1,024 characters, {anyOf: [strings]} or {prefix: string}'
const delimited = "must end with a delimiter such as '/' or ':', or names that merely begin alike would fit"
const GITHUB = { issuer: 'https://token.actions.githubusercontent.com', audiences: ['mesh'] }
judged([
	[
		{ oidc: { ...GITHUB, claims: { ref: 'refs/heads/main' } } },
		[
			'oidc.claims: must have one of sub, repository, repository_id, repository_owner, repository_owner_id: this issuer vouches for everybody',
		],
	],
	[{ oidc: { ...GITHUB, claims: { ref: 'refs/heads/main', repository: 'acme/orders' } } }, []],
	[{ oidc: {} }, ['oidc.issuer: is required', 'oidc.audiences: is required']],
	[oidc({ issuer: 'http://issuer.example.net' }), [`oidc.issuer: ${inClear}`]],
	[oidc({ issuer: 'issuer.example.net' }), ['oidc.issuer: must be an absolute http:// or https:// URL']],
	[oidc({ issuer: 'https://issuer.example.net?a' }), ['oidc.issuer: must not have a query']],
	[oidc({ issuer: 'https://issuer.example.net/#a' }), ['oidc.issuer: must not have a fragment']],
	[oidc({ issuer: 'https://a:b@issuer.example.net' }), ['oidc.issuer: must not carry credentials']],
	[
		oidc({ issuer: `https://issuer.example.net/${'a'.repeat(2_048)}` }),
		['oidc.issuer: must be at most 2,048 characters long'],
	],
	[
		oidc({ issuer: 'https://admin.mesh.example.com' }),
		['oidc.issuer: must not be below mesh.example.com: requests would loop back into the mesh'],
	],
	[oidc({ jwksUri: 'http://issuer.example.net/keys' }), [`oidc.jwksUri: ${inClear}`]],
	[oidc({ jwksUri: 'https://issuer.example.net/keys?a=1' }), []],
	[oidc({ jwksUri: 'https://issuer.example.net/keys?a=1#b' }), ['oidc.jwksUri: must not have a fragment']],
	[
		oidc({ jwksUri: 'https://issuer.example.net/keys?a= 1' }),
		['oidc.jwksUri: must not contain spaces, control characters or backslashes'],
	],
	[oidc({ audiences: [] }), ['oidc.audiences: must have at least 1 entry']],
	[oidc({ audiences: times(9, String) }), ['oidc.audiences: must have at most 8 entries']],
	[oidc({ audiences: ['a', 'a'] }), ['oidc.audiences[1]: must be unique: entry 0 is this audience']],
	[oidc({ audiences: [''] }), ['oidc.audiences[0]: must be at least 1 character long']],
	[
		{ oidc: { issuer: good.issuer, audiences: ['mesh'] } },
		['oidc.claims: is required, unless kubernetesServiceAccounts is given: every token of the issuer would fit'],
	],
	[claims({}), ['oidc.claims: must have 1 to 32 entries']],
	[claims(Object.fromEntries(times(33, (i) => [`c${i}`, 'x']))), ['oidc.claims: must have 1 to 32 entries']],
	[claims({ iss: 'a' }), ['oidc.claims.iss: must be left out: issuer says it']],
	[claims({ aud: 'a' }), ['oidc.claims.aud: must be left out: audiences says it']],
	...['exp', 'nbf', 'iat', 'jti'].map(
		(claim): Case => [
			claims({ [claim]: 'a' }),
			[`oidc.claims.${claim}: must be left out: it differs from token to token`],
		],
	),
	...['/', '//a', '/a~2', '/a/', '/a~', `/${'a/'.repeat(8)}a`].map(
		(name): Case => [claims({ [name]: 'a' }), [`oidc.claims["${name}"]: ${pointer}`]],
	),
	[claims({ 'a.b': 'x', 'a/b': 'x', '~': 'x' }), []],
	[claims({ sub: '' }), ['oidc.claims.sub: must be at least 1 character long']],
	[claims({ sub: 'x'.repeat(1_025) }), ['oidc.claims.sub: must be at most 1,024 characters long']],
	...[true, 1, [], ['a'], {}, { anyOf: ['a'], prefix: 'a/' }, { suffix: 'a' }].map(
		(value): Case => [claims({ sub: value }), [`oidc.claims.sub: ${expected}`]],
	),
	[claims({ sub: { anyOf: [] } }), ['oidc.claims.sub.anyOf: must have at least 1 entry']],
	[claims({ sub: { anyOf: ['a', 'b', 'a'] } }), ['oidc.claims.sub.anyOf[2]: must be unique: entry 0 is this value']],
	...['repo:octo', 'a', 'é'].map(
		(prefix): Case => [claims({ sub: { prefix } }), [`oidc.claims.sub.prefix: ${delimited}`]],
	),
	[
		oidc({ kubernetesServiceAccounts: {} }),
		[
			'oidc.claims.sub: must be left out: kubernetesServiceAccounts says it',
			'workload: must be left out: with kubernetesServiceAccounts the service account names the workload',
		],
	],
	...(
		[
			[{ namespace: 'other' }, '.namespace: is not a field here; must be one of names'],
			[{ names: [] }, '.names: must have at least 1 entry'],
			[{ names: ['a', 'a'] }, '.names[1]: must be unique: entry 0 is this name'],
			[{ names: ['a--b'] }, ".names[0]: must not contain '--', which joins service and namespace in mesh hosts"],
		] as const
	).map(
		([kubernetesServiceAccounts, message]): Case => [
			{ ...oidc({ kubernetesServiceAccounts, claims: { a: 'b' } }), workload: undefined },
			[`oidc.kubernetesServiceAccounts${message}`],
		],
	),
])

// === privateKeyJwt ===

const key = 'privateKeyJwt.jwks.keys[0]'
const secret =
	'must be left out: it belongs to the private key, which must stay with the workload; make a new key, now that this one was sent'
const rsa = { kty: 'RSA', alg: 'RS256', n: bytes(256), e: 'AQAB' }
judged([
	[keys(), ['privateKeyJwt.jwks.keys: must have at least 1 entry']],
	[keys(...times(9, () => ecJwk)), ['privateKeyJwt.jwks.keys: must have at most 8 entries']],
	[
		keys({ ...ecJwk, kid: 'a' }, ecJwk, { ...ecJwk, kid: 'a' }),
		['privateKeyJwt.jwks.keys[2].kid: must be unique: key 0 has this kid'],
	],
	[
		{ privateKeyJwt: { jwks: { keys: [ecJwk] }, audiences: [] } },
		['privateKeyJwt.audiences: must have at least 1 entry'],
	],
	[keys({ ...ecJwk, d: ecJwk.x }), [`${key}.d: ${secret}`]],
	...['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth'].map(
		(member): Case => [keys({ ...rsa, [member]: 'AQAB' }), [`${key}.${member}: ${secret}`]],
	),
	[keys({ kty: 'OKP', crv: 'Ed25519', x: bytes(32), d: bytes(32) }), [`${key}.d: ${secret}`]],
	[
		keys({ kty: 'oct', k: 'AQAB' }),
		[
			`${key}.kty: must be EC, RSA or OKP: a key of type oct is a shared secret, which proves nothing of who knows it [UnsupportedValue]`,
		],
	],
	[keys({ ...ecJwk, kty: 'ec' }), [`${key}.kty: must be one of EC, RSA, OKP [UnsupportedValue]`]],
	[keys({ ...ecJwk, crv: 'secp256k1' }), [`${key}.crv: must be one of P-256, P-384, P-521 [UnsupportedValue]`]],
	[keys({ ...ecJwk, alg: 'ES384' }), [`${key}.alg: must be ES256, which P-256 is for`]],
	[keys({ ...ecJwk, alg: 'HS256' }), [`${key}.alg: must be ES256, which P-256 is for`]],
	[keys({ ...ecJwk, x: bytes(31) }), [`${key}.x: must be 32 bytes in base64url: a coordinate of P-256`]],
	[keys({ ...ecJwk, y: bytes(48) }), [`${key}.y: must be 32 bytes in base64url: a coordinate of P-256`]],
	[keys({ ...ecJwk, y: 'a+b/' }), [`${key}.y: must be base64url without padding (RFC 7515 §2)`]],
	[keys({ ...ecJwk, use: 'enc' }), [`${key}.use: must be 'sig', or left out: the key verifies signatures`]],
	[
		keys({ ...ecJwk, key_ops: ['sign'] }),
		[`${key}.key_ops: must be [verify], or left out: the key verifies signatures`],
	],
	[keys({ kty: 'OKP', crv: 'X25519', x: bytes(32) }), [`${key}.crv: must be Ed25519`]],
	[
		keys({ kty: 'OKP', crv: 'Ed25519', x: bytes(33) }),
		[`${key}.x: must be 32 bytes in base64url: an Ed25519 public key`],
	],
	[keys({ ...rsa, alg: undefined }), [`${key}.alg: is required`]],
	[
		keys({ ...rsa, alg: 'none' }),
		[`${key}.alg: must be one of RS256, RS384, RS512, PS256, PS384, PS512 [UnsupportedValue]`],
	],
	[keys({ ...rsa, n: bytes(256, 0x7f) }), [`${key}.n: must have 2048 to 4096 bits (RFC 7518 §3.3), and has 2047`]],
	[keys({ ...rsa, n: bytes(257, 0) }), [`${key}.n: must not begin with a zero byte (RFC 7518 §6.3.1.1)`]],
	[keys({ ...rsa, e: 'AAEAAQ' }), [`${key}.e: must not begin with a zero byte (RFC 7518 §6.3.1.1)`]],
	[
		keys({ ...rsa, n: Buffer.concat([Buffer.alloc(2), Buffer.alloc(255, 0xff)]).toString('base64url') }),
		[`${key}.n: must have 2048 to 4096 bits (RFC 7518 §3.3), and has 2040`],
	],
	[keys({ ...rsa, n: bytes(512) }), []],
	[keys({ ...rsa, n: bytes(513, 1) }), [`${key}.n: must have 2048 to 4096 bits (RFC 7518 §3.3), and has 4097`]],
	[keys({ ...rsa, n: bytes(1_024) }), [`${key}.n: must have 2048 to 4096 bits (RFC 7518 §3.3), and has 8192`]],
	...['AQ', 'AA', 'AQAA', bytes(5)].map(
		(e): Case => [keys({ ...rsa, e }), [`${key}.e: must be an odd number from 3 to 4294967295; AQAB is 65537`]],
	),
])

it('repeats nothing of a private key that was sent', () => {
	const d = 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I'
	expect(told(keys({ ...ecJwk, d })).join()).not.toContain(d)
})

// === clientCertificate ===

const name = 'must be a distinguished name as RFC 2253 writes it, e.g. CN=orders,O=Example'
judged([
	[
		certificate({}),
		['clientCertificate: must have at least one of subject, issuer, fingerprintsSha256, uriSan, dnsSan'],
	],
	[certificate({ subject: 'orders' }), [`clientCertificate.subject: ${name}`]],
	[certificate({ issuer: '/CN=orders' }), [`clientCertificate.issuer: ${name}`]],
	[certificate({ subject: 'CN=orders,O=Example', issuer: '2.5.4.3=ca' }), []],
	[
		certificate({ fingerprintsSha256: ['ab'.repeat(20)] }),
		[
			'clientCertificate.fingerprintsSha256[0]: must be a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons',
		],
	],
	[
		certificate({ fingerprintsSha256: ['ab'.repeat(32), 'AB'.repeat(32)] }),
		['clientCertificate.fingerprintsSha256[1]: must be unique: entry 0 is this fingerprint'],
	],
	[
		certificate({ uriSan: 'orders' }),
		['clientCertificate.uriSan: must be an absolute URI, e.g. spiffe://example.com/orders'],
	],
	[certificate({ dnsSan: '*.example.com' }), ["clientCertificate.dnsSan: must name one host, without '*'"]],
])
