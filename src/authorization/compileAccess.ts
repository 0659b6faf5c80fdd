/** The policies of one layer, ready to be asked. */
import type { AccessPolicies, AccessPolicy } from '../snapshot/authorization.ts'
import { compileRule } from './compileRule.ts'
import { createRuleSet, type FindableRule, type RuleSet } from './ruleSet.ts'

/** What one part of the snapshot brings: that of the mesh, of a namespace, of a Service, or of a rule. */
export interface CompiledAccess {
	/** A policy that is enforced does, so that a path which is ambiguous must be refused. Neither AUDIT nor dry runs may do that. */
	readonly looksAtPaths: boolean
	/** One that is enforced, with or without rules. */
	readonly hasAllow: boolean
	readonly hasDryRun: boolean
	/** Undefined: no rule of that action. */
	readonly deny: RuleSet | undefined
	readonly allow: RuleSet | undefined
	readonly custom: RuleSet | undefined
	readonly audit: RuleSet | undefined
	readonly dryDeny: RuleSet | undefined
	readonly dryAllow: RuleSet | undefined
	/** The first of the ALLOW policies that are tried out: `<namespace>/<name>`. */
	readonly dryAllowPolicy: string | undefined
}

/** Once per version of a part: it takes some microseconds per rule. `trustDomain` is the mesh's own. */
export function compileAccess(policies: AccessPolicies, trustDomain: string): CompiledAccess {
	const enforced = policies.filter(({ dryRun }) => dryRun !== true)
	const tried = policies.filter(({ dryRun }) => dryRun === true)
	const rulesOf = (among: readonly AccessPolicy[], action: AccessPolicy['action']) =>
		createRuleSet(
			findableRules(
				among.filter((policy) => policy.action === action),
				trustDomain,
			),
		)
	return {
		looksAtPaths: enforced.some((policy) => policy.action !== 'AUDIT' && looksAtPaths(policy)),
		hasAllow: enforced.some(({ action }) => action === 'ALLOW'),
		hasDryRun: tried.length > 0,
		deny: rulesOf(enforced, 'DENY'),
		allow: rulesOf(enforced, 'ALLOW'),
		custom: rulesOf(enforced, 'CUSTOM'),
		audit: rulesOf(enforced, 'AUDIT'),
		dryDeny: rulesOf(tried, 'DENY'),
		dryAllow: rulesOf(tried, 'ALLOW'),
		dryAllowPolicy: tried.find(({ action }) => action === 'ALLOW')?.name,
	}
}

const looksAtPaths = ({ rules }: AccessPolicy): boolean =>
	rules.some(({ to }) => to?.some(({ paths, notPaths }) => paths !== undefined || notPaths !== undefined))

function findableRules(policies: readonly AccessPolicy[], trustDomain: string): readonly FindableRule[] {
	const found: FindableRule[] = []
	for (const policy of policies)
		for (const [position, rule] of policy.rules.entries()) {
			const compiled = compileRule(rule, policy.action, trustDomain)
			if (compiled === undefined) continue
			const { matches, lookUps } = compiled
			const name = { policy: policy.name, rule: position }
			const authorizer = policy.action === 'CUSTOM' ? policy.authorizer : undefined
			found.push({ rule: { name, order: found.length, matches, authorizer }, lookUps })
		}
	return found
}
