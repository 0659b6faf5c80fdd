/** What a rule asks of a request: path, method, headers, query parameters; all that are given must hold. */
import { z } from 'zod'
import { checkRegularExpression } from './regularExpression.ts'
import { HeaderName } from './scalars.ts'
import { repeats } from './unique.ts'

const PATH_CHARACTERS = /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/

/** A path that normalises to itself, so that no two spellings of a path are told apart. */
function checkPath(path: string): string | undefined {
	if (!path.startsWith('/')) return "must begin with '/'"
	const forbidden = ['//', '/./', '/../', '%2f', '%2F', '#'].find((part) => path.includes(part))
	if (forbidden !== undefined) return `must not contain '${forbidden}'`
	const ending = ['/..', '/.'].find((part) => path.endsWith(part))
	if (ending !== undefined) return `must not end with '${ending}'`
	return PATH_CHARACTERS.test(path)
		? undefined
		: "must contain only the characters of a URL path; encode others as '%' and two hex digits"
}

function checkValue(check: (type: string, value: string) => string | undefined) {
	return ({ type, value }: { type: string; value: string }, context: z.RefinementCtx): void => {
		const message = check(type, value)
		if (message !== undefined) context.addIssue({ code: 'custom', path: ['value'], message })
	}
}

const expression = (type: string, value: string) =>
	type === 'RegularExpression' ? checkRegularExpression(value) : undefined

const PathMatch = z
	.strictObject({
		type: z.enum(['Exact', 'PathPrefix', 'RegularExpression']).default('PathPrefix'),
		value: z.string().max(1_024).default('/'),
	})
	.superRefine(checkValue((type, value) => (type === 'RegularExpression' ? expression(type, value) : checkPath(value))))
	.meta({ description: 'PathPrefix compares by segment; RegularExpression is RE2 and must match the whole path.' })

const matchType = z.enum(['Exact', 'RegularExpression']).default('Exact')

const HeaderMatch = z
	.strictObject({ type: matchType, name: HeaderName, value: z.string().min(1).max(4_096) })
	.superRefine(checkValue(expression))

const QueryParamMatch = z
	.strictObject({ type: matchType, name: HeaderName, value: z.string().min(1).max(1_024) })
	.superRefine(checkValue(expression))

/** Gateway API: only the first entry with an equivalent name is considered. */
function firstOfEachName<T extends { name: string }>(spell: (name: string) => string) {
	return (entries: T[]): T[] => {
		const later = new Set(repeats(entries, ({ name }) => spell(name)).map(({ index }) => index))
		return entries.filter((_, index) => !later.has(index))
	}
}

/** https://gateway-api.sigs.k8s.io/reference/spec/#httproutematch */
export const RouteMatch = z.strictObject({
	path: PathMatch.prefault({}),
	method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']).exactOptional(),
	headers: z
		.array(HeaderMatch)
		.max(16)
		.default([])
		.overwrite(firstOfEachName((name) => name.toLowerCase())),
	queryParams: z
		.array(QueryParamMatch)
		.max(16)
		.default([])
		.overwrite(firstOfEachName((name) => name)),
})
export type RouteMatch = z.infer<typeof RouteMatch>
