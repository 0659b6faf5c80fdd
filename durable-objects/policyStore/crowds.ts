/** How many policies that add up may be attached to one target: each isolate that serves it holds all of them, compiled. */
import type { PartName, ResourceKey } from '../../src/names.ts'
import { keyOf } from '../../src/resources/resource.ts'
import type { AccessPolicies } from '../../src/snapshot/authorization.ts'
import type { Built } from '../../src/snapshot/build.ts'
import { addedLookup } from '../../src/snapshot/policies/addedPolicies.ts'
import type { JwtRule } from '../../src/snapshot/requestAuthentication.ts'
import type { ResourceIndex } from '../../src/snapshot/resourceIndex.ts'
import type { PartBody } from '../../src/snapshot/snapshot.ts'
import { TooLarge } from './limits.ts'
import { storedBody } from './parts.ts'

/** What one part brings; of a route's slice, what the rule with the most does. */
interface Crowd {
	readonly access: number
	readonly users: number
	/** Of all of it, as JSON. */
	readonly characters: number
}

/** Of the mesh, a namespace, a Service, or a rule of a route. */
const MOST: Crowd = { access: 2_000, users: 256, characters: 2_000_000 }

const WORDS: Readonly<Record<keyof Crowd, string>> = {
	access: 'AuthorizationPolicies',
	users: 'jwtRules of RequestAuthentications',
	characters: 'characters of AuthorizationPolicies and RequestAuthentications, as JSON',
}

/**
 * Throws `TooLarge` where a part would have more than that, and more than it has: what is too much already may become less. The error
 * names the last document of those that `changed` which brings it there.
 */
export function requireFewPolicies(
	sql: SqlStorage,
	index: ResourceIndex,
	built: ReadonlyMap<ResourceKey, Built>,
	changed: ReadonlySet<ResourceKey>,
): void {
	for (const [target, { parts }] of built)
		for (const [name, part] of parts) {
			const excess = part === null ? undefined : excessOf(sql, name, part)
			if (excess === undefined) continue
			const document = attachedTo(target, excess.of, index).findLast((key) => changed.has(key)) ?? target
			throw new TooLarge(
				`${document}: with it ${target} would have ${excess.count} ${WORDS[excess.of]}, where at most ${MOST[excess.of]} are carried. Put what they say into fewer rules, or attach them only to what they are for`,
			)
		}
}

interface Excess {
	readonly of: keyof Crowd
	readonly count: number
}

function excessOf(sql: SqlStorage, name: PartName, part: PartBody): Excess | undefined {
	const crowd = crowdIn(part)
	const over = KEYS.filter((key) => crowd[key] > MOST[key])
	if (over.length === 0) return undefined
	const stored = storedBody(sql, name)
	const before = stored === null ? undefined : crowdIn(JSON.parse(stored) as PartBody)
	const of = over.find((key) => before === undefined || crowd[key] > before[key])
	return of && { of, count: crowd[of] }
}

const KEYS = Object.keys(MOST) as readonly (keyof Crowd)[]

interface Crowded {
	readonly access?: AccessPolicies
	readonly users?: readonly JwtRule[]
}

function crowdIn(part: PartBody): Crowd {
	const layers: readonly Crowded[] = 'rules' in part ? part.rules : [part as Crowded]
	let [access, users, characters] = [0, 0, 0]
	for (const layer of layers) {
		access = Math.max(access, layer.access?.length ?? 0)
		users = Math.max(users, layer.users?.length ?? 0)
		characters += lengthOf(layer.access) + lengthOf(layer.users)
	}
	return { access, users, characters }
}

const lengthOf = (list: readonly object[] | undefined): number => (list === undefined ? 0 : JSON.stringify(list).length)

function attachedTo(target: ResourceKey, what: keyof Crowd, index: ResourceIndex): ResourceKey[] {
	const access = what === 'users' ? [] : addedLookup('AuthorizationPolicy', index)(target)
	const users = what === 'access' ? [] : addedLookup('RequestAuthentication', index)(target)
	return [...access, ...users].map(keyOf)
}
