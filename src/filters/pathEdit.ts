/** Path modifiers of rewrites and redirects. */
import type { PathEdit } from '../snapshot/filters.ts'

/**
 * The path after the edit (Gateway API, HTTPPathModifier). A prefix is replaced by whole segments, and a final `/` of its
 * replacement is ignored. A path without the prefix stays as it is. The answer always begins with `/`. `path` has no query.
 */
export function editPath(path: string, edit: PathEdit): string {
	const { value } = edit
	if (edit.type === 'full') return rooted(value)
	const { prefix } = edit
	if (!path.startsWith(prefix)) return rooted(path)
	const rest = path.slice(prefix.length)
	if (rest !== '' && !rest.startsWith('/')) return rooted(path)
	return rooted((value.endsWith('/') ? value.slice(0, -1) : value) + rest)
}

const rooted = (path: string): string => (path.startsWith('/') ? path : `/${path}`)
