/** Which end users' tokens a service believes, where requests show them, and what it is told of their users: ready to be asked. */
import { heldKeys } from '../../identity/userKeys.ts'
import type { UserRule } from '../../identity/userToken.ts'
import type { IssuerSource } from '../../ports.ts'
import type { JwtRule, TokenPlace } from '../../snapshot/requestAuthentication.ts'
import { spelling } from '../access/checkedFields.ts'

export interface CompiledJwtRule extends UserRule {
	/** As JSON, with what is refused because of other rules: those of the same text believe what those before them believed. */
	readonly text: string
	/** Where its keys are fetched from, if they are. */
	readonly source?: IssuerSource
	readonly from: readonly TokenPlace[]
	readonly outputPayloadToHeader: string | undefined
	readonly outputClaimToHeaders: readonly { readonly header: string; readonly claim: readonly string[] }[]
	readonly forwardOriginalToken: boolean
}

/** Of a service: of the mesh, of its namespace and of its own, which add up. */
export interface CompiledUsers {
	readonly users: readonly CompiledJwtRule[]
	/** Of all these rules, each once. */
	readonly tokenPlaces: readonly TokenPlace[]
	/** Fields in which the service hears of users, and so from nobody but the mesh. Lower case. */
	readonly userFields: readonly string[]
	/** Fields in which it is shown tokens, of which there are other spellings. */
	readonly tokenFields: readonly string[]
	/** Of both, in the one spelling that all of a field's have in common. */
	readonly userSpellings: ReadonlySet<string>
	readonly tokenSpellings: ReadonlySet<string>
}

export const NO_USERS: CompiledUsers = {
	users: [],
	tokenPlaces: [],
	userFields: [],
	tokenFields: [],
	userSpellings: new Set(),
	tokenSpellings: new Set(),
}

/** `before`: rules that may be the same, whose keys are imported already. */
export function compileUsers(
	rules: readonly JwtRule[],
	before: readonly CompiledJwtRule[] = NO_USERS.users,
): CompiledUsers {
	if (rules.length === 0) return NO_USERS
	const users = rules.map((rule) => {
		const others = othersSubjects(rule, rules)
		const text = JSON.stringify(others.length === 0 ? rule : [rule, others])
		return before.find((known) => known.text === text) ?? compileRule(rule, others, text)
	})
	const places = new Map(users.flatMap(({ from }) => from).map((place) => [JSON.stringify(place), place]))
	const fields = users.flatMap(({ outputPayloadToHeader, outputClaimToHeaders }) => [
		...(outputPayloadToHeader === undefined ? [] : [outputPayloadToHeader]),
		...outputClaimToHeaders.map(({ header }) => header),
	])
	const userFields = [...new Set(fields.map((name) => name.toLowerCase()))]
	const tokenFields = [...places.values()].flatMap((place) =>
		place.in === 'header' && /[-_]/.test(place.name) ? place.name.toLowerCase() : [],
	)
	return {
		users,
		tokenPlaces: [...places.values()],
		userFields,
		tokenFields,
		userSpellings: new Set(userFields.map(spelling)),
		tokenSpellings: new Set(tokenFields.map(spelling)),
	}
}

/**
 * A user's name is `<iss>/<sub>`, and either may have slashes: `a` must not make it say `a/b` and `c` where `a/b` is an issuer, too.
 */
function othersSubjects({ issuer }: JwtRule, rules: readonly JwtRule[]): readonly string[] {
	const longer = rules.filter((other) => other.issuer.startsWith(`${issuer}/`))
	return [...new Set(longer.map((other) => `${other.issuer.slice(issuer.length + 1)}/`))].sort()
}

function compileRule(rule: JwtRule, others: readonly string[], text: string): CompiledJwtRule {
	const { issuer, audiences, keys, from, clockSkewMs, spaceDelimitedClaims } = rule
	return {
		text,
		issuer,
		...(audiences === undefined ? {} : { audiences }),
		...('inline' in keys
			? { keys: { inline: heldKeys(keys.inline) } }
			: { keys, source: sourceOf(issuer, keys.fetched) }),
		from,
		clockSkewMs,
		...(others.length === 0 ? {} : { othersSubjects: others }),
		spaceDelimitedClaims,
		outputPayloadToHeader: rule.outputPayloadToHeader,
		outputClaimToHeaders: rule.outputClaimToHeaders ?? [],
		forwardOriginalToken: rule.forwardOriginalToken === true,
	}
}

/** The name is the issuer, and `#` with the URL of its keys where these are not found by discovery. */
const sourceOf = (issuer: string, name: string): IssuerSource =>
	name === issuer ? { issuer } : { issuer, jwksUri: name.slice(issuer.length + 1) }
