/** Whether a request satisfies a match, condition by condition, as HTTPRouteMatch describes each of them. */
import type { Asked, MatchDocument, TrafficDocument, ValueMatch } from './documents.ts'

/** What a rule can ask of a request besides its host. */
export type Dimension = 'path' | 'method' | 'headers' | 'queryParams' | 'sources' | 'share'

/** The parts of a request that conditions look at. */
export interface Facts extends Pick<Asked, 'method' | 'caller' | 'chance'> {
	readonly path: string
	/** The path, with a `/` after its last element. */
	readonly slashed: string
	/** By lower-case name. */
	readonly headers: ReadonlyMap<string, string>
	readonly query: ReadonlyMap<string, string>
}

/** A match with its defaults filled in, ready to be asked. */
export interface Conditions {
	readonly pathType: 'Exact' | 'PathPrefix' | 'RegularExpression'
	/** Of a prefix without the final `/`. */
	readonly pathValue: string
	readonly method: string | undefined
	readonly headers: readonly ValueMatch[]
	readonly queryParams: readonly ValueMatch[]
	readonly holds: Readonly<Record<'path' | 'method' | 'headers' | 'queryParams', (facts: Facts) => boolean>>
}

export function factsOf({ url, method, headers, caller, chance }: Asked): Facts {
	const { pathname, search } = new URL(url)
	const lines = new Map<string, string>()
	for (const [name, value] of headers) {
		const before = lines.get(name.toLowerCase())
		// RFC 9110 §5.3: lines of one name mean the same as one line of their values, in order, with ", " between them.
		lines.set(name.toLowerCase(), before === undefined ? value : `${before}, ${value}`)
	}
	const query = new Map<string, string>()
	for (const pair of search.slice(1).split('&').filter(Boolean)) {
		const [name, value = ''] = pair.split(/=(.*)/s).map((text) => decodeURIComponent(text.replaceAll('+', ' ')))
		// HTTPQueryParamMatch.name: when it is repeated, "implementations SHOULD match against the first value of the param".
		if (!query.has(name!)) query.set(name!, value)
	}
	return { method, path: pathname, slashed: `${pathname}/`, headers: lines, query, caller, chance }
}

/** HTTPRouteMatch: "Multiple match types are ANDed together". Without a path, "a prefix match on `/`". */
export function conditionsOf({ path = {}, method, headers = [], queryParams = [] }: MatchDocument): Conditions {
	const { type: pathType = 'PathPrefix', value: written = '/' } = path
	// "When specified, a trailing `/` is ignored."
	const pathValue = pathType === 'PathPrefix' && written.endsWith('/') ? written.slice(0, -1) : written
	// "Header names are case-insensitive"; query parameters: "an exact string match".
	const fields = firstOfEach(headers.map((header) => ({ ...header, name: header.name.toLowerCase() })))
	const params = firstOfEach(queryParams)
	return {
		pathType,
		pathValue,
		method,
		headers: fields,
		queryParams: params,
		holds: {
			path: pathTest(pathType, pathValue),
			method: (facts) => method === undefined || method === facts.method,
			headers: allHold(fields, (facts) => facts.headers),
			queryParams: allHold(params, (facts) => facts.query),
		},
	}
}

/** "Only the first entry with an equivalent name MUST be considered for a match." */
const firstOfEach = (matches: readonly ValueMatch[]) =>
	matches.filter(({ name }, i) => matches.findIndex((other) => other.name === name) === i)

function pathTest(type: Conditions['pathType'], value: string): (facts: Facts) => boolean {
	if (type === 'Exact') return ({ path }) => path === value
	if (type === 'RegularExpression') {
		const expression = wholly(value)
		return ({ path }) => expression.test(path)
	}
	// "Matching is case-sensitive and done on a path element by element basis … `/abcd` would not" match the prefix `/abc`.
	const wanted = `${value}/`
	return ({ slashed }) => slashed.startsWith(wanted)
}

/** A value must be there: no pattern matches what is absent. */
function allHold(matches: readonly ValueMatch[], values: (facts: Facts) => ReadonlyMap<string, string>) {
	const tests = matches.map(({ type = 'Exact', name, value }) => {
		const expression = type === 'Exact' ? undefined : wholly(value)
		return (found: ReadonlyMap<string, string>) => {
			const text = found.get(name)
			return text !== undefined && (expression === undefined ? text === value : expression.test(text))
		}
	})
	return (facts: Facts) => tests.every((holds) => holds(values(facts)))
}

/** The patterns here mean the same in RE2 and in JavaScript. They must match the whole of a text. */
const wholly = (pattern: string) => new RegExp(`^(?:${pattern})$`, 's')

/** TrafficMatch: sources are alternatives, "a caller that proves no identity is none of them"; a share is of the requests. */
export function trafficHolds({ metadata, spec }: TrafficDocument, facts: Facts): Record<'sources' | 'share', boolean> {
	const { sources, percent, fraction } = spec
	const { caller } = facts
	const isCaller = ({ namespace = metadata.namespace, workload }: { namespace?: string; workload?: string }) =>
		caller?.namespace === namespace && (workload === undefined || workload === caller.workload)
	const share = fraction ? fraction.numerator / (fraction.denominator ?? 100) : (percent ?? 100) / 100
	return { sources: sources === undefined || sources.some(isCaller), share: facts.chance < share }
}
