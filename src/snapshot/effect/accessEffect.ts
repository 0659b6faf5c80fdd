/** Policies of access and rules of end users as an effect shows them: each by its name, so that one more does not look like a change of all. */
import type { AccessPolicies } from '../authorization.ts'
import type { JwtRule } from '../requestAuthentication.ts'

interface AddedRules {
	readonly users?: readonly JwtRule[]
	readonly access?: AccessPolicies
}

/** The fields as they are, but for `users`, by issuer, and `access`, by policy. */
export function namedRules<Fields extends AddedRules>({ users, access, ...fields }: Fields): object {
	return {
		...fields,
		...(users && { users: byName(users.map(({ issuer, ...rule }) => [issuer, rule])) }),
		...(access && { access: byName(access.map(({ name, ...policy }) => [name, policy])) }),
	}
}

/** Several rules may be of one issuer: the second keeps a name of its own here. */
function byName(entries: readonly (readonly [name: string, value: object])[]): Record<string, object> {
	const named = new Map<string, object>()
	for (const [name, value] of entries) {
		let free = name
		for (let i = 2; named.has(free); i++) free = `${name} (${i})`
		named.set(free, value)
	}
	return Object.fromEntries(named)
}
