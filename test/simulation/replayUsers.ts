/** Random rules of end users and requests that show tokens, and what is found in these, worked out from the words of the specification. */
import type { AccessUser } from '../../src/authorization/request.ts'
import type { AccessPolicies, AccessRule } from '../../src/snapshot/authorization.ts'
import type { JwtRule, TokenPlace } from '../../src/snapshot/requestAuthentication.ts'
import type { SampledFacts } from '../../src/telemetry/accessSample.ts'
import type { Remembered } from '../unit/replay/remembered.ts'
import type { Random } from './authorizationCases.ts'

const pick = <T>(random: Random, among: readonly T[]): T => among[Math.floor(random() * among.length)]!

const ISSUERS = ['https://idp', 'https://other']
const KEYS = ['k1', 'k1', 'k1', 'k1', 'k2']
const AUDIENCES = [undefined, undefined, ['shop'], ['pay'], ['shop', 'pay']]
const PLACES: readonly TokenPlace[] = [
	...Array<TokenPlace>(4).fill({ in: 'header', name: 'authorization', prefix: 'Bearer ' }),
	{ in: 'header', name: 'authorization', prefix: 'Token ' },
	{ in: 'header', name: 'x-jwt', prefix: '' },
	{ in: 'param', name: 'access_token' },
	{ in: 'cookie', name: 'jwt' },
]

// === rules ===

function randomRule(random: Random): JwtRule {
	const audiences = pick(random, AUDIENCES)
	return {
		issuer: pick(random, ISSUERS),
		...(audiences === undefined ? {} : { audiences }),
		keys: { fetched: pick(random, KEYS) },
		from: Array.from({ length: 1 + Math.floor(random() * 2) }, () => pick(random, PLACES)),
		clockSkewMs: 0,
		spaceDelimitedClaims: random() < 0.15 ? [] : ['scope', 'permission'],
	}
}

export const randomRules = (random: Random): JwtRule[] =>
	Array.from({ length: pick(random, [0, 1, 1, 1, 2, 2, 3]) }, () => randomRule(random))

/** A few changes, often none. */
export function changedRules(random: Random, rules: readonly JwtRule[]): readonly JwtRule[] {
	let changed = rules
	for (let left = pick(random, [0, 1, 1, 1, 1, 2]); left > 0; left--) {
		const at = Math.floor(random() * (changed.length + 1))
		const known = changed[at]
		const others = changed.filter((_, i) => i !== at)
		const { audiences: _, ...rest } = randomRule(random)
		const audiences = pick(random, AUDIENCES)
		changed =
			known === undefined
				? [...changed, randomRule(random)]
				: pick(random, [
						[...changed, randomRule(random)],
						others,
						[...others, known],
						[...others, { ...known, from: rest.from }],
						[...others, { ...known, ...(audiences === undefined ? {} : { audiences }) }],
					])
	}
	return changed
}

/** Policies that tell one user from another, and from none. */
export function randomUserPolicies(random: Random): AccessPolicies[] {
	const action = pick(random, ['ALLOW', 'DENY'] as const)
	const rule = pick<AccessRule>(random, [
		{ from: [{ requestPrincipals: ['*'] }] },
		{ from: [{ notRequestPrincipals: ['*'] }] },
		{ from: [{ requestPrincipals: ['https://idp/*'] }] },
		{ when: [{ key: { of: 'claim', path: ['scope'] }, values: ['admin'] }] },
		{ when: [{ key: { of: 'audiences' }, values: ['shop'] }] },
	])
	return [[{ name: 'shop/users', action, rules: [rule] }]]
}

// === tokens ===

export interface Token {
	readonly text: string
	/** Undefined: it is no JWT. */
	readonly issuer: string | undefined
	readonly key: string
	readonly subject: string
	readonly audiences: readonly string[]
	readonly claims: Readonly<Record<string, unknown>>
}

/** Where a request shows what. */
interface Shown {
	readonly in: TokenPlace['in']
	readonly name: string
	readonly prefix?: string
	readonly token: Token
}

const CLAIMS = [{ role: 'admin', scope: 'reader admin' }, { role: 'reader', scope: 'a b', level: 42 }, {}]
let made = 0

function randomToken(random: Random): Token {
	const subject = pick(random, ['alice', 'alice', 'bob', 'spiffe:x', 'spiffe:x'])
	return {
		text: `token-${++made}`,
		issuer: pick(random, [...ISSUERS, ...ISSUERS, ...ISSUERS, 'https://stranger', undefined]),
		key: pick(random, KEYS),
		subject,
		audiences: pick(random, [['shop'], ['shop', 'pay'], []]),
		claims: { ...pick(random, CLAIMS), sub: subject },
	}
}

