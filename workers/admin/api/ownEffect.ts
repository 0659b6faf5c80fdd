/** What a change would do, as those see it who are limited to namespaces: a policy of theirs may ask an authorizer that is the Mesh's. */
import type { Principal } from '../../../src/ports.ts'
import type { Effect } from '../../../src/snapshot/effect/effect.ts'

/** A field of an authorizer that a change would have a policy ask in place of another. */
const OF_AUTHORIZER = /^access\[.+\]\.authorizer\.(?!name$)/

/** Where an authorizer is, and what it is told, is the Mesh's affair: shown is its name, which the policy itself says. */
export const ownEffect = (effect: Effect, { namespaces }: Pick<Principal, 'namespaces'>): Effect =>
	namespaces === undefined ? effect : (withoutSettings(effect) as Effect)

function withoutSettings(value: unknown): unknown {
	if (Array.isArray(value)) return value.filter((item) => !isOfAuthorizer(item)).map(withoutSettings)
	if (typeof value !== 'object' || value === null) return value
	const { name } = value as { name?: unknown }
	if (Object.hasOwn(value, 'includeAdditionalHeaders')) return { name }
	return Object.fromEntries(Object.entries(value).map(([field, member]) => [field, withoutSettings(member)]))
}

const isOfAuthorizer = (item: unknown): boolean => {
	const { path } = (item ?? {}) as { path?: unknown }
	return typeof path === 'string' && OF_AUTHORIZER.test(path)
}
