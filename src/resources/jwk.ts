/** A public key as people paste it: a JWK (RFC 7517), with the one algorithm that it may be used with (RFC 8725 §3.1). */
import { z } from 'zod'
import { fromBase64Url } from '../base64url.ts'
import { unsupported } from './unsupported.ts'

const isPrivate =
	'must be left out: it belongs to the private key, which must stay with the workload; make a new key, now that this one was sent'
const symmetric =
	'must be left out: it is a shared secret, which proves nothing of who knows it; use a public key (kty EC, RSA or OKP)'

/** RFC 7518 §6, RFC 8037 §2. */
const PRIVATE_MEMBERS = {
	...Object.fromEntries(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth'].map((name) => [name, isPrivate])),
	k: symmetric,
}

const CURVES = {
	'P-256': { alg: 'ES256', bytes: 32 },
	'P-384': { alg: 'ES384', bytes: 48 },
	'P-521': { alg: 'ES512', bytes: 66 },
} as const

const LEAST_RSA_BITS = 2_048
/** Verifiers of the mesh import no longer ones: a check would cost too much, and the platform refuses them. */
const MOST_RSA_BITS = 4_096

const Base64url = z
	.string()
	.min(1)
	.max(2 * MOST_RSA_BITS)
	.refine((text) => fromBase64Url(text) !== undefined, { error: 'must be base64url without padding (RFC 7515 §2)' })

/** Refuses a field of another length. What is no base64url is refused already. */
function checkLength(context: z.RefinementCtx, field: string, text: string, bytes: number, what: string): void {
	if ((fromBase64Url(text)?.length ?? bytes) !== bytes)
		context.addIssue({ code: 'custom', path: [field], message: `must be ${bytes} bytes in base64url: ${what}` })
}

/** Certificates beside the key say nothing that is asked here. */
const dropped = z.unknown().optional().meta({ description: 'Accepted, and dropped.' })
const beside = { ext: dropped, x5c: dropped, x5u: dropped, x5t: dropped, 'x5t#S256': dropped }

const common = {
	kid: z.string().min(1).max(256).exactOptional().meta({ description: 'Tokens that name a key name this one by it.' }),
	use: z.literal('sig', { error: "must be 'sig', or left out: the key verifies signatures" }).exactOptional(),
	key_ops: z
		.array(z.string())
		.refine((ops) => ops.length === 1 && ops[0] === 'verify', {
			error: 'must be [verify], or left out: the key verifies signatures',
		})
		.exactOptional(),
	...beside,
}

const EllipticKey = z
	.strictObject({
		kty: z.literal('EC'),
		crv: z.enum(['P-256', 'P-384', 'P-521']),
		alg: z.string().exactOptional().meta({ description: 'Follows from crv when left out.' }),
		x: Base64url,
		y: Base64url,
		...common,
	})
	.superRefine(({ crv, alg, x, y }, context) => {
		const curve = CURVES[crv]
		if (alg !== undefined && alg !== curve.alg)
			context.addIssue({ code: 'custom', path: ['alg'], message: `must be ${curve.alg}, which ${crv} is for` })
		checkLength(context, 'x', x, curve.bytes, `a coordinate of ${crv}`)
		checkLength(context, 'y', y, curve.bytes, `a coordinate of ${crv}`)
	})
	.transform(({ kid, crv, x, y }) => ({ ...named(kid), kty: 'EC' as const, alg: CURVES[crv].alg, crv, x, y }))

const EdwardsKey = z
	.strictObject({
		kty: z.literal('OKP'),
		crv: z.literal('Ed25519'),
		alg: z.literal('EdDSA').default('EdDSA'),
		x: Base64url,
		...common,
	})
	.superRefine(({ x }, context) => checkLength(context, 'x', x, 32, 'an Ed25519 public key'))
	.transform(({ kid, crv, alg, x }) => ({ ...named(kid), kty: 'OKP' as const, alg, crv, x }))

/** Some tools write the sign of a number as a byte of its own. */
const ZERO = 'must not begin with a zero byte (RFC 7518 §6.3.1.1)'

const RsaKey = z
	.strictObject({
		kty: z.literal('RSA'),
		alg: z.enum(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']).meta({
			description: 'An RSA key fits several algorithms: say which of them it is used with.',
		}),
		n: Base64url,
		e: Base64url,
		...common,
	})
	.superRefine(({ n, e }, context) => {
		const refuse = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message })
		const [modulus, exponent] = [fromBase64Url(n), fromBase64Url(e)]
		const bits = modulus && bitsOf(modulus)
		if (bits !== undefined && (bits < LEAST_RSA_BITS || bits > MOST_RSA_BITS))
			refuse('n', `must have ${LEAST_RSA_BITS} to ${MOST_RSA_BITS} bits (RFC 7518 §3.3), and has ${bits}`)
		else if (modulus?.[0] === 0) refuse('n', ZERO)
		if (exponent !== undefined && !isExponent(exponent))
			refuse('e', 'must be an odd number from 3 to 4294967295; AQAB is 65537')
		else if (exponent?.[0] === 0) refuse('e', ZERO)
	})
	.transform(({ kid, alg, n, e }) => ({ ...named(kid), kty: 'RSA' as const, alg, n, e }))

const named = (kid: string | undefined) => (kid === undefined ? {} : { kid })

/** Of a big-endian number. */
function bitsOf(bytes: Uint8Array): number {
	const first = bytes.findIndex((byte) => byte !== 0)
	return first < 0 ? 0 : (bytes.length - first) * 8 - (Math.clz32(bytes[first]!) - 24)
}

const isExponent = (bytes: Uint8Array): boolean => {
	const bits = bitsOf(bytes)
	return bits >= 2 && bits <= 32 && bytes.at(-1)! % 2 === 1
}

const keyTypes = [EllipticKey, RsaKey, EdwardsKey] as const
for (const { in: members } of keyTypes) unsupported.add(members, PRIVATE_MEMBERS)

/** With `alg` filled in, and nothing in it that is not needed to verify. */
export const Jwk = z
	.discriminatedUnion('kty', keyTypes, {
		error: ({ input }) =>
			(input as { kty?: unknown } | undefined)?.kty === 'oct'
				? 'must be EC, RSA or OKP: a key of type oct is a shared secret, which proves nothing of who knows it'
				: undefined,
	})
	.meta({ description: 'A public key (RFC 7517). Private and symmetric ones are refused.' })
export type Jwk = z.infer<typeof Jwk>
