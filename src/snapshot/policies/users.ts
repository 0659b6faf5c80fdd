/** RequestAuthentications in the form that proxies compile: keys given or named, every default filled in. */
import { keysName } from '../../joining/issuerDocuments.ts'
import { durationMs } from '../../resources/duration.ts'
import type { RequestAuthentication, JwtRule as RuleDocument } from '../../resources/requestAuthentication.ts'
import type { JwtKeys, JwtRule, TokenPlace } from '../requestAuthentication.ts'

/** Istio's, where a rule names no place (RFC 6750 §2.1 and §2.3). */
const USUAL_PLACES: readonly TokenPlace[] = [
	{ in: 'header', name: 'authorization', prefix: 'Bearer ' },
	{ in: 'param', name: 'access_token' },
]
/** Claims that Istio divides at spaces in any case. */
const SPACE_DELIMITED = ['scope', 'permission']

export function usersOf(policies: readonly RequestAuthentication[]): readonly JwtRule[] | undefined {
	return policies.length === 0 ? undefined : policies.flatMap(({ spec }) => spec.jwtRules.map(ruleOf))
}

function ruleOf(rule: RuleDocument): JwtRule {
	const { issuer, audiences, outputPayloadToHeader, outputClaimToHeaders, forwardOriginalToken } = rule
	return {
		issuer,
		...(audiences && { audiences }),
		keys: keysOf(rule),
		from: placesOf(rule),
		...(outputPayloadToHeader !== undefined && { outputPayloadToHeader: outputPayloadToHeader.toLowerCase() }),
		...(outputClaimToHeaders && {
			outputClaimToHeaders: outputClaimToHeaders.map(({ header, claim }) => ({
				header: header.toLowerCase(),
				claim: pathOf(claim),
			})),
		}),
		...(forwardOriginalToken && { forwardOriginalToken: true as const }),
		// Validation has read it once already.
		clockSkewMs: durationMs(rule.clockSkew)!,
		spaceDelimitedClaims: [...new Set([...SPACE_DELIMITED, ...(rule.spaceDelimitedClaims ?? [])])],
	}
}

/** The control plane fetches what is not given, and puts it into part `trust` under this name. */
function keysOf({ issuer, jwks, jwksUri }: RuleDocument): JwtKeys {
	if (jwks === undefined) return { fetched: keysName({ issuer, ...(jwksUri !== undefined && { jwksUri }) }) }
	return { inline: jwks.keys.map(({ kid, ...jwk }) => ({ ...(kid !== undefined && { kid }), jwk })) }
}

function placesOf({ fromHeaders = [], fromParams = [], fromCookies = [] }: RuleDocument): readonly TokenPlace[] {
	const places: TokenPlace[] = [
		...fromHeaders.map(({ name, prefix }) => ({ in: 'header' as const, name: name.toLowerCase(), prefix })),
		...fromParams.map((name) => ({ in: 'param' as const, name })),
		...fromCookies.map((name) => ({ in: 'cookie' as const, name })),
	]
	return places.length === 0 ? USUAL_PLACES : places
}

/** `a.b`, or `[a][b]` where names have dots. */
const pathOf = (claim: string): string[] => (claim.startsWith('[') ? claim.slice(1, -1).split('][') : claim.split('.'))