export function randomShown(random: Random): Shown[] {
	const one = randomToken(random)
	const token = () => (random() < 0.3 ? one : random() < 0.5 ? { ...one, ...pickAnew(random) } : randomToken(random))
	const shown: Shown[] = []
	if (random() < 0.8)
		shown.push({
			...{
				in: 'header',
				name: 'authorization',
				prefix: pick(random, ['Bearer ', 'Bearer ', 'Bearer ', 'Bearer ', 'Token ', 'Basic ']),
			},
			token: one,
		})
	if (random() < 0.25) shown.push({ in: 'header', name: 'x-jwt', prefix: '', token: token() })
	for (const place of ['param', 'param', 'cookie'] as const)
		if (random() < 0.15) shown.push({ in: place, name: place === 'param' ? 'access_token' : 'jwt', token: token() })
	return shown
}

/** Another token of the same user. */
const pickAnew = (random: Random): Pick<Token, 'text' | 'audiences' | 'key'> => ({
	text: `token-${++made}`,
	audiences: pick(random, [['shop'], ['pay']]),
	key: pick(random, KEYS),
})

// === what is found ===

const isAt = (shown: Shown, place: TokenPlace): boolean =>
	shown.in === place.in && shown.name === place.name && (place.in !== 'header' || shown.prefix === place.prefix)

function userBy(rules: readonly JwtRule[], { issuer, key, subject, audiences, claims }: Token): AccessUser | undefined {
	const rule = rules.find(
		(one) =>
			one.issuer === issuer &&
			'fetched' in one.keys &&
			one.keys.fetched === key &&
			(one.audiences === undefined || one.audiences.some((wanted) => audiences.includes(wanted))),
	)
	const { spaceDelimitedClaims } = rule ?? {}
	return spaceDelimitedClaims && { principal: `${issuer}/${subject}`, audiences, claims, spaceDelimitedClaims }
}

/** Each in a place where some rule looks. */
const foundIn = (rules: readonly JwtRule[], shown: readonly Shown[]): readonly Shown[] =>
	rules.flatMap(({ from }) => from).flatMap((place) => shown.filter((one) => isAt(one, place)))

const isWorkloads = ({ name, token }: Shown): boolean =>
	name === 'authorization' && token.issuer !== undefined && token.subject.startsWith('spiffe:')

/** What is a workload's is passed over, where no rule believes its issuer. */
const lookedAt = (rules: readonly JwtRule[], shown: readonly Shown[]): Token[] =>
	foundIn(rules, shown)
		.filter((one) => !isWorkloads(one) || rules.some(({ issuer }) => issuer === one.token.issuer))
		.map(({ token }) => token)

/** The user; `refused`: a token is not believed, or they are of several users. */
export function userOf(rules: readonly JwtRule[], shown: readonly Shown[]): AccessUser | undefined | 'refused' {
	const users = lookedAt(rules, shown).map((token) => userBy(rules, token))
	if (users.some((user) => user === undefined || user.principal !== users[0]?.principal)) return 'refused'
	return users[0]
}

/** What an isolate remembers of it, beside what every request has. */
export function shownFacts(
	rules: readonly JwtRule[],
	shown: readonly Shown[],
	header: Remembered['header'],
): Pick<Remembered, 'user' | 'fields' | 'facts'> & { readonly tokenFields: string[] } {
	const user = userOf(rules, shown)
	const tokens = [...new Map(lookedAt(rules, shown).map((token) => [token.text, token])).values()]
	const workloads = shown.find(isWorkloads)?.token.issuer
	const fields = new Map(['x-version', 'x-team'].map((name) => [name, header(name)]))
	for (const { in: place, name, prefix, token } of shown)
		if (place !== 'param') fields.set(place === 'cookie' ? 'cookie' : name, `${prefix}${token.text}`)
	const facts: Partial<SampledFacts> = {
		...(shown.some(({ in: place }) => place === 'param') ? { query: true } : {}),
		...(workloads === undefined ? {} : { workloadIssuer: workloads }),
		...(user === 'refused' ? { refusedUser: refusedFacts(tokens) } : {}),
		...(user === undefined || user === 'refused'
			? {}
			: {
					user: {
						...user,
						issuer: ISSUERS.find((issuer) => user.principal.startsWith(`${issuer}/`))!,
						...(tokens.length > 1 ? { isOfSeveral: true } : {}),
					},
				}),
	}
	return {
		fields: [...fields].flatMap(([name, value]): [string, string][] => (value === null ? [] : [[name, value]])),
		facts,
		tokenFields: rules.flatMap(({ from }) => from.flatMap((place) => (place.in === 'header' ? [place.name] : []))),
	}
}

function refusedFacts([token, ...others]: readonly Token[]): NonNullable<SampledFacts['refusedUser']> {
	if (others.length > 0) return {}
	const { issuer = '' } = token!
	return { issuer }
}
