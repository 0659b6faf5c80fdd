/** Whether a request may go on, by the policies of all layers that it meets: what they say adds up, and DENY wins. */
import type { Authorizer } from '../snapshot/authorization.ts'
import type { CompiledAccess } from './compileAccess.ts'
import type { CompiledRule, PolicyName } from './compileRule.ts'
import { type Facts, factsOf } from './facts.ts'
import type { AccessRequest } from './request.ts'
import { allMatches, firstMatch, type RuleSet } from './ruleSet.ts'
import { compileTexts } from './textPattern.ts'

export type { PolicyName } from './compileRule.ts'

export interface AccessVerdict {
	readonly allowed: boolean
	/** What refused or admitted it. Absent: nothing matched. */
	readonly by?: PolicyName
	/** Of the CUSTOM policies that match, each once: all must allow it, too. None when it is refused already. */
	readonly authorizers: readonly Authorizer[]
	/** For each of these the policy on whose behalf it is asked. Absent: none is. */
	readonly askedBy?: readonly PolicyName[]
	/** Names of the AUDIT policies that match. */
	readonly audited: readonly string[]
	/** What would be if the dry runs were enforced, where that differs, and the policy that makes the difference. */
	readonly dryRun?: { readonly allowed: boolean; readonly by?: PolicyName }
}

/**
 * Istio's order, but that CUSTOM comes last (https://istio.io/latest/docs/concepts/security/#implicit-enablement): nobody need be asked
 * about what is refused anyway. Of several policies that match, the first counts, by layer, then by its place there, then by rule.
 */
export function decide(
	layers: readonly CompiledAccess[],
	defaultAccess: 'open' | 'closed',
	request: AccessRequest,
): AccessVerdict {
	const asked = factsOf(request)
	const asking = askingIn(allIn(layers, 'custom', asked))
	const facts = asking.length === 0 ? asked : factsOf(withoutOwned(request, asking))
	const denied = firstIn(layers, 'deny', facts)
	const admitted = denied === undefined ? firstIn(layers, 'allow', facts) : undefined
	const isOpen = defaultAccess === 'open' && !layers.some(({ hasAllow }) => hasAllow)
	const allowed = denied === undefined && (isOpen || admitted !== undefined)
	const verdict: Writable<AccessVerdict> = {
		allowed,
		authorizers: allowed ? asking.map(({ authorizer }) => authorizer!) : NONE,
		audited: auditedBy(allIn(layers, 'audit', facts)),
	}
	const by = denied ?? admitted
	if (by !== undefined) verdict.by = by.name
	if (allowed && asking.length > 0) verdict.askedBy = asking.map(({ name }) => name)
	if (denied === undefined && layers.some(({ hasDryRun }) => hasDryRun)) {
		const dryRun = tryOut(layers, facts, allowed, isOpen)
		if (dryRun !== undefined) verdict.dryRun = dryRun
	}
	return verdict
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

type Action = 'deny' | 'allow' | 'custom' | 'audit' | 'dryDeny' | 'dryAllow'

const NONE: readonly never[] = []

function firstIn(layers: readonly CompiledAccess[], action: Action, facts: Facts): CompiledRule | undefined {
	for (let i = 0; i < layers.length; i++) {
		const set: RuleSet | undefined = layers[i]![action]
		const found = set && firstMatch(set, facts)
		if (found !== undefined) return found
	}
	return undefined
}

function allIn(layers: readonly CompiledAccess[], action: Action, facts: Facts): readonly CompiledRule[] {
	let found: readonly CompiledRule[] = NONE
	for (let i = 0; i < layers.length; i++) {
		const set = layers[i]![action]
		if (set !== undefined) found = [...found, ...allMatches(set, facts)]
	}
	return found
}

/** Of one authorizer's name, the first counts: parts that arrive one after the other may differ for a moment. */
function askingIn(rules: readonly CompiledRule[]): readonly CompiledRule[] {
	if (rules.length === 0) return NONE
	const byName = new Map<string, CompiledRule>()
	for (const rule of rules)
		if (rule.authorizer !== undefined && !byName.has(rule.authorizer.name)) byName.set(rule.authorizer.name, rule)
	return [...byName.values()]
}

/**
 * Fields that an authorizer writes are its word, which comes later: what the client wrote there the service never gets, and so it
 * counts for nothing.
 */
function withoutOwned(request: AccessRequest, asking: readonly CompiledRule[]): AccessRequest {
	const owned = asking.flatMap(({ authorizer }) => authorizer!.headersToUpstreamOnAllow)
	if (owned.length === 0) return request
	const isOwned = compileTexts(owned)
	return { ...request, header: (name) => (isOwned(name) ? null : request.header(name)) }
}

const auditedBy = (rules: readonly CompiledRule[]): readonly string[] =>
	rules.length === 0 ? NONE : [...new Set(rules.map(({ name }) => name.policy))]

/** For requests that no DENY refuses: those stay refused. */
function tryOut(
	layers: readonly CompiledAccess[],
	facts: Facts,
	allowed: boolean,
	isOpen: boolean,
): AccessVerdict['dryRun'] | undefined {
	const denied = firstIn(layers, 'dryDeny', facts)?.name
	if (denied !== undefined) return allowed ? { allowed: false, by: denied } : undefined
	// Admitted by a policy that is enforced already.
	if (allowed && !isOpen) return undefined
	const admitted = firstIn(layers, 'dryAllow', facts)?.name
	if (!allowed) return admitted && { allowed: true, by: admitted }
	const closing = layers.flatMap(({ dryAllowPolicy }) => dryAllowPolicy ?? [])[0]
	return closing === undefined || admitted !== undefined ? undefined : { allowed: false, by: { policy: closing } }
}
