/** Random requests, aimed at a rule of some route and mostly a hair off. */
import { pick, type Random, some } from './chance.ts'
import { type Asked, documentsOf, type MatchDocument, type RouteDocument, type World } from './documents.ts'
import { NAMESPACES, QUIET, SERVICES, WORKLOADS } from './randomDocuments.ts'
import {
	anyCase,
	HEADER_NAMES,
	METHODS,
	nearPath,
	nearValue,
	PARAM_NAMES,
	pathFor,
	VALUES,
	valueFor,
} from './randomValues.ts'

/** Makes requests to a world that does not change meanwhile. */
export function requestsTo(world: World, random: Random): () => Asked {
	const routes = documentsOf(world, 'HTTPRoute')
	const listened = new Map(
		documentsOf(world, 'Gateway').map(({ metadata, spec }) => [
			`${metadata.namespace}/${metadata.name}`,
			spec.listeners.map(({ hostname = '*.org' }) => hostname),
		]),
	)
	return () => {
		const route = pick(random, routes)
		const match = pick(random, pick(random, route.spec.rules).matches ?? []) ?? {}
		// One slip at most for most requests: what is wrong in three ways tells little about each.
		const slip = random() < 0.5 ? pick(random, ['host', 'path', 'method', 'headers', 'params'] as const) : undefined
		const path = pathFor(random, match)
		const query = randomQuery(random, match, slip === 'params')
		return {
			url: `${randomOrigin(random, route, listened, world.meshDomain, slip === 'host')}${slip === 'path' ? nearPath(random, path) : path}${query}`,
			method: match.method === undefined || slip === 'method' ? pick(random, METHODS) : match.method,
			headers: randomHeaders(random, match, slip === 'headers'),
			caller: random() < 0.5 ? undefined : { namespace: pick(random, NAMESPACES), workload: pick(random, WORKLOADS) },
			chance: random(),
		}
	}
}

function randomOrigin(
	random: Random,
	route: RouteDocument,
	listened: ReadonlyMap<string, readonly string[]>,
	meshDomain: string,
	slip: boolean,
): string {
	const { kind, name, namespace = route.metadata.namespace } = pick(random, route.spec.parentRefs)
	const host = kind === 'Service' ? serviceHost(random, namespace, name, meshDomain) : gatewayHost()
	const port = random() < 0.3 ? pick(random, [':8787', ':8080', ':9090']) : ''
	const said = random() < 0.1 ? anyCase(random, host) : host
	return `${random() < 0.3 ? 'https' : 'http'}://${slip ? nearHost(random, said) : said}${random() < 0.03 ? '.' : ''}${port}`

	function gatewayHost(): string {
		const { hostnames = [] } = route.spec
		const offered = listened.get(`${namespace}/${name}`) ?? []
		const pattern = pick(random, hostnames.length > 0 && random() < 0.8 ? hostnames : offered) ?? 'nobody.org'
		return pattern.replace('*', pick(random, ['x', 'a', 'b', 'y.x']))
	}
}

function serviceHost(random: Random, namespace: string, name: string, meshDomain: string): string {
	const label = pick(random, [`${name}--${namespace}`, `${name}.${namespace}`])
	return `${namespace === 'default' && random() < 0.7 ? name : label}.${meshDomain}`
}

const nearHost = (random: Random, host: string): string =>
	pick(random, [
		`x.${host}`,
		host.slice(host.indexOf('.') + 1),
		`y${host}`,
		host.replace(/^[^.]+/, () => pick(random, [...SERVICES, ...QUIET])),
		'unheard.org',
	])

/** What the match asks for, in lines of any case, and some more. */
function randomHeaders(random: Random, { headers = [] }: MatchDocument, slip: boolean): (readonly [string, string])[] {
	const wrong = slip ? pick(random, headers) : undefined
	const asked = headers.flatMap((header): (readonly [string, string])[] => {
		const value = latin(valueFor(random, header))
		const name = anyCase(random, header.name)
		if (header !== wrong) return [[name, value]]
		return pick(random, [
			[],
			[[name, latin(nearValue(random, value))]],
			[
				[name, value],
				[header.name, value],
			],
		])
	})
	// A second entry for one name must be ignored by the mesh, so it is not asked for either.
	const first = asked.filter(([name], i) => slip || asked.findIndex(([other]) => same(name, other)) === i)
	return [
		...first,
		...some(random, 0, 1, (): readonly [string, string] => [pick(random, HEADER_NAMES), latin(pick(random, VALUES))]),
	]
}

const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase()
/** Field values are bytes: what is beyond ASCII is left to query parameters. */
const latin = (value: string) => value.replace(/[^ -~]/g, '?')

function randomQuery(random: Random, { queryParams = [] }: MatchDocument, slip: boolean): string {
	const wrong = slip ? pick(random, queryParams) : undefined
	const pairs = queryParams.flatMap((param): string[] => {
		const value = valueFor(random, param)
		const pair = `${param.name}=${spelled(random, value)}`
		if (param !== wrong) return [pair]
		return pick(random, [
			[],
			[`${param.name}=${spelled(random, nearValue(random, value))}`],
			[`${param.name}`, pair],
			[pair.replace('=', '=x')],
		])
	})
	const more = some(random, 0, 1, () => `${pick(random, PARAM_NAMES)}=${spelled(random, pick(random, VALUES))}`)
	// The first of a repeated parameter counts.
	const all = random() < 0.8 ? [...pairs, ...more] : [...more, ...pairs]
	return all.length === 0 ? '' : `?${all.join('&')}`
}

const spelled = (random: Random, value: string): string =>
	random() < 0.5 ? encodeURIComponent(value) : encodeURIComponent(value).replaceAll('%20', '+')
