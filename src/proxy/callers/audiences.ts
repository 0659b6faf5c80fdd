/** The origins by which a virtual host may be meant: of authorities that the mesh is configured for, never of what only the request says. */
import { patternsFor } from '../../matching/host.ts'
import { canonicalMeshHost } from '../../names.ts'
import type { Exchange } from '../exchange.ts'
import type { ResolvedHost, RoutingTable } from '../knowledge/routingTable.ts'

/**
 * Empty where nobody has configured the host: behind a listener for any host, and none of its routes names this one. Where the mesh
 * does not know its own port, a port says nothing, and the one that the caller named is as good as none.
 */
export function originsOf(
	{ scheme, authority, host }: Exchange,
	{ virtualHost: { pattern, index } }: ResolvedHost,
	{ meshDomain, ownPort }: Pick<RoutingTable, 'meshDomain' | 'ownPort'>,
): string[] {
	const isNamed = pattern !== '*' || patternsFor(host).some((each) => each !== '*' && index.hostnames.has(each))
	if (!isNamed) return []
	const hosts = canonicalMeshHost(pattern, meshDomain) === undefined ? [host] : spellings(pattern, meshDomain)
	const port = ownPort === undefined ? (/:\d+$/.exec(authority)?.[0] ?? '') : `:${ownPort}`
	return hosts.flatMap((each) => [`${scheme}://${each}`, `${scheme}://${each}${port}`])
}

/** All that `canonicalMeshHost` takes for this host. */
function spellings(host: string, meshDomain: string): string[] {
	const [name, namespace = 'default'] = host.slice(0, -meshDomain.length - 1).split('--')
	const long = [`${name}--${namespace}.${meshDomain}`, `${name}.${namespace}.${meshDomain}`]
	return namespace === 'default' ? [host, ...long] : long
}
