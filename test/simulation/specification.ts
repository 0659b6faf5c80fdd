/**
 * A slow and obviously right router: works on the documents themselves, looks at every rule of every route of a host, and keeps
 * the best. Written from Gateway API's field descriptions, which it quotes.
 */
import type { Asked, MatchDocument, RouteDocument, RuleDocument, TrafficDocument, World } from './documents.ts'
import { backendOdds } from './specBackends.ts'
import { type Attached, type HostView, hostsOf } from './specHosts.ts'
import { type Conditions, conditionsOf, type Dimension, type Facts, factsOf, trafficHolds } from './specMatches.ts'

/** One match of one rule of a route, as it came to be considered for a request. */
export interface Candidate {
	readonly route: RouteDocument
	readonly createdAt: number
	readonly hostname: string
	readonly rule: RuleDocument
	readonly ruleIndex: number
	readonly conditions: Conditions
	readonly traffic: readonly TrafficDocument[]
}

export type Verdict =
	| { readonly outcome: 'unknown_host' | 'no_matching_rule' }
	/** `odds`: the share of each service, and of '500', that the backend is drawn from. `rule` is '' for default forwarding. */
	| { readonly outcome: 'rule'; readonly rule: string; readonly odds: ReadonlyMap<string, number> }

/** The verdict, and what it hung on. */
export interface Answer {
	readonly verdict: Verdict
	readonly winner?: Candidate
	/** Whose host it is, when it is a Service's. */
	readonly service?: string
	/** What put the winner before the next best rule that also matches. */
	readonly decidedBy?: Criterion
	/** Had this condition of another rule held, or this barrier not stood, that rule would have won. */
	barriers(): ReadonlySet<Dimension | 'isolation'>
	/** Rules that want the request but for chance: each may draw once, for a share is one of requests, not of matches. */
	draws(): number
}

/** Answers requests to a world that does not change meanwhile. */
export function specification(world: World): (asked: Asked) => Answer {
	const placeOf = hostsOf(world)
	const odds = new Map<RuleDocument, ReadonlyMap<string, number>>()
	const oddsOf = ({ route, rule }: Candidate) => {
		const known = odds.get(rule) ?? backendOdds(world, route, rule)
		odds.set(rule, known)
		return known
	}
	const views = new Map<string, HostCandidates>()
	return (asked) => {
		const url = new URL(asked.url)
		const host = url.hostname.replace(/\.$/, '')
		const callerNamespace = asked.caller?.namespace
		// The mesh's own port is how callers get here, and the usual one goes unsaid: neither tells which of a Service is meant.
		const port = url.port === '' || url.port === String(world.ownPort) ? undefined : Number(url.port)
		const key = `${host} ${callerNamespace} ${port}`
		const view = views.get(key) ?? candidatesOf(world, placeOf(host, { callerNamespace, port }))
		views.set(key, view)
		return judge(oddsOf, view, factsOf(asked))
	}
}

interface HostCandidates extends Omit<HostView, 'routes' | 'isolated'> {
	readonly known: boolean
	readonly candidates: readonly Candidate[]
	readonly isolated: readonly Candidate[]
}

function candidatesOf(world: World, { routes, isolated, ...view }: HostView): HostCandidates {
	const expand = (attached: readonly Attached[]) => attached.flatMap((one) => candidatesOfRoute(world, one))
	return { ...view, known: routes !== undefined, candidates: expand(routes ?? []), isolated: expand(isolated) }
}

/** HTTPRouteRule.matches: "Each match is independent, i.e. this rule will be matched if any one of the matches is satisfied." */
function candidatesOfRoute(world: World, { route, createdAt, hostnames }: Attached): Candidate[] {
	return route.spec.rules.flatMap((rule, ruleIndex) => {
		const { matches = [] } = rule
		const traffic = trafficOf(world, route, rule)
		return (matches.length === 0 ? [EVERYTHING] : matches)
			.map(known)
			.flatMap((conditions) =>
				hostnames.map((hostname) => ({ route, createdAt, hostname, rule, ruleIndex, conditions, traffic })),
			)
	})
}

/** "If no matches are specified, the default is a prefix path match on "/", which has the effect of matching every HTTP request." */
const EVERYTHING: MatchDocument = {}

/** Documents do not change: what a match asks for is worked out once. */
const known = (match: MatchDocument): Conditions => {
	const conditions = workedOut.get(match) ?? conditionsOf(match)
	workedOut.set(match, conditions)
	return conditions
}
const workedOut = new WeakMap<MatchDocument, Conditions>()

/** An ExtensionRef names a resource of the route's own namespace. */
function trafficOf(world: World, { metadata }: RouteDocument, { filters = [] }: RuleDocument): TrafficDocument[] {
	return filters.flatMap(({ extensionRef: { group, kind, name } }) => {
		const found = world.documents.get(`${kind}/${metadata.namespace}/${name}`)?.document
		return group === 'selvedge.dev' && found?.kind === 'TrafficMatch' ? [found] : []
	})
}

const RULE_DIMENSIONS = ['path', 'method', 'headers', 'queryParams'] as const

/** Asked of every candidate for every request, and so without a loop over the dimensions: that takes ten times as long. */
const matches = ({ conditions: { holds } }: Candidate, facts: Facts): boolean =>
	holds.path(facts) && holds.method(facts) && holds.headers(facts) && holds.queryParams(facts)

