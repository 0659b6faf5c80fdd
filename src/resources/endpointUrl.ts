/** Where an endpoint may be: the URLs that the mesh is willing, and the platform able, to send requests to. */

export interface EndpointPolicy {
	/** `names` refuses what the platform cannot reach: IP addresses and names that only a private network knows. */
	readonly addresses: 'any' | 'names'
	readonly meshDomain: string
}

const MAX_LENGTH = 2_048

/** The problem with an endpoint's URL, as a sentence that says what would be right; undefined when it may be used. */
export function checkEndpointUrl(url: string, policy: EndpointPolicy): string | undefined {
	if (url.length > MAX_LENGTH) return `must be at most ${MAX_LENGTH.toLocaleString('en')} characters long`
	// Parsers drop or turn these, so that what is read is not what is written.
	if (/[\s\\\p{Cc}]/u.test(url)) return 'must not contain spaces, control characters or backslashes'
	if (!/^https?:\/\/[^/]/i.test(url) || !URL.canParse(url)) return 'must be an absolute http:// or https:// URL'
	const parsed = new URL(url)
	if (/^[^/]*\/\/[^/?#]*@/.test(url)) return 'must not carry credentials'
	if (url.includes('#')) return 'must not have a fragment'
	if (url.includes('?')) return 'must not have a query'
	if (parsed.port === '0') return 'must have a port from 1 to 65535'
	return checkHost(parsed.hostname.replace(/\.$/, ''), policy)
}

function checkHost(host: string, { addresses, meshDomain }: EndpointPolicy): string | undefined {
	if (host === '' || host.length > 253) return 'must have a host of 1 to 253 characters'
	if (host === meshDomain || host.endsWith(`.${meshDomain}`))
		return `must not be below ${meshDomain}: requests would loop back into the mesh`
	return addresses === 'names' ? checkName(host) : undefined
}

/** URL parsing has normalised every spelling of an IPv4 address to dotted decimals, and put IPv6 in brackets. */
function checkName(host: string): string | undefined {
	if (host.startsWith('[') || /^\d+\.\d+\.\d+\.\d+$/.test(host))
		return 'must have a DNS name: the platform refuses bare IP addresses (error 1003)'
	if (host === 'localhost' || host.endsWith('.localhost'))
		return 'must have a public DNS name: localhost is the machine that asks, and the platform has none'
	if (!host.includes('.')) return 'must have a public DNS name: a single label means nothing outside its own network'
	if (host.endsWith('.internal') || host.endsWith('.local'))
		return 'must have a public DNS name: .internal and .local exist only inside private networks'
	return undefined
}
