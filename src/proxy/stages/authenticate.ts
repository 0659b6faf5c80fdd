/**
 * Whose request it is: the end user, as far as a token proves it.
 *
 * A service without rules pays for one comparison; a token that was verified here before, for look-ups only.
 */
import { looksLikeJwtSvid } from '../../identity/jwtSvid.ts'
import { claimedIssuer, type User, verifyUserToken } from '../../identity/userToken.ts'
import type { TokenPlace } from '../../snapshot/requestAuthentication.ts'
import { namespaceOf } from '../access/access.ts'
import type { CompiledJwtRule, CompiledUsers } from '../compile/compileUsers.ts'
import type { Exchange } from '../exchange.ts'
import type { RoutingTable } from '../knowledge/routingTable.ts'
import type { ProxyPorts, Scope } from '../ports.ts'
import type { Refusal } from '../refusal.ts'
import { fieldsFor } from '../users/tellUser.ts'
import { type ShownToken, shownTokens, withoutParams } from '../users/tokenPlaces.ts'
import {
	type HeldUser,
	keepUp,
	keysOf,
	learnKeys,
	recallUser,
	recallWorkload,
	rememberUser,
	rememberWorkload,
	type Users,
	usersOfRoute,
} from '../users/users.ts'

type Ports = Pick<ProxyPorts, 'now' | 'wait' | 'issuerKeys'>

/** Of one request. */
const MAX_TOKENS = 4

/** Sets the exchange's user, and takes the token off what is sent on. Synchronous while every token has been verified before. */
export function authenticate(
	exchange: Exchange,
	users: Users,
	table: RoutingTable,
	ports: Ports,
	scope: Scope,
): Refusal | undefined | Promise<Refusal | undefined> {
	const rules = exchange.service ?? usersOfRoute(users, table, namespaceOf(exchange))
	const proof = prove(exchange, rules, users, table, ports, scope)
	if (proof === undefined) return undefined
	return proof instanceof Promise ? proof.then((proven) => settle(exchange, proven)) : settle(exchange, proof)
}

/** The user as routes of a namespace see one, whatever service they lead to: its rules are asked later. Undefined: nobody. */
export const userOfRoute = (
	exchange: Exchange,
	namespace: string,
	users: Users,
	table: RoutingTable,
	ports: Ports,
	scope: Scope,
): Promise<User | Refusal | undefined> =>
	userSeenBy(usersOfRoute(users, table, namespace), exchange, users, table, ports, scope)

/** The user as these rules see one, whoever else has asked. Undefined: nobody. */
export async function userSeenBy(
	rules: CompiledUsers,
	exchange: Exchange,
	users: Users,
	table: RoutingTable,
	ports: Ports,
	scope: Scope,
): Promise<User | Refusal | undefined> {
	const proof = await prove(exchange, rules, users, table, ports, scope)
	return proof === undefined || 'reason' in proof ? proof : proof.held[0]!.user
}

/** What a request shows: tokens that are all good, and of one user. */
interface Proof {
	readonly shown: readonly ShownToken[]
	readonly held: readonly HeldUser[]
}

/** Undefined: it shows none. */
function prove(
	exchange: Exchange,
	{ users: rules, tokenPlaces }: CompiledUsers,
	users: Users,
	table: RoutingTable,
	ports: Ports,
	scope: Scope,
): Proof | Refusal | undefined | Promise<Proof | Refusal> {
	if (rules.length === 0) return undefined
	keepUp(users, table)
	const shown: ShownToken[] = []
	const held: HeldUser[] = []
	for (const one of shownTokens(exchange, tokenPlaces)) {
		const known = recallUser(users, one.token, rules, exchange.startedAt)
		if (known === undefined && isWorkloads(exchange, users, one, rules)) continue
		shown.push(one)
		if (known !== undefined) held.push(known)
	}
	if (shown.length === 0) return undefined
	return held.length === shown.length
		? ofOneUser(shown, held)
		: proveAnew({ exchange, rules, users, ports, scope }, shown)
}

