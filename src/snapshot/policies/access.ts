/** AuthorizationPolicies in the form that proxies compile: names resolved, texts as their authors wrote them. */
import { parseKey } from '../../authorization/accessKey.ts'
import { type AuthorizationPolicy, isDryRun } from '../../resources/authorizationPolicy.ts'
import type { AuthorizationRule } from '../../resources/authorizationRules.ts'
import type { AccessCondition, AccessPolicies, AccessPolicy, AccessRule, AccessSource } from '../authorization.ts'
import type { AuthorizerLookup } from './authorizer.ts'

/** Undefined where there is none, which is not the same as a policy without rules. */
export function accessOf(
	policies: readonly AuthorizationPolicy[],
	authorizers: AuthorizerLookup,
): AccessPolicies | undefined {
	return policies.length === 0 ? undefined : policies.map((policy) => policyOf(policy, authorizers))
}

function policyOf(policy: AuthorizationPolicy, authorizers: AuthorizerLookup): AccessPolicy {
	const { metadata, spec } = policy
	const said = {
		...{ name: `${metadata.namespace}/${metadata.name}`, action: spec.action },
		...(isDryRun(policy) && { dryRun: true as const }),
		rules: (spec.rules ?? []).map((rule) => ruleOf(rule, metadata.namespace)),
	}
	const { action } = said
	return action === 'CUSTOM' ? { ...said, action, authorizer: authorizers(spec.provider!.name) } : { ...said, action }
}

const ruleOf = ({ from, to, when }: AuthorizationRule, namespace: string): AccessRule => ({
	...(from && { from: from.map(({ source }) => sourceOf(source, namespace)) }),
	...(to && { to: to.map(({ operation }) => operation) }),
	...(when && { when: when.map((condition) => conditionOf(condition, namespace)) }),
})

type Source = NonNullable<AuthorizationRule['from']>[number]['source']

/** Validation lets one of `ipBlocks` and `remoteIpBlocks` stand. In none of two lists is in none of both. */
function sourceOf(source: Source, namespace: string): AccessSource {
	const { ipBlocks, notIpBlocks, remoteIpBlocks, notRemoteIpBlocks, serviceAccounts, notServiceAccounts, ...rest } =
		source
	const blocks = ipBlocks ?? remoteIpBlocks
	const notBlocks = [...(notIpBlocks ?? []), ...(notRemoteIpBlocks ?? [])]
	return {
		...rest,
		...(serviceAccounts && { serviceAccounts: qualified(serviceAccounts, namespace) }),
		...(notServiceAccounts && { notServiceAccounts: qualified(notServiceAccounts, namespace) }),
		...(blocks && { ipBlocks: blocks }),
		...(notBlocks.length > 0 && { notIpBlocks: notBlocks }),
	}
}

type Condition = NonNullable<AuthorizationRule['when']>[number]

/** `namespace` is that of the document. */
export function conditionOf({ key: text, values, notValues }: Condition, namespace: string): AccessCondition {
	// Validation has read it once already.
	const key = parseKey(text)!
	const read = (texts: readonly string[]) => (key.of === 'serviceAccount' ? qualified(texts, namespace) : texts)
	return { key, ...(values && { values: read(values) }), ...(notValues && { notValues: read(notValues) }) }
}

/** A workload without a namespace is one of the policy's own. */
const qualified = (accounts: readonly string[], namespace: string): string[] =>
	accounts.map((account) => (account.includes('/') ? account : `${namespace}/${account}`))
