/** A rule's matches as they travel: header names lower case, prefixes without their final slash, patterns as programs. */
import type { RouteMatch } from '../../resources/routeMatch.ts'
import type { Match, PathMatch, ValueMatch } from '../snapshot.ts'
import { regexProgram } from './regexProgram.ts'

export function matchOf(match: RouteMatch): Match {
	return {
		path: pathOf(match.path),
		...(match.method === undefined ? {} : { method: match.method }),
		...(match.headers.length > 0
			? { headers: match.headers.map((header) => valueMatchOf({ ...header, name: header.name.toLowerCase() })) }
			: {}),
		...(match.queryParams.length > 0 ? { queryParams: match.queryParams.map(valueMatchOf) } : {}),
	}
}

/** Prefixes match by segment, so `/match/` is `/match` and `/` is the empty prefix. */
function pathOf({ type, value }: RouteMatch['path']): PathMatch {
	if (type === 'RegularExpression') return { type, value, program: programOf(value) }
	if (type === 'Exact') return { type, value }
	return { type, value: value.endsWith('/') ? value.slice(0, -1) : value }
}

function valueMatchOf({ type, name, value }: { type: string; name: string; value: string }): ValueMatch {
	return type === 'RegularExpression'
		? { name, type, value, program: programOf(value) }
		: { name, type: 'Exact', value }
}

/** Validation has compiled every pattern once already; a failure here is a bug. */
function programOf(pattern: string) {
	const program = regexProgram(pattern)
	if (!program.ok) throw new Error(`a pattern that validation let through does not compile: ${program.error}`)
	return program.value
}
