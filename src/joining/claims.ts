/** What the claims of a token must say, and whether they say it. */

/** Verified: whoever made them is known, and they are valid now. */
export type Claims = Readonly<Record<string, unknown>>

/** Equal, one of several, or beginning alike. */
export type ExpectedClaim = string | { readonly anyOf: readonly string[] } | { readonly prefix: string }

/** By name of a claim or, where it begins with `/`, by JSON Pointer (RFC 6901). */
export type ClaimRules = Readonly<Record<string, ExpectedClaim>>

/** Whether every rule holds. Without rules nobody fits. */
export const matchesClaims = (rules: ClaimRules, claims: Claims): boolean =>
	Object.keys(rules).length > 0 && unmetClaim(rules, claims) === undefined

/** The first rule that does not hold, by the name of its claim. */
export function unmetClaim(rules: ClaimRules, claims: Claims): string | undefined {
	return Object.entries(rules).find(([name, expected]) => {
		const texts = textsOf(claimAt(claims, name))
		return !texts.some((text) => fitsExpected(text, expected))
	})?.[0]
}

/** Whether the token is meant for one of the audiences (RFC 7519 §4.1.3). */
export function isMeantFor(audiences: readonly string[], { aud }: Claims): boolean {
	const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
	return named.some((audience) => typeof audience === 'string' && audiences.includes(audience))
}

function claimAt(claims: Claims, name: string): unknown {
	if (!name.startsWith('/')) return member(claims, name)
	const steps = name.slice(1).split('/')
	return steps.reduce<unknown>((value, step) => member(value, step.replaceAll('~1', '/').replaceAll('~0', '~')), claims)
}

/** Only what the token itself says. Which of a list's members is meant, its order does not tell. */
function member(value: unknown, name: string): unknown {
	if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
	return Object.hasOwn(value, name) ? (value as Claims)[name] : undefined
}

/** Of a list each member counts, of everything else that is no single value none. */
const textsOf = (value: unknown): readonly string[] =>
	(Array.isArray(value) ? value : [value]).flatMap((each: unknown) => {
		if (typeof each === 'string') return [each]
		return typeof each === 'boolean' || Number.isSafeInteger(each) ? [String(each)] : []
	})

function fitsExpected(text: string, expected: ExpectedClaim): boolean {
	if (typeof expected === 'string') return text === expected
	return 'anyOf' in expected ? expected.anyOf.includes(text) : text.startsWith(expected.prefix)
}
