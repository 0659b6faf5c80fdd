/** Which policies of access bear on a request, and what they are asked about: the request as its service will see it. */
import { canonicalPath } from '../../authorization/canonicalPath.ts'
import type { CompiledAccess } from '../../authorization/compileAccess.ts'
import { type AccessVerdict, decide } from '../../authorization/decide.ts'
import type { AccessRequest } from '../../authorization/request.ts'
import { canonicalMeshHost } from '../../names.ts'
import { countingCaller } from '../callers/peers.ts'
import { type Exchange, withoutPort } from '../exchange.ts'
import type { RoutingTable } from '../knowledge/routingTable.ts'
import type { Refusal } from '../refusal.ts'
import type { Destination } from '../sending/outgoing.ts'
import { isSpoofable } from '../sending/upstreamRequest.ts'
import { layersOf } from './accessLayers.ts'

/** Of the rule's route: its name is `<namespace>/<route>/<rule>`. */
export const namespaceOf = ({ rule }: Exchange): string => rule?.name.split('/', 1)[0] ?? ''

/** Of the service, or where none is asked of the mesh and the route's namespace; then of the route and its rule. */
function layersFor({ service, rule }: Exchange, table: RoutingTable, namespace: string): readonly CompiledAccess[] {
	const { defaults, namespaces } = table
	const others = service?.access ?? layersOf(table, [defaults.access, namespaces.get(namespace)?.access])
	return rule?.access === undefined ? others : [...others, rule.access]
}

/**
 * What the policies say, or why they cannot be asked. Undefined: there are none. `userFields` are those in which its service hears of
 * users; `isShown`: the request itself is sent, with its proofs, and not a copy of it.
 */
export function verdictOn(
	exchange: Exchange,
	destination: () => Destination,
	userFields: readonly string[],
	table: RoutingTable,
	isShown = true,
): AccessVerdict | Refusal | undefined {
	const { service, rule } = exchange
	if (service?.access.length === 0 && rule?.access === undefined && table.defaultAccess === 'open') return undefined
	const namespace = service === undefined ? namespaceOf(exchange) : ''
	const layers = layersFor(exchange, table, namespace)
	if (layers.length === 0 && table.defaultAccess === 'open') return undefined
	const { path, authority } = destination()
	const canonical = canonicalPath(path)
	if ('ambiguous' in canonical && layers.some(({ looksAtPaths }) => looksAtPaths))
		return { reason: 'ambiguous_path', form: canonical.ambiguous }
	const request: AccessRequest = {
		method: exchange.method,
		host: judgedHost(authority, table),
		port: portOf(exchange),
		path: 'path' in canonical ? canonical.path : path,
		header: judgedFields(exchange, authority, userFields),
		clientAddress: exchange.clientAddress,
		now: exchange.startedAt,
		caller: countingCaller(exchange, table, namespace, isShown),
		...(table.trustDomains === undefined ? {} : { trustDomains: table.trustDomains }),
		user: exchange.user,
	}
	return decide(layers, table.defaultAccess, request)
}

/** The spellings of a mesh host are one host: a policy that names it must not be passed by another of them. */
export function judgedHost(authority: string, { meshDomain }: Pick<RoutingTable, 'meshDomain'>): string {
	const host = withoutPort(authority)
	return canonicalMeshHost(host, meshDomain) ?? host
}

/** The one that the client named: a rewritten host has none. */
export function portOf({ authority, scheme }: Pick<Exchange, 'authority' | 'scheme'>): number {
	const colon = authority.lastIndexOf(':')
	if (colon < 0 || authority.endsWith(']')) return scheme === 'https' ? 443 : 80
	return Number(authority.slice(colon + 1))
}

/** What a client writes into fields that are the mesh's, and that its service does not get from it, is nothing to go by. */
export function judgedFields(
	{ scheme, clientAddress, header, userEdits }: Exchange,
	authority: string,
	userFields: readonly string[],
): AccessRequest['header'] {
	return (name) => {
		if (name === 'x-forwarded-for') return clientAddress || null
		if (name === 'x-forwarded-proto') return scheme
		if (name === 'x-forwarded-host') return authority
		if (name === 'forwarded' || isSpoofable(name)) return null
		if (userFields.includes(name)) return userEdits?.said.findLast(([said]) => said === name)?.[1] ?? null
		return header(name)
	}
}
