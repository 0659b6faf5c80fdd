/** What things are called: resource keys, service names, snapshot parts and mesh hosts. */

/** `<kind>/<namespace>/<name>`, e.g. `HTTPRoute/default/orders`. Cluster-wide kinds use the namespace `-`. */
export type ResourceKey = string

/** `<namespace>/<name>` of a service. */
export type ServiceName = string

/** The name of a part: `virtualHost/<pattern>`, `virtualHost/<pattern>/<route>`, `service/<namespace>/<name>`, `namespace/<name>`, `mesh` or `trust`. */
export type PartName = string

export const resourceKey = (kind: string, namespace: string, name: string): ResourceKey =>
	`${kind}/${namespace}/${name}`
export const serviceName = (namespace: string, name: string): ServiceName => `${namespace}/${name}`

export const virtualHostPart = (pattern: string): PartName => `virtualHost/${pattern}`
/** The rules that one route contributes to one virtual host. */
export const routeSlicePart = (pattern: string, namespace: string, route: string): PartName =>
	`virtualHost/${pattern}/${namespace}/${route}`
export const namespacePart = (namespace: string): PartName => `namespace/${namespace}`
export const servicePart = (service: ServiceName): PartName => `service/${service}`
/** The part that says what holds for the whole mesh. */
export const MESH_PART: PartName = 'mesh'

/** The part that says whom to believe: keys and revocations. */
export const TRUST_PART: PartName = 'trust'

/** One entry of a Secret: what its sealed value is bound to. */
export const secretEntry = (namespace: string, name: string, key: string): string =>
	`${resourceKey('Secret', namespace, name)}/${key}`

/** The pattern of the virtual host that a `virtualHost/…` part belongs to; undefined for other parts. */
export function patternOf(part: PartName): string | undefined {
	if (!part.startsWith('virtualHost/')) return undefined
	const end = part.indexOf('/', 12)
	return end < 0 ? part.slice(12) : part.slice(12, end)
}

/** Whether the part is the head of a virtual host, not a slice of it. */
export const isVirtualHostHead = (part: PartName): boolean => part.startsWith('virtualHost/') && !part.includes('/', 12)

/**
 * The host that a service answers on. One label for any namespace, so that one wildcard certificate covers all:
 * `<service>.<domain>` in `default`, `<service>--<namespace>.<domain>` elsewhere. Names therefore never contain `--`.
 */
export function meshHost(service: ServiceName, meshDomain: string): string {
	const slash = service.indexOf('/')
	const namespace = service.slice(0, slash)
	const name = service.slice(slash + 1)
	return namespace === 'default' ? `${name}.${meshDomain}` : `${name}--${namespace}.${meshDomain}`
}

/**
 * The canonical mesh host for any accepted spelling, or undefined when the host is not below the mesh domain.
 * `a.ns.<domain>` and `a--ns.<domain>` mean the same; `a--default.<domain>` means `a.<domain>`.
 */
export function canonicalMeshHost(host: string, meshDomain: string): string | undefined {
	if (host.length <= meshDomain.length + 1 || !host.endsWith(meshDomain)) return undefined
	const cut = host.length - meshDomain.length - 1
	if (host.charCodeAt(cut) !== 46) return undefined
	const label = host.slice(0, cut)
	const dot = label.indexOf('.')
	const dashes = label.indexOf('--')
	if (dot < 0 && dashes < 0) return host
	if (dot >= 0) return meshHost(serviceName(label.slice(dot + 1), label.slice(0, dot)), meshDomain)
	return meshHost(serviceName(label.slice(dashes + 2), label.slice(0, dashes)), meshDomain)
}
