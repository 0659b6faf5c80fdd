/** What of the API is open to those who are limited to namespaces: decided here for every row of the table, before its handler. */
import { ownsNamespace } from '../../src/namespaces.ts'
import type { PageRequest, Principal } from '../../src/ports.ts'
import { pageOf } from './input.ts'
import { problem } from './problem.ts'

/**
 * Whose business a row is. `namespace`: that of its path; others are refused. `own`: what it shows and changes belongs to namespaces,
 * and its handler keeps to those of the principal. `shared`: nothing in it belongs to a namespace. `mesh`: whoever is limited is
 * refused.
 */
export type Scope = 'namespace' | 'own' | 'shared' | 'mesh'

/** A row that does not say whose business it is, is not that of somebody who is limited. */
export function refusedByScope(
	scope: Scope | undefined,
	{ namespace = '' }: Readonly<Record<string, string>>,
	principal: Principal,
): Response | undefined {
	if (principal.namespaces === undefined || scope === 'own' || scope === 'shared') return undefined
	if (scope === 'namespace') return ownsNamespace(principal, namespace) ? undefined : notTheirs(principal)
	return problem('forbidden', `This is about the whole mesh; ${limitOf(principal)}`)
}

/**
 * The one answer for whatever belongs to others, be it there or not. 403, not 404: that namespaces are refused is known from the token
 * itself, and whoever is told that nothing is there goes on looking for a mistake of another kind.
 */
export const notTheirs = (principal: Principal): Response =>
	problem('forbidden', `This is not in the principal's namespaces; ${limitOf(principal)}`, {
		members: { namespaces: principal.namespaces },
	})

/** A page of what is the principal's, as the stores take it. */
export const ownPage = (
	{ namespaces }: Principal,
	query: { readonly limit: number; readonly after?: string | undefined },
): PageRequest => (namespaces === undefined ? pageOf(query) : { ...pageOf(query), namespaces })

const limitOf = ({ name, namespaces = [] }: Principal): string =>
	`${name} is limited to ${namespaces.length === 1 ? 'the namespace' : 'the namespaces'} ${namespaces.join(', ')}`
