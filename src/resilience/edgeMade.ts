/** Answers that no endpoint gave: how the edge reports a connection that failed on the way to one. */

/**
 * Whether the edge made this response: it answers 520–527 or 530 where an origin is unreachable, breaks off, or presents a bad
 * certificate, in the name of `cloudflare` and with a cf-ray of its own. `inboundRay` is the request's cf-ray: an origin that
 * merely echoes it is no edge. Such an answer is a connection error, and no status of the endpoint's.
 * Source: https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/
 */
export function isEdgeMade(response: Response, inboundRay: string | null): boolean {
	const { status } = response
	if (status < 520 || status > 530 || status === 528 || status === 529) return false
	const { headers } = response
	const ray = headers.get('cf-ray')
	return ray !== null && ray !== inboundRay && headers.get('server')?.toLowerCase() === 'cloudflare'
}
