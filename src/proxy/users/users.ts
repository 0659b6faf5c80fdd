/** What an isolate knows of end users: the keys of their issuers, and the tokens that it has verified with them. */
import type { HeldKey } from '../../identity/userKeys.ts'
import { heldKeys } from '../../identity/userKeys.ts'
import type { User, VerifiedUser } from '../../identity/userToken.ts'
import type { IssuerKeys } from '../../snapshot/trust.ts'
import type { CompiledJwtRule, CompiledUsers } from '../compile/compileUsers.ts'
import { compileUsers } from '../compile/compileUsers.ts'
import type { RoutingTable } from '../knowledge/routingTable.ts'
import type { ProxyPorts, Scope } from '../ports.ts'
import { createRecent, type Recent, recall, remember } from '../recent.ts'

/** A token that was good, by one rule. */
export interface HeldUser {
	readonly user: User
	readonly key: HeldKey
	readonly forwards: boolean
	/** What the service is told of the user. */
	readonly fields: readonly (readonly [name: string, value: string])[]
}

interface HeldUserToken {
	readonly text: string
	/** By the text of the rule. */
	readonly byRule: Map<string, HeldUser>
}

interface Issuer {
	/** As JSON, what they were made of. */
	readonly text: string
	readonly keys: readonly HeldKey[]
}

/** Questions to the key ring about the keys of one issuer. */
interface Asking {
	/** Under way; `false`: nothing was learnt. */
	flight: Promise<boolean> | undefined
	startedAt: number
	/** Questions that may still be asked, refilled with time. */
	left: number
	refilledAt: number
}

export interface Users {
	/** By the end of the signature, see `tokenKey`. */
	readonly tokens: Recent<HeldUserToken>
	/** `iss` of bearer tokens that are workloads' and nobody's users'. Unverified: who fills it only makes others be read again. */
	readonly workloads: Recent<string>
	readonly issuers: Map<string, Issuer>
	/** Of part `trust`, as last taken in. */
	published: readonly IssuerKeys[] | undefined
	readonly asking: Map<string, Asking>
	/** What holds where no service is asked, by namespace. */
	readonly ofRoutes: Map<string, { readonly from: readonly unknown[]; readonly compiled: CompiledUsers }>
}

/** In characters, of one generation. Only who has a good token adds one. */
const LIMIT = 2_097_152
const WORKLOADS_LIMIT = 262_144
/** What one takes beside its text: its claims, parsed, and what is made of them. */
const ENTRY_SIZE = 1_024
/** Rules under which one token is remembered. */
const MAX_RULES = 16

export const createUsers = (): Users => ({
	tokens: createRecent(LIMIT),
	workloads: createRecent(WORKLOADS_LIMIT),
	issuers: new Map(),
	published: undefined,
	asking: new Map(),
	ofRoutes: new Map(),
})

// === tokens ===

/** Half of its signature names a token among those that were good. Looking up all of its text would read all of it twice. */
const tokenKey = (token: string): string => token.slice(-43)

/** The user that it showed before, under one of these rules. Undefined: it must be verified. `now` in ms since the epoch. */
export function recallUser(
	users: Users,
	token: string,
	rules: readonly CompiledJwtRule[],
	now: number,
): HeldUser | undefined {
	const held = recall(users.tokens, tokenKey(token))
	if (held === undefined || held.text !== token) return undefined
	for (let i = 0; i < rules.length; i++) {
		const known = held.byRule.get(rules[i]!.text)
		if (known !== undefined && now < known.user.expiresAt && known.key.isGone === undefined) return known
	}
	return undefined
}

export function rememberUser(
	users: Users,
	token: string,
	{ user, rule, key }: VerifiedUser<CompiledJwtRule>,
	fields: HeldUser['fields'],
): HeldUser {
	const known = recall(users.tokens, tokenKey(token))
	const held = known?.text === token ? known : { text: token, byRule: new Map<string, HeldUser>() }
	if (held.byRule.size >= MAX_RULES) held.byRule.clear()
	const verified = { user, key, forwards: rule.forwardOriginalToken, fields }
	held.byRule.set(rule.text, verified)
	if (held !== known) remember(users.tokens, tokenKey(token), held, 2 * token.length + ENTRY_SIZE)
	return verified
}

/** `iss` of a bearer token that looks like a workload's; undefined: it does not, as far as is remembered. */
export const recallWorkload = ({ workloads }: Users, token: string): string | undefined => recall(workloads, token)

