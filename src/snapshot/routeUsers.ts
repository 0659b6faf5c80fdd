/** Which virtual hosts have rules that ask who the end user is (`TrafficMatch.when`): found by reference, not by reading rules. */
import { patternOf } from '../names.ts'
import { MESH_KEY, routeUsersTarget } from './references.ts'
import type { ResourceIndex } from './resourceIndex.ts'

/** Namespaces of the routes that have such rules, by the patterns of the virtual hosts that they are part of. */
export function namespacesAsking(index: ResourceIndex): ReadonlyMap<string, ReadonlySet<string>> {
	const asking = new Map<string, Set<string>>()
	const matches = index.referrers(routeUsersTarget(MESH_KEY))
	for (const route of new Set(matches.flatMap((match) => index.referrers(match)))) {
		const [, namespace] = route.split('/') as [string, string, string]
		for (const part of index.produced(route)) {
			const pattern = patternOf(part)
			if (pattern !== undefined) asking.set(pattern, (asking.get(pattern) ?? new Set()).add(namespace))
		}
	}
	return asking
}