/**
 * A JWT-SVID in `Authorization` is a workload's credential, unless a rule believes its issuer: identify.ts has found it good. After another
 * scheme, or beside something else, it has not looked; and of what it does not believe, services that ask for no workload hear nothing.
 */
function isWorkloads(
	{ header, distrust }: Exchange,
	users: Users,
	{ token, place }: ShownToken,
	rules: readonly CompiledJwtRule[],
): boolean {
	if (distrust !== undefined || place.in !== 'header' || place.name !== 'authorization') return false
	let issuer = recallWorkload(users, token)
	if (issuer === undefined) {
		if (!looksLikeJwtSvid(token)) return false
		issuer = claimedIssuer(token) ?? ''
		rememberWorkload(users, token, issuer)
	}
	return !rules.some((rule) => rule.issuer === issuer) && /^bearer +[^,]+$/i.test(header('authorization')!)
}

/** A request with tokens, and what they are held against. */
interface Asked {
	readonly exchange: Exchange
	readonly rules: readonly CompiledJwtRule[]
	readonly users: Users
	readonly ports: Ports
	readonly scope: Scope
}

/** One after the other, until one is refused. */
async function proveAnew(asked: Asked, shown: readonly ShownToken[]): Promise<Proof | Refusal> {
	if (new Set(shown.map(({ token }) => token)).size > MAX_TOKENS)
		return malformed(`a request shows at most ${MAX_TOKENS} tokens`)
	if (shown.some(({ token }) => token.includes(',')))
		return malformed('a token stands alone in its place, with nothing beside it')
	const { users, rules, exchange } = asked
	const held: HeldUser[] = []
	for (const { token } of shown) {
		const verified = recallUser(users, token, rules, exchange.startedAt) ?? (await verify(asked, token))
		if ('reason' in verified) return verified
		held.push(verified)
	}
	return ofOneUser(shown, held)
}

const malformed = (detail: string): Refusal => ({ reason: 'invalid_token', code: 'malformed', detail })

async function verify({ exchange, rules, users, ports, scope }: Asked, token: string): Promise<HeldUser | Refusal> {
	const once = () => verifyUserToken(rules, token, (name) => keysOf(users, name), exchange.startedAt)
	let verified = await once()
	if (!verified.ok && 'rule' in verified.error) {
		const { rule, kid } = verified.error
		if (await learnKeys(users, rule, kid, ports, scope)) verified = await once()
	}
	if (verified.ok)
		return rememberUser(users, token, verified.value, fieldsFor(verified.value.rule, verified.value.user))
	const { error } = verified
	return error.code === 'no_keys'
		? { reason: 'issuer_unavailable', issuer: error.rule.issuer }
		: { reason: 'invalid_token', code: error.code, detail: error.detail }
}

function ofOneUser(shown: readonly ShownToken[], held: readonly HeldUser[]): Proof | Refusal {
	const { user } = held[0]!
	if (held.some(({ user: other }) => other.issuer !== user.issuer || other.subject !== user.subject))
		return { reason: 'invalid_token', code: 'bad_subject', detail: 'all tokens of a request must be of one user' }
	return { shown, held }
}

/** What is not for the service is taken off. */
function settle(exchange: Exchange, proof: Proof | Refusal): Refusal | undefined {
	if ('reason' in proof) return proof
	const { shown, held } = proof
	exchange.user = held[0]!.user
	const names: Record<TokenPlace['in'], string[]> = { header: [], param: [], cookie: [] }
	for (let i = 0; i < shown.length; i++) {
		const { place } = shown[i]!
		if (!held[i]!.forwards) names[place.in].push(place.name)
	}
	if (names.param.length > 0) exchange.target = withoutParams(exchange.target, names.param)
	const said = held.length === 1 ? held[0]!.fields : held.flatMap(({ fields }) => fields)
	exchange.userEdits = { dropped: names.header, cookies: names.cookie, said }
	return undefined
}
