/** Copies of a request for other services. They are sent beside it, after it, and nobody waits for their answers. */
import { isDrawn } from '../filters/share.ts'
import type { Mirror } from '../snapshot/filters.ts'
import { newTraceparent } from '../telemetry/traceContext.ts'
import type { Plan } from './compileRule.ts'
import type { CompiledService } from './compileService.ts'
import type { Exchange } from './exchange.ts'
import { backendFilters, type Outgoing } from './outgoing.ts'
import type { ProxyPorts } from './ports.ts'
import { upstreamRequest } from './upstreamRequest.ts'

/** A mirror that takes longer is given up. The platform ends what outlives its request after 30 s in any case. */
const MIRROR_TIMEOUT_MS = 10_000
/** Longer bodies, and bodies of unknown length, are not mirrored: a target that hangs makes the isolate hold the whole of it. */
export const MAX_MIRRORED_BYTES = 262_144
/** Of one request at a time. The platform lets six connections wait for headers, and the request itself needs one of them. */
const MIRRORS_AT_ONCE = 3

/** A request for a mirror: a copy that shares its body with the request until one of them has been read. */
interface Copy {
	readonly service: string
	readonly source: Request
}

/** Draws the mirrors and copies the request for each: before it is sent, for then its body is gone. */
export function copiesFor(exchange: Exchange, plan: Plan): readonly Copy[] {
	const mirrors = [...(plan.filters.mirrors ?? []), ...(backendFilters(exchange)?.mirrors ?? [])]
	if (mirrors.length === 0) return []
	const { request } = exchange
	const drawn = mirrors.filter(({ share }: Mirror) => isDrawn(share, exchange.random()))
	// A switched protocol is a conversation, which nobody can hold twice.
	if (exchange.header('upgrade') !== null) return []
	if (request.body !== null && !isSmall(request.headers.get('content-length'))) return []
	return drawn.map(({ service }) => ({ service, source: request.body === null ? request : request.clone() }))
}

const isSmall = (length: string | null): boolean => length !== null && Number(length) <= MAX_MIRRORED_BYTES

/** Sends the copies, a few at a time, each with the client's own path and the rule's edits. Never rejects. */
export async function sendCopies(
	exchange: Exchange,
	plan: Plan,
	copies: readonly Copy[],
	load: (service: string) => Promise<CompiledService | undefined>,
	ports: ProxyPorts,
): Promise<void> {
	const waiting = [...copies]
	const sendNext = async (): Promise<void> => {
		for (let copy = waiting.shift(); copy !== undefined; copy = waiting.shift())
			await sendCopy(exchange, plan, copy, load, ports)
	}
	await Promise.all(Array.from({ length: MIRRORS_AT_ONCE }, sendNext))
}

async function sendCopy(
	exchange: Exchange,
	plan: Plan,
	{ service: name, source }: Copy,
	load: (service: string) => Promise<CompiledService | undefined>,
	ports: ProxyPorts,
): Promise<void> {
	try {
		const service = await load(name)
		const endpoint = service?.pick()
		if (service === undefined || endpoint === undefined) return
		if (service.credential !== undefined && 'invalid' in service.credential) return
		const { editRequest } = plan.filters
		const outgoing: Outgoing = {
			target: exchange.target,
			authority: exchange.authority,
			edits: editRequest === undefined ? [] : [editRequest],
			source,
		}
		const sender = {
			clientAddress: ports.clientAddress(exchange.request),
			newTraceparent: () => newTraceparent(ports.random, false),
		}
		const request = upstreamRequest(exchange, { service, endpoint }, sender, outgoing)
		const response = await ports.send(request, MIRROR_TIMEOUT_MS)
		await response.body?.cancel()
	} catch {
		// Whatever becomes of a copy concerns nobody but its target.
	}
}
