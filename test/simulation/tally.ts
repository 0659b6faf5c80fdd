/** What the requests of a simulation hung on: proof that they could have told a wrong mesh from a right one. */
import type { Asked, World } from './documents.ts'
import { problemWith } from './specBackends.ts'
import type { Answer, Candidate } from './specification.ts'

export interface Tally {
	readonly requests: number
	readonly counts: ReadonlyMap<string, number>
	/** Each of these is to have decided requests. */
	readonly features: readonly string[]
	count(world: World, answer: Answer): void
	/** Keeps the first few requests of which something is to be told. */
	note(what: string, asked: Asked): void
	readonly noted: ReadonlyMap<string, readonly Asked[]>
}

const FEATURES = [
	'unknown host',
	'default forwarding',
	'route of a Service',
	'route of a Gateway',
	'consumer route',
	'route of a port of a Service',
	'hostname: none',
	'hostname: wildcard',
	'hostname: exact',
	'path: Exact',
	'path: PathPrefix',
	'path: RegularExpression',
	'rule with a method',
	'header: Exact',
	'header: RegularExpression',
	'query parameter: Exact',
	'query parameter: RegularExpression',
	'rule for some sources',
	'rule for a share',
	'filter that is not there',
	'several backends',
	'weight 0',
	'no backend with a weight',
	'no backendRefs',
	'backend of another namespace',
	'backend: unknown kind',
	'backend: not granted',
	'backend: not found',
	'barred by path',
	'barred by method',
	'barred by headers',
	'barred by queryParams',
	'barred by sources',
	'barred by share',
	'barred by isolation',
]

export function createTally(): Tally {
	const counts = new Map<string, number>()
	const noted = new Map<string, readonly Asked[]>()
	let requests = 0
	return {
		get requests() {
			return requests
		},
		counts,
		features: FEATURES,
		noted,
		note(what, asked) {
			const sofar = noted.get(what) ?? []
			if (sofar.length < 3) noted.set(what, [...sofar, asked])
		},
		count(world, answer) {
			requests++
			// What barred other rules costs more than the answer itself: every fourth request tells enough.
			const barriers = requests % 4 === 0 ? [...answer.barriers()].map((barrier) => `barred by ${barrier}`) : []
			for (const what of new Set([...barriers, ...reasonsOf(world, answer)]))
				counts.set(what, (counts.get(what) ?? 0) + 1)
		},
	}
}

function reasonsOf(world: World, { verdict, winner, service, decidedBy }: Answer): string[] {
	return [
		verdict.outcome === 'rule' ? 'matched' : 'not matched',
		...(verdict.outcome === 'unknown_host' ? ['unknown host'] : []),
		...(verdict.outcome === 'rule' && verdict.rule === '' ? ['default forwarding'] : []),
		...(decidedBy === undefined ? [] : [`decided by ${decidedBy}`]),
		...(winner === undefined ? [] : [...featuresOf(winner, service), ...backendsOf(world, winner)]),
	]
}

function featuresOf({ route, hostname, conditions, traffic }: Candidate, service: string | undefined): string[] {
	return [
		`route of a ${service === undefined ? 'Gateway' : 'Service'}`,
		...(service !== undefined && !service.startsWith(`${route.metadata.namespace}/`) ? ['consumer route'] : []),
		...(service !== undefined && route.spec.parentRefs.every(({ port }) => port !== undefined)
			? ['route of a port of a Service']
			: []),
		`hostname: ${hostname === '' ? 'none' : hostname.startsWith('*.') ? 'wildcard' : 'exact'}`,
		`path: ${conditions.pathType}`,
		...(conditions.method === undefined ? [] : ['rule with a method']),
		...conditions.headers.map(({ type = 'Exact' }) => `header: ${type}`),
		...conditions.queryParams.map(({ type = 'Exact' }) => `query parameter: ${type}`),
		...traffic.map(({ spec }) => (spec.sources === undefined ? 'rule for a share' : 'rule for some sources')),
	]
}

function backendsOf(world: World, { route, rule, traffic }: Candidate): string[] {
	const { backendRefs = [], filters = [] } = rule
	if (filters.length > traffic.length) return ['filter that is not there']
	if (backendRefs.length === 0) return ['no backendRefs']
	if (backendRefs.every(({ weight }) => weight === 0)) return ['no backend with a weight']
	return [
		...(backendRefs.length > 1 ? ['several backends'] : []),
		...backendRefs.flatMap((ref) => {
			if (ref.weight === 0) return ['weight 0']
			const problem = problemWith(world, route, ref)
			if (problem !== undefined) return [`backend: ${problem}`]
			return ref.namespace !== undefined && ref.namespace !== route.metadata.namespace
				? ['backend of another namespace']
				: []
		}),
	]
}
