/** Which routes a host is for, read off the documents as Gateway API says it, the quoted sentence beside each step. */
import {
	documentsOf,
	GATEWAY_API,
	type GatewayDocument,
	type ListenerDocument,
	type ParentRef,
	type RouteDocument,
	type World,
} from './documents.ts'

/** A route that serves a host, with those of its hostnames that match it; '' for a route that names none. */
export interface Attached {
	readonly route: RouteDocument
	readonly createdAt: number
	readonly hostnames: readonly string[]
}

export interface HostView {
	/** Undefined: the mesh does not answer for the host. */
	readonly routes: readonly Attached[] | undefined
	/** Of a Service's own host: where requests go while no route applies. */
	readonly service?: string
	/** Attached to listeners that match the host but are not the most specific: isolation keeps them out. */
	readonly isolated: readonly Attached[]
}

/**
 * Listener.hostname: "Hostnames that are prefixed with a wildcard label (`*.`) are interpreted as a suffix match. That means
 * that a match for `*.example.com` would match both `test.example.com`, and `foo.test.example.com`, but not `example.com`."
 * "When unspecified, all hostnames are matched."
 */
function hostnameMatches(hostname: string | undefined, host: string): boolean {
	if (hostname === undefined) return true
	const wanted = hostname.split('.').reverse()
	const labels = host.split('.').reverse()
	if (wanted.at(-1) !== '*') return hostname === host
	return labels.length >= wanted.length && wanted.slice(0, -1).every((label, i) => label === labels[i])
}

/** Who asks, and for which port of a Service; undefined: for none in particular. */
interface Visit {
	readonly callerNamespace: string | undefined
	readonly port: number | undefined
}

/** Places hosts in a world that does not change meanwhile. */
export function hostsOf(world: World): (host: string, visit: Visit) => HostView {
	const routes = routesOf(world)
	const listeners = allListeners(world).map((placed) => ({
		hostname: placed.listener.hostname,
		routes: routes.filter(({ route }) => attaches(world, route, placed)),
	}))
	// ARCHITECTURE, Hosts: "Hosts below the mesh domain belong to Services".
	return (host, visit) =>
		host.endsWith(`.${world.meshDomain}`) ? serviceView(world, routes, host, visit) : gatewayView(listeners, host)
}

interface Bound {
	readonly route: RouteDocument
	readonly createdAt: number
}

/** `host` is lower case, without port and final dot. */
function gatewayView(
	listeners: readonly { readonly hostname: string | undefined; readonly routes: readonly Bound[] }[],
	host: string,
): HostView {
	const matching = listeners.filter(({ hostname }) => hostnameMatches(hostname, host))
	const [best] = matching.map(({ hostname }) => hostname).sort(bySpecificity)
	const routesOn = (isWanted: (hostname: string | undefined) => boolean): Attached[] => {
		const bound = matching.filter(({ hostname }) => isWanted(hostname)).flatMap(({ routes }) => routes)
		return [...new Set(bound)]
			.map((one) => ({ ...one, hostnames: matchingHostnames(one.route, host) }))
			.filter(({ hostnames }) => hostnames.length > 0)
	}
	return {
		routes: matching.length === 0 ? undefined : routesOn((hostname) => hostname === best),
		isolated: routesOn((hostname) => hostname !== best),
	}
}

/**
 * GatewaySpec.listeners: requests to "foo.example.com" "SHOULD only be routed using routes attached to the "foo.example.com"
 * Listener (and not the "*.example.com" Listener)"; exact before wildcard, longer wildcards first, no hostname last.
 */
function bySpecificity(a: string | undefined, b: string | undefined): number {
	const rank = (hostname: string | undefined) => (hostname === undefined ? 2 : hostname.startsWith('*.') ? 1 : 0)
	return rank(a) - rank(b) || (b?.length ?? 0) - (a?.length ?? 0)
}

