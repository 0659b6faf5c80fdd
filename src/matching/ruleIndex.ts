/**
 * The rules of one virtual host, arranged so that the first hit is the right one however many there are.
 *
 * Precedence is Gateway API's (HTTPRouteRule.matches): hostname, Exact path, RegularExpression, longest PathPrefix, then
 * method, number of headers, number of query parameters, then the older route, then the name. The spec leaves the place of
 * RegularExpression open; below Exact and above PathPrefix (as in Envoy Gateway) a regex can refine a catch-all prefix.
 */
import { patternsFor } from './host.ts'
import type { Caller } from './source.ts'

/** What a rule's conditions may look at. */
export interface RequestFacts {
	readonly method: string
	/** As the backend will see it, without the query. */
	readonly path: string
	header(name: string): string | null
	queryParam(name: string): string | null
	/** Who asks; undefined while nobody has proven it. */
	readonly caller: Caller | undefined
	/** Uniform in [0, 1), anew with each call. */
	random(): number
}

/** One match of one rule. Fields below `path` decide between candidates of equal path. */
export interface Candidate<T> {
	readonly path: { readonly type: 'Exact' | 'PathPrefix' | 'RegularExpression'; readonly value: string }
	readonly method?: string | undefined
	readonly headerCount: number
	readonly queryParamCount: number
	readonly createdAt: number
	/** `<namespace>/<name>` of the route. */
	readonly route: string
	/** Position of the rule and of the match in it. */
	readonly rule: number
	readonly match: number
	/** Everything but path and method. Undefined when there is nothing else to ask. */
	readonly accepts?: ((facts: RequestFacts) => boolean) | undefined
	/** For RegularExpression paths. */
	readonly pathMatches?: ((path: string) => boolean) | undefined
	readonly value: T
}

interface PathIndex<T> {
	readonly exact: Map<string, Candidate<T>[]>
	readonly prefix: Map<string, Candidate<T>[]>
	readonly regex: Candidate<T>[]
	/** Slashes in the deepest prefix ever added: deeper parts of a path need not be looked up. */
	depth: number
}

export interface RuleIndex<T> {
	/** By the route's hostname; '' for routes without one. */
	readonly hostnames: Map<string, PathIndex<T>>
}

export const createRuleIndex = <T>(): RuleIndex<T> => ({ hostnames: new Map() })

export function addCandidate<T>(index: RuleIndex<T>, hostname: string, candidate: Candidate<T>): void {
	let paths = index.hostnames.get(hostname)
	if (paths === undefined) {
		paths = { exact: new Map(), prefix: new Map(), regex: [], depth: 0 }
		index.hostnames.set(hostname, paths)
	}
	insert(listFor(paths, candidate), candidate)
	if (candidate.path.type === 'PathPrefix') paths.depth = Math.max(paths.depth, slashesIn(candidate.path.value))
}

function listFor<T>(paths: PathIndex<T>, { path }: Candidate<T>): Candidate<T>[] {
	if (path.type === 'RegularExpression') return paths.regex
	const lists = path.type === 'Exact' ? paths.exact : paths.prefix
	const list = lists.get(path.value) ?? []
	if (list.length === 0) lists.set(path.value, list)
	return list
}

export function removeCandidate<T>(index: RuleIndex<T>, hostname: string, candidate: Candidate<T>): void {
	const paths = index.hostnames.get(hostname)
	if (paths === undefined) return
	if (candidate.path.type === 'RegularExpression') take(paths.regex, candidate)
	else {
		const lists = candidate.path.type === 'Exact' ? paths.exact : paths.prefix
		const list = lists.get(candidate.path.value)
		if (list !== undefined && take(list, candidate) === 0) lists.delete(candidate.path.value)
	}
	if (paths.exact.size === 0 && paths.prefix.size === 0 && paths.regex.length === 0) index.hostnames.delete(hostname)
}

/** The path indexes that apply to a host, in order. Worth remembering per host: it only changes when `hostnames` does. */
export function indexesFor<T>(index: RuleIndex<T>, host: string): readonly PathIndex<T>[] {
	return [...patternsFor(host).slice(0, -1), ''].flatMap((pattern) => index.hostnames.get(pattern) ?? [])
}

/** The candidate that wins, or undefined. A more specific hostname goes first; without a hit there, the next one decides. */
export function findCandidate<T>(indexes: readonly PathIndex<T>[], facts: RequestFacts): Candidate<T> | undefined {
	for (let i = 0; i < indexes.length; i++) {
		const found = findByPath(indexes[i]!, facts)
		if (found !== undefined) return found
	}
	return undefined
}

function findByPath<T>(paths: PathIndex<T>, facts: RequestFacts): Candidate<T> | undefined {
	const { path } = facts
	const exact = paths.exact.get(path)
	if (exact !== undefined) {
		const found = firstAccepted(exact, facts)
		if (found !== undefined) return found
	}
	if (paths.regex.length > 0) {
		const found = firstAccepted(paths.regex, facts)
		if (found !== undefined) return found
	}
	return paths.prefix.size === 0 ? undefined : findByPrefix(paths, facts)
}

/** Looks up each `/` boundary of the path from the longest that any prefix reaches, so cost is in depth, not in rules. */
function findByPrefix<T>(paths: PathIndex<T>, facts: RequestFacts): Candidate<T> | undefined {
	const { path } = facts
	let end = 0
	for (let depth = 0; depth < paths.depth && end < path.length; depth++) {
		const slash = path.indexOf('/', end + 1)
		end = slash < 0 ? path.length : slash
	}
	for (;;) {
		const list = paths.prefix.get(end === path.length ? path : path.slice(0, end))
		if (list !== undefined) {
			const found = firstAccepted(list, facts)
			if (found !== undefined) return found
		}
		if (end === 0) return undefined
		end = Math.max(0, path.lastIndexOf('/', end - 1))
	}
}

function firstAccepted<T>(list: readonly Candidate<T>[], facts: RequestFacts): Candidate<T> | undefined {
	for (let i = 0; i < list.length; i++) {
		const candidate = list[i]!
		if (candidate.method !== undefined && candidate.method !== facts.method) continue
		if (candidate.pathMatches !== undefined && !candidate.pathMatches(facts.path)) continue
		if (candidate.accepts === undefined || candidate.accepts(facts)) return candidate
	}
	return undefined
}

/** Negative when `a` goes before `b`. Total: no two matches compare equal. */
function compare<T>(a: Candidate<T>, b: Candidate<T>): number {
	return (
		(a.path.type === 'RegularExpression' ? b.path.value.length - a.path.value.length : 0) ||
		Number(b.method !== undefined) - Number(a.method !== undefined) ||
		b.headerCount - a.headerCount ||
		b.queryParamCount - a.queryParamCount ||
		a.createdAt - b.createdAt ||
		(a.route < b.route ? -1 : a.route > b.route ? 1 : 0) ||
		a.rule - b.rule ||
		a.match - b.match
	)
}

function insert<T>(list: Candidate<T>[], candidate: Candidate<T>): void {
	let low = 0
	let high = list.length
	while (low < high) {
		const middle = (low + high) >>> 1
		if (compare(list[middle]!, candidate) <= 0) low = middle + 1
		else high = middle
	}
	list.splice(low, 0, candidate)
}

/** Removes the candidate and returns how many are left. */
function take<T>(list: Candidate<T>[], candidate: Candidate<T>): number {
	const position = list.indexOf(candidate)
	if (position >= 0) list.splice(position, 1)
	return list.length
}

function slashesIn(text: string): number {
	let count = 0
	for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) === 47) count++
	return count
}
