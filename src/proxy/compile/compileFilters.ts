/** A rule's or a backend's filters ready to act: each a function where work can be done beforehand. */
import { type CompiledCors, compileCors } from '../../filters/cors.ts'
import { compileHeaderEdits } from '../../filters/headerEdits.ts'
import { compileConditions } from '../../matching/conditions.ts'
import { matchesPath } from '../../matching/path.ts'
import { regexMatcher } from '../../matching/regex.ts'
import type { RequestFacts } from '../../matching/ruleIndex.ts'
import { isFrom } from '../../matching/source.ts'
import type { DirectResponse, Fault, Filters, Mirror, Redirect, UrlRewrite } from '../../snapshot/filters.ts'
import type { Match } from '../../snapshot/match.ts'

export interface CompiledFilters {
	readonly invalid: string | undefined
	readonly cors: CompiledCors | undefined
	readonly faults: readonly CompiledFault[] | undefined
	readonly directResponse: DirectResponse | undefined
	readonly redirect: CompiledRedirect | undefined
	readonly editRequest: ((headers: Headers) => void) | undefined
	readonly rewrite: UrlRewrite | undefined
	readonly mirrors: readonly Mirror[] | undefined
	readonly editResponse: ((headers: Headers) => void) | undefined
}

export interface CompiledFault extends Pick<Fault, 'delay' | 'abort' | 'bandwidth'> {
	/** Whether the fault concerns a request at all. Undefined: every one. */
	readonly applies: ((facts: RequestFacts) => boolean) | undefined
}

export interface CompiledRedirect {
	readonly redirect: Redirect
	/** The listeners', where they are not the usual ones. */
	readonly ports: { readonly http?: number; readonly https?: number } | undefined
}

export const NO_FILTERS: CompiledFilters = compileFilters({})

export function compileFilters(filters: Filters, ports?: CompiledRedirect['ports']): CompiledFilters {
	const { cors, redirect, requestHeaders, responseHeaders } = filters
	return {
		invalid: filters.invalid,
		cors: cors && compileCors(cors),
		faults: filters.faults?.map(compileFault),
		directResponse: filters.directResponse,
		redirect: redirect && { redirect, ports },
		editRequest: requestHeaders && compileHeaderEdits(requestHeaders),
		rewrite: filters.rewrite,
		mirrors: filters.mirrors,
		editResponse: responseHeaders && compileHeaderEdits(responseHeaders),
	}
}

function compileFault({ matches, sources, delay, abort, bandwidth }: Fault): CompiledFault {
	const tests = matches?.map(compileMatch)
	const applies =
		tests === undefined && sources === undefined
			? undefined
			: (facts: RequestFacts) =>
					(sources === undefined || isFrom(sources, facts.caller)) &&
					(tests === undefined || tests.some((holds) => holds(facts)))
	return { applies, ...(delay && { delay }), ...(abort && { abort }), ...(bandwidth && { bandwidth }) }
}

function compileMatch({ path, method, headers, queryParams }: Match): (facts: RequestFacts) => boolean {
	const holds = compileConditions(headers ?? [], queryParams ?? [])
	const pathHolds =
		path.type === 'RegularExpression'
			? regexMatcher(path.program)
			: (requested: string) => matchesPath(path.type, path.value, requested)
	return (facts) =>
		(method === undefined || method === facts.method) && pathHolds(facts.path) && (holds === undefined || holds(facts))
}
