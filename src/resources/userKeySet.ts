/** The keys of an issuer of end users' tokens, written into the document: a JWK Set (RFC 7517 §5), as JSON text or as it is. */
import { z } from 'zod'
import { Jwk } from './jwk.ts'
import { unique } from './unique.ts'

/** Those that say what a key is. Others, of which issuers publish some, are ignored (RFC 7517 §4). */
const MEMBERS: readonly string[] = [
	...['kty', 'kid', 'alg', 'use', 'key_ops', 'crv', 'x', 'y', 'n', 'e'],
	// Of private and shared keys: to be refused.
	...['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'],
]

type Fields = Readonly<Record<string, unknown>>
const isFields = (value: unknown): value is Fields =>
	typeof value === 'object' && value !== null && !Array.isArray(value)

/** Without `alg`, which most issuers leave out, an RSA key is for RS256, as in Envoy. Of other keys the curve tells. */
function asPublished(key: unknown): unknown {
	if (!isFields(key)) return key
	const known = Object.fromEntries(Object.entries(key).filter(([name]) => MEMBERS.includes(name)))
	return key.kty === 'RSA' && key.alg === undefined ? { ...known, alg: 'RS256' } : known
}

const KeySet = z.strictObject({
	keys: z
		.array(Jwk)
		.min(1)
		.max(32)
		.superRefine(
			unique(
				({ kid }) => kid,
				(first) => `must be unique: key ${first} has this kid`,
				'kid',
			),
		),
})

function jsonOf(text: string): unknown {
	try {
		return JSON.parse(text)
	} catch {
		return undefined
	}
}

const shape = 'must be a JSON Web Key Set (RFC 7517 §5): {"keys": [...]}, as JSON text or as it is'

export const UserKeySet = z
	.union([z.string().max(131_072), z.looseObject({ keys: z.array(z.unknown()) })], { error: shape })
	.transform((written, context) => {
		const value = typeof written === 'string' ? jsonOf(written) : written
		if (isFields(value) && Array.isArray(value.keys)) return { keys: value.keys.map(asPublished) }
		context.addIssue({ code: 'custom', message: shape })
		return z.NEVER
	})
	.pipe(KeySet)