const satisfies = (candidate: Candidate, facts: Facts): boolean =>
	matches(candidate, facts) &&
	candidate.traffic.every((document) => {
		const { sources, share } = trafficHolds(document, facts)
		return sources && share
	})

function judge(
	oddsOf: (winner: Candidate) => ReadonlyMap<string, number>,
	{ known, candidates, isolated, service }: HostCandidates,
	facts: Facts,
): Answer {
	if (!known) return { verdict: { outcome: 'unknown_host' }, barriers: () => new Set(), draws: () => 0 }
	const hits = candidates.filter((candidate) => satisfies(candidate, facts)).sort(byPrecedence)
	const [winner] = hits
	const barriers = () => barriersBetween(candidates, isolated, winner, facts)
	const draws = () => rulesThatDraw(candidates, facts)
	if (winner === undefined) return { verdict: unmatched(candidates, service), barriers, draws }
	const next = hits.find((hit) => hit.rule !== winner.rule)
	return {
		verdict: { outcome: 'rule', rule: nameOf(winner), odds: oddsOf(winner) },
		winner,
		...(service === undefined ? {} : { service }),
		...(next === undefined ? {} : { decidedBy: firstDifference(winner, next)! }),
		barriers,
		draws,
	}
}

function rulesThatDraw(candidates: readonly Candidate[], facts: Facts): number {
	const wanting = candidates.filter(
		({ conditions: { holds }, traffic }) =>
			traffic.length > 0 && RULE_DIMENSIONS.every((dimension) => holds[dimension](facts)),
	)
	return new Set(wanting.map(({ rule }) => rule)).size
}

function barriersBetween(
	candidates: readonly Candidate[],
	isolated: readonly Candidate[],
	winner: Candidate | undefined,
	facts: Facts,
): ReadonlySet<Dimension | 'isolation'> {
	const wouldWin = (candidate: Candidate) => winner === undefined || byPrecedence(candidate, winner) < 0
	const barriers = new Set<Dimension | 'isolation'>()
	for (const candidate of candidates) {
		const [failed, ...more] = failures(candidate, facts)
		if (failed !== undefined && more.length === 0 && wouldWin(candidate)) barriers.add(failed)
	}
	if (isolated.some((candidate) => satisfies(candidate, facts) && wouldWin(candidate))) barriers.add('isolation')
	return barriers
}

function failures({ conditions: { holds }, traffic }: Candidate, facts: Facts): Dimension[] {
	const verdicts = traffic.map((document) => trafficHolds(document, facts))
	return [
		...RULE_DIMENSIONS.filter((dimension) => !holds[dimension](facts)),
		...(['sources', 'share'] as const).filter((dimension) => verdicts.some((verdict) => !verdict[dimension])),
	]
}

/** GEP-1294: without any route, a Service is forwarded to as usual; with routes, what none of them matches gets 404. */
function unmatched(candidates: readonly Candidate[], service: string | undefined): Verdict {
	if (service === undefined || candidates.length > 0) return { outcome: 'no_matching_rule' }
	return { outcome: 'rule', rule: '', odds: new Map([[service, 1]]) }
}

const nameOf = ({ route, rule, ruleIndex }: Candidate): string =>
	`${route.metadata.namespace}/${route.metadata.name}/${rule.name ?? ruleIndex}`

const fullName = ({ route }: Candidate) => `${route.metadata.namespace}/${route.metadata.name}`
/** ARCHITECTURE: RegularExpression, whose place Gateway API leaves open, is below Exact and above PathPrefix. */
const PATH_RANK = { Exact: 0, RegularExpression: 1, PathPrefix: 2 }

/** The order of precedence, smallest first; the first difference decides. */
const precedence = {
	// HTTPRoute.hostnames: "precedence must be given to rules from the HTTPRoute with the largest number of:
	// Characters in a matching non-wildcard hostname. Characters in a matching hostname."
	'hostname without wildcard': ({ hostname }) => (hostname === '' || hostname.startsWith('*.') ? 0 : -hostname.length),
	'length of hostname': ({ hostname }) => -hostname.length,
	// HTTPRouteRule.matches: "'Exact' path match. 'Prefix' path match with largest number of characters. Method match.
	// Largest number of header matches. Largest number of query param matches."
	'type of path': ({ conditions }) => PATH_RANK[conditions.pathType],
	'length of path': ({ conditions }) => -conditions.pathValue.length,
	method: ({ conditions }) => (conditions.method === undefined ? 1 : 0),
	'number of headers': ({ conditions }) => -conditions.headers.length,
	'number of query parameters': ({ conditions }) => -conditions.queryParams.length,
	// "If ties still exist across multiple Routes: The oldest Route based on creation timestamp. The Route appearing first in
	// alphabetical order by {namespace}/{name}."
	'age of route': ({ createdAt }) => createdAt,
	'name of route': fullName,
	// "If ties still exist within an HTTPRoute, matching precedence MUST be granted to the FIRST matching rule (in list order)."
	'order of rules': ({ ruleIndex }) => ruleIndex,
} satisfies Record<string, (candidate: Candidate) => number | string>
export type Criterion = keyof typeof precedence
export const criteria = Object.keys(precedence) as Criterion[]

const firstDifference = (a: Candidate, b: Candidate): Criterion | undefined =>
	criteria.find((criterion) => precedence[criterion](a) !== precedence[criterion](b))

function byPrecedence(a: Candidate, b: Candidate): number {
	const criterion = firstDifference(a, b)
	return criterion === undefined ? 0 : precedence[criterion](a) < precedence[criterion](b) ? -1 : 1
}
