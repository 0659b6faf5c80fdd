/** Where a route attaches: which listeners of which Gateways, or which Services, take it, and why others do not. */
import { hostsIntersect } from '../../matching/host.ts'
import { meshHost, resourceKey, serviceName } from '../../names.ts'
import type { Gateway } from '../../resources/gateway.ts'
import type { HTTPRoute, ParentRef } from '../../resources/httpRoute.ts'
import { selects } from '../policies/labelSelector.ts'
import { isGatewayRef, isServiceRef, listenerPattern, parentKey, speaksHttp } from '../references.ts'
import type { ResourceIndex } from '../resourceIndex.ts'
import { hasService } from '../services/serviceTarget.ts'

type Listener = Gateway['spec']['listeners'][number]

/** One virtual host that a route contributes to. */
export interface Attachment {
	readonly pattern: string
	/** The route's hostnames that the virtual host admits; empty means any. */
	readonly hostnames: readonly string[]
	/** `<namespace>/<gateway>/<listener>`, for counting a listener's routes. */
	readonly listener?: string
	/** Of the listener. A Service has none to speak of. */
	readonly port?: { readonly scheme: 'http' | 'https'; readonly number: number }
	readonly callerNamespace?: string
	/** Of the Service, where the parentRef names one. */
	readonly servicePort?: number
}

/** The verdict on one parentRef, in Gateway API's reasons (RouteConditionReason). */
export interface ParentVerdict {
	readonly parentRef: ParentRef
	readonly accepted: boolean
	readonly reason:
		| 'Accepted'
		| 'NoMatchingParent'
		| 'NotAllowedByListeners'
		| 'NoMatchingListenerHostname'
		| 'InvalidKind'
	readonly message: string
	readonly attachments: readonly Attachment[]
}

/** Judges every parentRef of a route. */
export function attachRoute(route: HTTPRoute, index: ResourceIndex, meshDomain: string): readonly ParentVerdict[] {
	return route.spec.parentRefs.map((parentRef, i) => {
		const field = `spec.parentRefs[${i}]`
		if (isServiceRef(parentRef)) return attachToService(route, parentRef, field, index, meshDomain)
		if (isGatewayRef(parentRef)) return attachToGateway(route, parentRef, field, index, meshDomain)
		const kind = parentRef.group === '' ? parentRef.kind : `${parentRef.group}/${parentRef.kind}`
		return refuse(parentRef, 'InvalidKind', `${field}: a route attaches to a Gateway or a Service, not to a ${kind}`)
	})
}

function attachToService(
	route: HTTPRoute,
	parentRef: ParentRef,
	field: string,
	index: ResourceIndex,
	meshDomain: string,
): ParentVerdict {
	const namespace = parentRef.namespace ?? route.metadata.namespace
	const service = serviceName(namespace, parentRef.name)
	if (!hasService(service, index))
		return refuse(parentRef, 'NoMatchingParent', `${field}: Service ${service} not found`)
	const foreign = namespace !== route.metadata.namespace
	return accept(parentRef, [
		{
			pattern: meshHost(service, meshDomain),
			// GEP-1426: a route bound to a Service is for that Service's traffic, whatever its hostnames say.
			hostnames: [],
			...(foreign ? { callerNamespace: route.metadata.namespace } : {}),
			...(parentRef.port === undefined ? {} : { servicePort: parentRef.port }),
		},
	])
}

