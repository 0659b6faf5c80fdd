/** What rules ask of end users, and how far the user of a request is from that. */
import { keyText } from '../authorization/accessKey.ts'
import { compileUserTest } from '../authorization/userTest.ts'
import { isForAnyUser } from '../proxy/compile/compileSlice.ts'
import type { Exchange } from '../proxy/exchange.ts'
import type { Refusal } from '../proxy/refusal.ts'
import type { AccessCondition } from '../snapshot/authorization.ts'
import type { Rule } from '../snapshot/snapshot.ts'
import type { FailedCondition } from './explanation.ts'

/** Why no user is to be had, by the namespace of routes: their rules refuse requests that come as far as that. */
export type RefusedUsers = ReadonlyMap<string, Refusal>

/** Its requests go by who the user is. */
export const looksAtUsers = ({ only = [] }: Rule): boolean => only.some(({ when }) => when !== undefined)

/** Conditions on the user that do not hold. None where the user is refused: then nobody can tell. */
export function failedUsers(rule: Rule, namespace: string, exchange: Exchange): FailedCondition[] {
	const user = exchange.routeUsers?.known.get(namespace)
	if (user === undefined || isForAnyUser(rule, exchange)) return []
	return (rule.only ?? [])
		.flatMap(({ when = [] }) => when)
		.filter((condition) => !compileUserTest([condition])(user ?? undefined))
		.map((condition) => ({ condition: 'user', ...wantedOf(condition), got: user?.principal ?? null }))
}

const wantedOf = ({ key, values, notValues }: AccessCondition) => ({
	name: keyText(key),
	wanted: [
		...(values === undefined ? [] : [values.join(', ')]),
		...(notValues === undefined ? [] : [`none of ${notValues.join(', ')}`]),
	].join(' and '),
})
