/** What policies read in a request: each by the key of a condition, or by the field of a source or operation that means the same. */
import type { AccessKey } from '../snapshot/authorization.ts'
import { type Facts, trustDomainOf } from './facts.ts'
import type { AccessUser } from './request.ts'

export type Key = AccessKey | { readonly of: 'method' } | { readonly of: 'host' | 'path' }

/** A value, or several of which one is enough. Null, undefined or none: it is not there. */
export type Reading = string | readonly string[] | null | undefined

export type Reader = (facts: Facts) => Reading

/** Those whose values are compared as texts, and by nothing else. */
export type TextKey = Exclude<Key, { readonly of: 'host' | 'path' | 'address' | 'time' }>

export function readerOf(key: TextKey): Reader {
	switch (key.of) {
		case 'header': {
			const { name } = key
			return ({ request }) => request.header(name)
		}
		case 'claim': {
			const { path } = key
			return ({ request: { user } }) => (user === undefined ? undefined : claimTexts(user, path))
		}
		default:
			return READERS[key.of]
	}
}

const READERS: Readonly<Record<Exclude<TextKey['of'], 'header' | 'claim'>, Reader>> = {
	principal: ({ principal }) => principal,
	trustDomain: ({ principal }) =>
		typeof principal === 'object' ? principal.map(trustDomainOf) : principal && trustDomainOf(principal),
	namespace: ({ request }) => request.caller?.namespace,
	serviceAccount: ({ request: { caller } }) =>
		caller?.workload === undefined ? undefined : `${caller.namespace}/${caller.workload}`,
	requestPrincipal: ({ request }) => request.user?.principal,
	audiences: ({ request }) => request.user?.audiences,
	presenter: ({ request }) => request.user?.presenter,
	method: ({ request }) => request.method,
	port: ({ request }) => String(request.port),
}

/** Names a key in an index. Claims may have any name, so that no joint is safe but JSON's. */
export const keyId = (key: Key): string => JSON.stringify(key)

/**
 * The texts of a claim: of a list those of its members, of numbers and booleans their JSON. Objects, and lists within lists, have none,
 * and neither has what is empty, as in Istio, whose `*` asks for a value that is not empty.
 */
function claimTexts({ claims, spaceDelimitedClaims }: AccessUser, path: readonly string[]): readonly string[] {
	let value: unknown = claims
	for (const name of path) {
		if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) return NONE
		value = (value as Record<string, unknown>)[name]
	}
	if (typeof value === 'string' && path.length === 1 && spaceDelimitedClaims.includes(path[0]!))
		value = value.split(' ')
	return (Array.isArray(value) ? value : [value]).map(textOf).filter((text) => text !== '')
}

const NONE: readonly string[] = []

const textOf = (value: unknown): string =>
	typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