/** DESIGN §5: `<service>.<domain>` in `default`; `<service>--<namespace>.<domain>` and `<service>.<namespace>.<domain>`. */
function serviceView(world: World, routes: readonly Bound[], host: string, visit: Visit): HostView {
	const label = host.slice(0, -world.meshDomain.length - 1)
	const [name, namespace = 'default'] = label.includes('.') ? label.split(/\.(.*)/s) : label.split(/--(.*)/s)
	const service = `${namespace}/${name}`
	if (!exists(world, service)) return { routes: undefined, isolated: [] }
	const bound = routes
		.filter(({ route }) =>
			route.spec.parentRefs.some(
				(ref) => isServiceRef(ref) && targetOf(route, ref) === service && isForPort(ref, visit.port),
			),
		)
		// GEP-1294: "hostnames … MUST be ignored" where the parent is a Service.
		.map((found) => ({ ...found, hostnames: [''] }))
	// GEP-1294: a route in the Service's namespace is a producer route, for all callers; in another, a consumer route: "only
	// affects requests from the route's namespace", in place of the producer's.
	const consumers = bound.filter(({ route }) => route.metadata.namespace === visit.callerNamespace)
	const producers = bound.filter(({ route }) => route.metadata.namespace === namespace)
	return { routes: consumers.length > 0 ? consumers : producers, service, isolated: [] }
}

/** ParentReference.port: "the network port this Route targets"; of a Service, "traffic" to that port only. Without one, to all. */
const isForPort = (ref: ParentRef, port: number | undefined): boolean =>
	ref.port === undefined || port === undefined || ref.port === port

/** A Service is there by its document, or because endpoints registered for it. */
export const exists = (world: World, service: string): boolean =>
	world.documents.has(`Service/${service}`) || world.registered.has(service)

const isServiceRef = ({ group = GATEWAY_API, kind = 'Gateway' }: ParentRef) => kind === 'Service' && group === ''

const isGatewayRef = ({ group = GATEWAY_API, kind = 'Gateway' }: ParentRef) =>
	kind === 'Gateway' && group === GATEWAY_API

/** ParentReference.namespace: "When unspecified, this refers to the local namespace of the Route." */
const targetOf = (route: RouteDocument, { namespace = route.metadata.namespace, name }: ParentRef) =>
	`${namespace}/${name}`

function routesOf(world: World): Bound[] {
	return [...world.documents.values()].flatMap(({ document, createdAt }) =>
		document.kind === 'HTTPRoute' ? [{ route: document, createdAt }] : [],
	)
}

interface Placed {
	readonly gateway: GatewayDocument
	readonly listener: ListenerDocument
}

/** Every listener that the mesh serves: HTTP and HTTPS, on hosts that are not Services'. */
function allListeners(world: World): Placed[] {
	return documentsOf(world, 'Gateway').flatMap((gateway) =>
		gateway.spec.listeners
			.filter(({ protocol }) => protocol === 'HTTP' || protocol === 'HTTPS')
			.filter(({ hostname = '' }) => !`.${hostname}`.endsWith(`.${world.meshDomain}`))
			.map((listener) => ({ gateway, listener })),
	)
}

/** HTTPRoute.hostnames: "any HTTPRoute hostnames that do not match the Listener hostname MUST be ignored"; none matches any. */
function matchingHostnames({ spec: { hostnames = [] } }: RouteDocument, host: string): string[] {
	return hostnames.length === 0 ? [''] : hostnames.filter((hostname) => hostnameMatches(hostname, host))
}

function attaches(world: World, route: RouteDocument, placed: Placed): boolean {
	const { gateway, listener } = placed
	const { namespace, name } = gateway.metadata
	return (
		route.spec.parentRefs.some(
			(ref) =>
				isGatewayRef(ref) &&
				targetOf(route, ref) === `${namespace}/${name}` &&
				// "SectionName is the name of a section within the target resource." "When unspecified … the entire resource."
				(ref.sectionName === undefined || ref.sectionName === listener.name) &&
				(ref.port === undefined || ref.port === listener.port),
		) && allows(world, placed, route.metadata.namespace)
	)
}

/** AllowedRoutes: `namespaces.from` defaults to Same; `kinds`, when given, must name HTTPRoute. */
function allows(world: World, { gateway, listener }: Placed, namespace: string): boolean {
	const { namespaces: { from = 'Same', selector } = {}, kinds = [] } = listener.allowedRoutes ?? {}
	if (kinds.length > 0 && !kinds.some(({ group = GATEWAY_API, kind }) => kind === 'HTTPRoute' && group === GATEWAY_API))
		return false
	if (from === 'All') return true
	if (from === 'Same') return namespace === gateway.metadata.namespace
	if (from === 'None') return false
	const found = world.documents.get(`Namespace/-/${namespace}`)?.document.metadata
	const labels: Record<string, string> = {
		'kubernetes.io/metadata.name': namespace,
		...(found !== undefined && 'labels' in found ? found.labels : {}),
	}
	return Object.entries(selector!.matchLabels).every(([name, value]) => labels[name] === value)
}
