/** The shapes of what operators and workloads send about identities and keys. */
import { z } from 'zod'
import { LabelName } from '../../src/resources/scalars.ts'

const workload = z.strictObject({ namespace: LabelName, workload: LabelName })

// === paths ===

export const joinTokenParams = z.object({
	id: z
		.string()
		.regex(/^[A-Za-z0-9-]{1,64}$/, 'must be the id of a join token, as GET /v1/identity/join-tokens lists them'),
})
export const revocationParams = z.object({
	id: z.string().regex(/^\d{1,15}$/, 'must be the id of a revocation, as GET /v1/revocations lists them'),
})

export const revocationListParams = z.object({
	file: z.string().regex(/^[0-9a-f]{40}\.crl$/, 'must be the key id of an authority, in lower-case hex, and .crl'),
})

// === bodies ===

/** What the form says is checked where it is read; RFC 6749 has its own errors. */
export const tokenForm = z.object({
	grant_type: z.enum(['urn:ietf:params:oauth:grant-type:token-exchange', 'client_credentials']),
	subject_token: z.string().exactOptional(),
	subject_token_type: z
		.enum([
			'urn:ietf:params:oauth:token-type:jwt',
			'urn:ietf:params:oauth:token-type:id_token',
			'urn:selvedge:token-type:join-token',
		])
		.exactOptional(),
	client_assertion: z.string().exactOptional(),
	client_assertion_type: z.literal('urn:ietf:params:oauth:client-assertion-type:jwt-bearer').exactOptional(),
	requested_token_type: z
		.enum(['urn:selvedge:token-type:wit', 'urn:ietf:params:oauth:token-type:jwt'])
		.exactOptional()
		.describe('A WIT when left out, for the key of the DPoP header'),
	audience: z.array(z.string()).max(8).exactOptional().describe('Of a JWT-SVID; may repeat'),
	workload: z.string().exactOptional().describe('<namespace>/<name>, where several WorkloadTrusts fit'),
	expires_in: z.int().positive().exactOptional().describe('Seconds'),
})

export const certificateBody = z.strictObject({
	csr: z.string().min(1).max(8_192).describe('PKCS #10 in PEM, for a P-256 key'),
	ttlSeconds: z
		.int()
		.min(300)
		.max(86_400)
		.exactOptional()
		.describe('One hour when left out; at most what the WorkloadTrust allows'),
})

export const joinTokenBody = workload.extend({
	ttlSeconds: z.int().min(10).max(86_400).default(600).describe('How long the token may wait to be used'),
})

export const rotateBody = z.strictObject({
	purpose: z
		.enum(['wit-svid', 'jwt-svid', 'delegation', 'x509-root', 'x509-intermediate'])
		.exactOptional()
		.describe('All when left out'),
	compromised: z
		.boolean()
		.exactOptional()
		.describe('The key in use is revoked at once, and with it all that it signed'),
})

const MAX_REASON = 256
const reason = z
	.string()
	.min(1)
	.max(MAX_REASON)
	.regex(/^[^\p{Cc}]*$/u, 'must not contain control characters')

/** As certificates show it: hex, with or without colons. Without leading zeros it is one spelling. */
const serialNumber = z
	.string()
	.regex(
		/^[0-9a-fA-F]{1,2}(:?[0-9a-fA-F]{2}){0,31}$/,
		'must be a serial number: hexadecimal digits, with or without colons',
	)
	.transform((text) => text.replaceAll(':', '').toLowerCase().replace(/^0+/, ''))

export const revocationBody = z
	.strictObject({
		workload: workload
			.exactOptional()
			.describe('Everything that it was issued until now; it cannot join until this is lifted'),
		token: z.string().min(1).max(256).exactOptional().describe('jti of a WIT or JWT-SVID'),
		key: z
			.string()
			.regex(/^[A-Za-z0-9_-]{43}$/, 'must be the RFC 7638 thumbprint of a key (SHA-256, base64url)')
			.exactOptional()
			.describe('Thumbprint of the key of a workload'),
		certificate: serialNumber.exactOptional().describe('Serial number of an X509-SVID'),
		reason,
	})
	.refine(({ reason: _, ...targets }) => Object.keys(targets).length === 1, {
		error: 'must have exactly one of workload, token, key, certificate',
	})