function attachToGateway(
	route: HTTPRoute,
	parentRef: ParentRef,
	field: string,
	index: ResourceIndex,
	meshDomain: string,
): ParentVerdict {
	const key = parentKey(route, parentRef)
	const gateway = index.get(key)?.resource as Gateway | undefined
	if (gateway === undefined) return refuse(parentRef, 'NoMatchingParent', `${field}: ${describe(key)} not found`)
	const named = gateway.spec.listeners.filter(
		(listener) =>
			(parentRef.sectionName === undefined || parentRef.sectionName === listener.name) &&
			(parentRef.port === undefined || parentRef.port === listener.port),
	)
	if (named.length === 0)
		return refuse(parentRef, 'NoMatchingParent', `${field}: ${describe(key)} has no listener ${wanted(parentRef)}`)
	const open = named.filter(
		(listener) =>
			serves(listener, meshDomain) && admitsRoutes(listener) && admitsNamespace(listener, gateway, route, index),
	)
	if (open.length === 0)
		return refuse(parentRef, 'NotAllowedByListeners', `${field}: no listener of ${describe(key)} admits this route`)
	const attachments = open.flatMap((listener) => attachToListener(route, gateway, listener))
	if (attachments.length === 0)
		return refuse(
			parentRef,
			'NoMatchingListenerHostname',
			`spec.hostnames: none intersects the hostname of a listener of ${describe(key)}`,
		)
	return accept(parentRef, attachments)
}

function attachToListener(route: HTTPRoute, gateway: Gateway, listener: Listener): Attachment[] {
	const pattern = listenerPattern(listener)
	const { namespace, name } = gateway.metadata
	const attachment: Omit<Attachment, 'hostnames'> = {
		pattern,
		listener: `${namespace}/${name}/${listener.name}`,
		port: { scheme: listener.protocol === 'HTTPS' ? 'https' : 'http', number: listener.port },
	}
	if (route.spec.hostnames.length === 0) return [{ ...attachment, hostnames: [] }]
	const hostnames = route.spec.hostnames.filter((hostname) => hostsIntersect(hostname, pattern))
	return hostnames.length === 0 ? [] : [{ ...attachment, hostnames }]
}

/** The mesh serves HTTP; and the hosts below the mesh domain are Services', never a Gateway's to claim. */
export function serves(listener: Listener, meshDomain: string): boolean {
	return speaksHttp(listener) && !claimsMeshHost(listener, meshDomain)
}

export function claimsMeshHost(listener: Listener, meshDomain: string): boolean {
	return listener.hostname === meshDomain || listener.hostname?.endsWith(`.${meshDomain}`) === true
}

export function admitsRoutes(listener: Listener): boolean {
	const kinds = listener.allowedRoutes.kinds
	return kinds === undefined || kinds.length === 0 || kinds.some(isHttpRouteKind)
}

export function isHttpRouteKind(kind: { group?: string | undefined; kind: string }): boolean {
	return kind.kind === 'HTTPRoute' && (kind.group === undefined || kind.group === 'gateway.networking.k8s.io')
}

function admitsNamespace(listener: Listener, gateway: Gateway, route: HTTPRoute, index: ResourceIndex): boolean {
	const { from, selector } = listener.allowedRoutes.namespaces
	const namespace = route.metadata.namespace
	if (from === 'All') return true
	if (from === 'Same') return namespace === gateway.metadata.namespace
	if (from !== 'Selector' || selector === undefined) return false
	const labels: Readonly<Record<string, string>> = {
		// Kubernetes sets this label on every namespace, and documents rely on it.
		'kubernetes.io/metadata.name': namespace,
		...index.get(resourceKey('Namespace', '-', namespace))?.resource.metadata.labels,
	}
	return selects(selector, labels)
}

const accept = (parentRef: ParentRef, attachments: readonly Attachment[]): ParentVerdict => ({
	parentRef,
	accepted: true,
	reason: 'Accepted',
	message: 'the route is accepted',
	attachments,
})

const refuse = (parentRef: ParentRef, reason: ParentVerdict['reason'], message: string): ParentVerdict => ({
	parentRef,
	accepted: false,
	reason,
	message,
	attachments: [],
})

const describe = (key: string): string => key.replace('/', ' ')

function wanted({ sectionName, port }: ParentRef): string {
	return [sectionName && `named ${sectionName}`, port && `on port ${port}`].filter(Boolean).join(' ') || 'at all'
}
