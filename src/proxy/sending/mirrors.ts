/** Copies of a request for other services. They are sent after it, and nobody waits for their answers. */
import { isDrawn } from '../../filters/share.ts'
import type { ServiceName } from '../../names.ts'
import { newTraceparent } from '../../telemetry/traceContext.ts'
import { judge } from '../callers/peers.ts'
import type { Plan } from '../compile/compileRule.ts'
import type { CompiledService } from '../compile/compileService.ts'
import type { Exchange } from '../exchange.ts'
import type { ProxyPorts } from '../ports.ts'
import { type BodyBudget, giveBack, type HeldBytes, takeBytes } from './bodyBudget.ts'
import { backendFilters, type Outgoing } from './outgoing.ts'
import { upstreamRequest } from './upstreamRequest.ts'

/** A mirror that takes longer is given up. The platform ends what outlives its request after 30 s in any case. */
const MIRROR_TIMEOUT_MS = 10_000
/** Longer bodies, and bodies of unknown length, are not mirrored: a target that hangs makes the isolate hold the whole of it. */
export const MAX_MIRRORED_BYTES = 262_144
/**
 * Up to this declared length the request itself is sent with the very bytes that were read for its copies: to tee a stream costs it
 * more. A longer one streams on, so that its service need not wait for its end.
 */
const MAX_SHARED_BYTES = 65_536
/**
 * What a copy takes of the isolate's memory until it is answered, beside its body (measured: 110 kB with a target that never answers).
 * A target that hangs gets no more copies than fit, some 30 a second, and the others of the isolate's mirrors share the lack.
 */
const COPY_BYTES = 110_000
/** From the request to its copies, at random in between: copies that kept time with the requests would meet each at the same point. */
const PAUSE_MS = { least: 5, most: 20 }
/** A service that takes longer leaves time for the copies meanwhile. */
const SLOW_AFTER_MS = 100
/** Of one request at a time. The platform lets six connections wait for headers, and the request itself needs one of them. */
const MIRRORS_AT_ONCE = 3

/** The mirrors of one request, and the body that they all get. */
interface Copies {
	readonly services: readonly ServiceName[]
	/** Undefined without a body. Rejects when the body does not come to its end: then there is nothing to copy. */
	readonly body: Promise<ArrayBuffer> | undefined
	/** The same, where it was taken from the request. */
	readonly takenBody: Promise<ArrayBuffer> | undefined
	readonly holding: HeldBytes
}

/**
 * Draws the mirrors and copies the body for them: before the request is sent, for then its body is gone. The copy is read at
 * once, so that neither a slow service nor one that answers early leaves half of it to the mirrors. With `mayTake` a short one may be
 * read off the request, which is then to be sent with `takenBody`.
 */
export function copiesFor(
	exchange: Exchange,
	plan: Plan,
	budget: BodyBudget,
	now: number,
	mayTake = false,
): Copies | undefined {
	const mirrors = [...(plan.filters.mirrors ?? []), ...(backendFilters(exchange)?.mirrors ?? [])]
	if (mirrors.length === 0) return undefined
	const { request } = exchange
	const services = mirrors.filter(({ share }) => isDrawn(share, exchange.random())).map(({ service }) => service)
	// A switched protocol is a conversation, which nobody can hold twice.
	if (services.length === 0 || exchange.header('upgrade') !== null) return undefined
	const length = request.body === null ? 0 : copiedLength(request)
	const holding = length === undefined ? undefined : takeBytes(budget, (length + COPY_BYTES) * services.length, now)
	if (holding === undefined) return undefined
	if (request.body === null) return { services, body: undefined, takenBody: undefined, holding }
	const isTaken = mayTake && length! <= MAX_SHARED_BYTES
	const body = (isTaken ? request : request.clone()).arrayBuffer()
	// Whoever sends it sees its failure for himself.
	body.catch(() => {})
	return { services, body, takenBody: isTaken ? body : undefined, holding }
}

/**
 * Settles when a request leaves time for its copies. Making them takes the one thread that there is: in the turn of the answer they
 * would hold the answer up.
 */
export async function untilIdle(response: Promise<unknown>, { random, wait }: ProxyPorts): Promise<void> {
	const { least, most } = PAUSE_MS
	const pause = () => wait(least + (most - least) * random())
	let isAnswered = false
	const end = () => {
		isAnswered = true
	}
	const answered = response.then(end, end)
	await pause()
	if (isAnswered) return
	await Promise.race([answered, wait(SLOW_AFTER_MS)])
	await pause()
}

/** Undefined for a body that cannot be copied: it is too long, of unknown length, or that of a method which may have none. */
function copiedLength({ headers, method }: Request): number | undefined {
	const length = headers.get('content-length')
	if (length === null || method === 'GET' || method === 'HEAD') return undefined
	return Number(length) <= MAX_MIRRORED_BYTES ? Number(length) : undefined
}

/** Sends the copies, a few at a time, each with the client's own path and the rule's edits. Never rejects. */
export async function sendCopies(
	exchange: Exchange,
	plan: Plan,
	copies: Copies,
	load: (service: ServiceName) => Promise<CompiledService | undefined>,
	budget: BodyBudget,
	ports: ProxyPorts,
): Promise<void> {
	const { editRequest } = plan.filters
	const { target, authority } = exchange
	const edits = editRequest === undefined ? [] : [editRequest]
	const waiting = [...copies.services]
	const sendNext = async (): Promise<void> => {
		for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
			// Whatever becomes of a copy concerns nobody but its target.
			await sendCopy(exchange, await load(name), { target, authority, edits, body: await copies.body }, ports).catch(
				() => {},
			)
		}
	}
	await Promise.all(Array.from({ length: MIRRORS_AT_ONCE }, () => sendNext().catch(() => {})))
	giveBack(budget, copies.holding)
}

async function sendCopy(
	exchange: Exchange,
	service: CompiledService | undefined,
	outgoing: Outgoing,
	ports: ProxyPorts,
): Promise<void> {
	const endpoint = service?.pick(exchange, ports.now())
	if (service === undefined || endpoint === undefined) return
	if (service.credential !== undefined && 'invalid' in service.credential) return
	// Whom it would refuse, it gets no copy of. That a proof was shown before does not matter: the copy shows none.
	if (typeof judge({ ...exchange, service }, false) === 'object') return
	const sender = {
		clientAddress: exchange.clientAddress,
		newTraceparent: () => newTraceparent(ports.random, false),
	}
	const request = upstreamRequest(exchange, { service, endpoint }, sender, outgoing)
	const response = await ports.send(request, MIRROR_TIMEOUT_MS)
	await response.body?.cancel()
}
