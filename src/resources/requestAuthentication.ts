/** Whose end users are believed: Istio's RequestAuthentication, for the mesh, a namespace or Services. */
import { z } from 'zod'
import { SecurityApiVersion } from './apiVersions.ts'
import { Metadata, Status, withoutStatus } from './metadata.ts'
import { attachedBy, checkAttached, ServiceTargetRefs, spelledOut } from './policyTarget.ts'
import { durationBetween, HeaderName } from './scalars.ts'
import { distinct, repeats, unique } from './unique.ts'
import { UpstreamField } from './upstreamField.ts'
import { UserKeySet } from './userKeySet.ts'

const MAX_PLACES = 16

const Text = z.string().min(1).max(1_024)
const textsOf = (what: string, most: number) => z.array(Text).min(1).max(most).superRefine(distinct(what))

/** RFC 6265 §4.1.1: a token, as the name of a field is. */
const CookieName = z
	.string()
	.min(1)
	.max(256)
	.regex(/^[A-Za-z0-9!#$%&'*+\-.^_`|~]*$/, { error: 'must be the name of a cookie (RFC 6265 token)' })

const FromHeader = z.strictObject({
	name: HeaderName,
	prefix: z
		.string()
		.max(256)
		.regex(/^[ -~]*$/, { error: 'must be printable US-ASCII' })
		.default('')
		.meta({ description: "What goes before the token, the space included: 'Bearer '." }),
})

/** `a.b` as in Istio, or `[https://a.example/b][c]` for names that have dots. */
const ClaimPath = z
	.string()
	.min(1)
	.max(512)
	.regex(/^((\[[^[\]]+\]){1,8}|[^.[\]]+(\.[^.[\]]+){0,7})?$/, {
		error: "must be the name of a claim, nested as 'a.b', or as '[a][b]' where a name has dots",
	})

const OutputClaim = z.strictObject({ header: UpstreamField, claim: ClaimPath })

const JwtRule = z
	.strictObject({
		issuer: z.string().min(1).max(2_048).meta({
			description: "Equal to the tokens' iss, letter by letter. An https URL where its keys are to be discovered.",
		}),
		audiences: textsOf('audience', 64).exactOptional().meta({
			description: 'A token must be meant for one of them; for anybody when left out.',
		}),
		jwksUri: z.string().exactOptional().meta({
			description: "Where the issuer's keys are. Without it and jwks they are found by OpenID Connect Discovery.",
		}),
		jwks: UserKeySet.exactOptional().meta({ description: "The issuer's keys themselves, which nobody rotates." }),
		fromHeaders: z
			.array(FromHeader)
			.min(1)
			.max(MAX_PLACES)
			.superRefine(
				unique(
					({ name, prefix }: { name: string; prefix: string }) => JSON.stringify([name.toLowerCase(), prefix]),
					(first) => `must be unique: entry ${first} names this place`,
				),
			)
			.exactOptional()
			.meta({
				description: "Without any place: Authorization after 'Bearer ', and the query parameter access_token.",
			}),
		fromParams: textsOf('parameter', MAX_PLACES).exactOptional(),
		fromCookies: z.array(CookieName).min(1).max(MAX_PLACES).superRefine(distinct('cookie')).exactOptional(),
		outputPayloadToHeader: UpstreamField.exactOptional().meta({
			description: "The service gets the token's payload there, base64url. What clients send there is taken off.",
		}),
		outputClaimToHeaders: z.array(OutputClaim).min(1).max(32).exactOptional().meta({
			description: 'The service gets these claims there. What clients send there is taken off.',
		}),
		forwardOriginalToken: z.boolean().default(false).meta({
			description: 'Whether the service gets the token too.',
		}),
		timeout: durationBetween('1ms', '10m').exactOptional().meta({
			description: "Accepted as Istio's. Keys are fetched beside the requests, and every fetch has 5 seconds.",
		}),
		clockSkew: durationBetween('0s', '10m').default('60s').meta({
			description: 'By how much exp, nbf and iat may be off.',
		}),
		spaceDelimitedClaims: textsOf('claim', 32).exactOptional().meta({
			description: 'Claims whose text is a list, divided by spaces, beside scope and permission.',
		}),
	})
	.superRefine(({ jwksUri, jwks, outputPayloadToHeader, outputClaimToHeaders = [] }, context) => {
		const refuse = (path: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path, message })
		if (jwksUri !== undefined && jwks !== undefined) refuse(['jwks'], 'must be left out beside jwksUri')
		// In the order of the entries, after the payload's field.
		const names = [outputPayloadToHeader, ...outputClaimToHeaders.map(({ header }) => header)]
		for (const { index, first } of repeats(names, (name) => name?.toLowerCase())) {
			const other = first === 0 ? 'outputPayloadToHeader' : `entry ${first - 1}`
			refuse(['outputClaimToHeaders', index - 1, 'header'], `must be unique: ${other} names this field`)
		}
	})
export type JwtRule = z.infer<typeof JwtRule>

export const RequestAuthentication = z
	.strictObject({
		apiVersion: SecurityApiVersion,
		kind: z.literal('RequestAuthentication'),
		metadata: Metadata,
		spec: z.strictObject({ ...attachedBy(ServiceTargetRefs), jwtRules: z.array(JwtRule).min(1).max(64) }),
		status: Status,
	})
	.superRefine(checkAttached)
	.transform(withoutStatus)
	.transform(spelledOut)
	.meta({
		id: 'RequestAuthentication',
		description:
			"Which end users' tokens (JWT) are believed. Rules of mesh, namespace and Service add up. A token that is shown must be good; that one must be shown is for an AuthorizationPolicy to say.",
	})
export type RequestAuthentication = z.infer<typeof RequestAuthentication>
