/** Which port of a Service a caller means. A Worker has none: what tells is the authority that the caller names. */
import type { Exchange } from '../exchange.ts'

/**
 * Whether a request is for one of a Service's ports (GAMMA, `parentRef.port`). A request that names no port, its scheme's usual one
 * or `ownPort`, where callers reach the mesh, is for all of them. Undefined where every request is: without ports, and while nobody
 * has said where the mesh itself listens, for then the port that a caller names may be that one.
 */
export function forPorts(
	ports: readonly number[] | undefined,
	ownPort: number | undefined,
): ((exchange: Pick<Exchange, 'authority' | 'scheme'>) => boolean) | undefined {
	if (ports === undefined || ownPort === undefined) return undefined
	return ({ authority, scheme }) => {
		const colon = authority.lastIndexOf(':')
		if (colon <= authority.lastIndexOf(']')) return true
		const port = Number(authority.slice(colon + 1))
		return port === ownPort || port === (scheme === 'https' ? 443 : 80) || ports.includes(port)
	}
}
