/** Where an endpoint may be: the URLs that the mesh is willing, and the platform able, to send requests to. */
import { type Addresses, hasEmptyLabel, isInDomain, isLoopback, unreachable } from '../hosts.ts'

export interface EndpointPolicy {
	readonly addresses: Addresses
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
	if (hasEmptyLabel(host)) return 'must have a host whose labels have at least one character each, e.g. a.example.com'
	if (isInDomain(host, meshDomain)) return `must not be below ${meshDomain}: requests would loop back into the mesh`
	return addresses === 'names' ? unreachable(host) : undefined
}

/**
 * Whether a secret sent to this URL could be read on its way: plain http, unless it stays on this machine. A loopback name is
 * no endpoint where the platform resolves names only.
 */
export function isInClear(url: string): boolean {
	if (!URL.canParse(url)) return true
	const { protocol, hostname } = new URL(url)
	return protocol !== 'https:' && !isLoopback(hostname.replace(/\.$/, ''))
}