export const rememberWorkload = ({ workloads }: Users, token: string, issuer: string): void =>
	remember(workloads, token, issuer, token.length + ENTRY_SIZE)

// === rules ===

/** What holds for a rule that answers by itself, without a service: what the mesh and the namespace of its route ask for. */
export function usersOfRoute(users: Users, table: RoutingTable, namespace: string): CompiledUsers {
	const from = [table.defaults.users, table.namespaces.get(namespace)?.users]
	const known = users.ofRoutes.get(namespace)
	if (known?.from.every((layer, i) => layer === from[i])) return known.compiled
	const compiled = compileUsers(
		from.flatMap((layer = []) => layer),
		known?.compiled.users,
	)
	users.ofRoutes.set(namespace, { from, compiled })
	return compiled
}

// === keys of issuers ===

/** How long a request waits for keys, in ms. */
const PATIENCE_MS = 2_000
/** A token of made-up key is no reason to ask: this many questions at once, and then one in so many ms. */
const QUESTIONS = 3
const REFILL_MS = 5_000

/** The keys of an issuer, by name. Undefined: none was ever fetched. */
export const keysOf = ({ issuers }: Users, name: string): readonly HeldKey[] | undefined => issuers.get(name)?.keys

/** Takes in what part `trust` says by now. Before anything is recalled: a key that was taken back must count no more. */
export function keepUp(users: Users, { trust }: RoutingTable): void {
	if (users.published === trust?.issuers) return
	users.published = trust?.issuers
	takeIn(users, users.published ?? [])
}

function takeIn({ issuers }: Users, published: readonly IssuerKeys[]): void {
	const names = new Set(published.map(({ name }) => name))
	for (const [name, { keys }] of issuers)
		if (!names.has(name)) {
			for (const key of keys) key.isGone = true
			issuers.delete(name)
		}
	for (const issuer of published) takeInOne(issuers, issuer)
}

/** A key that stays is the very same one: what was verified with it stays verified. */
function takeInOne(issuers: Users['issuers'], { name, keys: published }: IssuerKeys): void {
	const before = issuers.get(name)
	const text = JSON.stringify(published)
	if (before?.text === text) return
	const others = new Map(before?.keys.map((key) => [identityOf(key), key]))
	const keys = heldKeys(published).map((key) => {
		const known = others.get(identityOf(key))
		others.delete(identityOf(key))
		return known ?? key
	})
	for (const gone of others.values()) gone.isGone = true
	issuers.set(name, { text, keys })
}

const identityOf = ({ kid, jwk }: HeldKey): string => JSON.stringify([kid, jwk])

/**
 * Has the key ring look for a key that is not known here. Whether anything was learnt. However many tokens name keys that do not exist,
 * the ring hears of few of them: each of its answers brings all keys that there are.
 */
export function learnKeys(
	users: Users,
	{ keys, source }: CompiledJwtRule,
	kid: string | undefined,
	ports: Pick<ProxyPorts, 'now' | 'wait' | 'issuerKeys'>,
	scope: Scope,
): Promise<boolean> {
	if (source === undefined || !('fetched' in keys)) return Promise.resolve(false)
	const now = ports.now()
	const asking = askingFor(users, keys.fetched, now)
	if (asking.flight !== undefined && now - asking.startedAt < PATIENCE_MS)
		// A promise made for a request that was cancelled may never settle.
		return Promise.race([asking.flight, ports.wait(PATIENCE_MS).then(() => false)])
	if (asking.left < 1) return Promise.resolve(false)
	asking.left--
	asking.startedAt = now
	const flight = ports
		.issuerKeys(source, kid)
		.then((answer) => {
			if (answer !== null) takeInOne(users.issuers, answer)
			return answer !== null
		})
		.catch(() => false)
		.finally(() => {
			if (asking.flight === flight) asking.flight = undefined
		})
	asking.flight = flight
	scope.waitUntil(flight)
	return flight
}

function askingFor({ asking }: Users, name: string, now: number): Asking {
	const known = asking.get(name) ?? { flight: undefined, startedAt: 0, left: QUESTIONS, refilledAt: now }
	known.left = Math.min(QUESTIONS, known.left + Math.max(0, now - known.refilledAt) / REFILL_MS)
	known.refilledAt = now
	asking.set(name, known)
	return known
}
