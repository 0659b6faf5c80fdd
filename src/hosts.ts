/** Which hosts requests may be sent to: what leads back into the mesh, and what means nothing outside a private network. */

/** `names` refuses what the platform cannot reach: IP addresses and names that only a private network knows. */
export type Addresses = 'any' | 'names'

/** Whether the host is the mesh domain or below it: a request sent there would come back. */
export const isInDomain = (host: string, domain: string): boolean => host === domain || host.endsWith(`.${domain}`)

/** Whether two dots stand side by side, or one at an end: no such name can be looked up, but some resolvers leave such dots out. */
export const hasEmptyLabel = (host: string): boolean => /^\.|\.\.|\.$/.test(host)

/**
 * Whether the host is this very machine (RFC 6761 §6.3, RFC 1122 §3.2.1.3). Like `unreachable`, it takes a host as URL parsing
 * leaves it, without a final dot.
 */
export const isLoopback = (host: string): boolean =>
	/^([^.]+\.)*localhost$/.test(host) || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host)

/**
 * Why the platform cannot send requests to the host, as a sentence that says what would be right. URL parsing has normalised
 * every spelling of an IPv4 address to dotted decimals, and put IPv6 in brackets.
 */
export function unreachable(host: string): string | undefined {
	if (host.startsWith('[') || /^\d+\.\d+\.\d+\.\d+$/.test(host))
		return 'must have a DNS name: the platform refuses bare IP addresses (error 1003)'
	if (host === 'localhost' || host.endsWith('.localhost'))
		return 'must have a public DNS name: localhost is the machine that asks, and the platform has none'
	if (!host.includes('.')) return 'must have a public DNS name: a single label means nothing outside its own network'
	if (host.endsWith('.internal') || host.endsWith('.local'))
		return 'must have a public DNS name: .internal and .local exist only inside private networks'
	return undefined
}
