/** Requests that a page of somebody else has a browser send: the browser adds the login to them all the same. */

/**
 * Whether a request that may change something does not come from this API's own pages. Browsers say where it comes from
 * (https://w3c.github.io/webappsec-fetch-metadata/, RFC 6454 §7); programs say nothing, and have no login but their own.
 */
export function isCrossSite({ method, url, headers }: Request): boolean {
	if (method === 'GET' || method === 'HEAD') return false
	const site = headers.get('sec-fetch-site')
	if (site !== null && site !== 'same-origin' && site !== 'none') return true
	const origin = headers.get('origin')
	return origin !== null && origin !== new URL(url).origin
}
