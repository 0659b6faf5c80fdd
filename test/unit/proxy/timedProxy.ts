/** One isolate's data path in simulated time: answers take as long as a test says, and waits as long as they are. */
import type { Exchange } from '../../../src/proxy/exchange.ts'
import { createKnowledge, type Knowledge } from '../../../src/proxy/knowledge/knowledge.ts'
import { createRoutingTable } from '../../../src/proxy/knowledge/routingTable.ts'
import { pipeline } from '../../../src/proxy/pipeline.ts'
import type { ProxyPorts } from '../../../src/proxy/ports.ts'
import type { Endpoint, Rule } from '../../../src/snapshot/snapshot.ts'
import type { TrafficRules } from '../../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../../random.ts'
import { START } from './fakeProxy.ts'
import { DOMAIN, type FakeReplica, fakeReplica, head, rule, service, slice } from './knowledge/fakeReplica.ts'
import { pipe } from './piped.ts'

/** A request as an endpoint got it. */
export interface Sent {
	readonly endpoint: string
	readonly request: Request
	readonly atMs: number
	readonly timeoutMs: number | undefined
	/** Nobody waits for its answer any more. */
	aborted: boolean
	answer: Response | undefined
}

/** What an endpoint does: answers, or fails, after this long; or is silent. */
export type Behaviour = { readonly afterMs: number; readonly with: () => Response | Error } | 'silent'

export const answers = (afterMs = 0, status = 200, headers: Record<string, string> = {}): Behaviour => ({
	afterMs,
	with: () => new Response(`${status}`, { status, headers }),
})
export const loses = (afterMs = 0): Behaviour => ({ afterMs, with: () => new Error('Network connection lost.') })

/** What the client got. */
export interface Got {
	readonly status: number
	/** Of a reply that the mesh made. */
	readonly reason: string | undefined
	readonly headers: Headers
	/** The one that the exchange names, for logs and metrics. */
	readonly endpoint: string | undefined
	readonly attempts: number
	readonly tookMs: number
	/** Its body unread, unless the mesh made it. */
	readonly response: Response
}

export interface TimedProxy {
	readonly replica: FakeReplica
	readonly knowledge: Knowledge
	readonly sent: Sent[]
	readonly bugs: unknown[]
	readonly now: () => number
	/** Asked for each request that is sent. */
	behave: (sent: Sent) => Behaviour
	/** A GET of this host's `/`, or the request given. `outlives` is told of what may outlast the answer. */
	start(request?: string | Request, outlives?: (work: Promise<unknown>) => void): Promise<Got>
	/** Lets so much time go by. */
	pass(ms: number): Promise<void>
	/** Sends one, and lets time go by until its answer is there. */
	get(request?: string | Request): Promise<Got>
	/** Lets time go by until nothing is to come any more. */
	settle(): Promise<void>
}

interface Event {
	readonly at: number
	readonly happens: () => void
}

function timedProxy(seed = 1): TimedProxy {
	const replica = fakeReplica()
	const random = seeded(seed)
	const events: Event[] = []
	const exchanges = new WeakMap<Request, Exchange>()
	let now = START
	const at = (time: number, happens: () => void) => {
		const place = events.findIndex((event) => event.at > time)
		events.splice(place < 0 ? events.length : place, 0, { at: time, happens })
	}
	const send = (request: Request, timeoutMs?: number, signal?: AbortSignal): Promise<Response> =>
		new Promise((resolve, reject) => {
			const { hostname } = new URL(request.url)
			const endpoint = hostname.split('.')[0]!
			const sent: Sent = { endpoint, request, atMs: now - START, timeoutMs, aborted: false, answer: undefined }
			proxy.sent.push(sent)
			const behaviour = proxy.behave(sent)
			if (behaviour !== 'silent')
				at(now + behaviour.afterMs, () => {
					const outcome = behaviour.with()
					if (outcome instanceof Response) sent.answer = outcome
					if (outcome instanceof Response) resolve(outcome)
					else reject(outcome)
				})
			if (timeoutMs !== undefined)
				at(now + timeoutMs, () => reject(Object.assign(new Error('timed out'), { name: 'TimeoutError' })))
			signal?.addEventListener('abort', () => {
				sent.aborted = true
				reject(Object.assign(new Error('aborted'), { name: 'AbortError' }))
			})
		})
	const ports: ProxyPorts = {
		now: () => now,
		random,
		send,
		wait: (ms) => new Promise((resolve) => at(now + ms, resolve)),
		pipe,
		clientAddress: () => '192.0.2.1',
		clientCertificate: () => undefined,
		delegate: () => Promise.reject(new Error('there is no ring')),
		issuerKeys: () => Promise.reject(new Error('there is no ring')),
		report: (error) => proxy.bugs.push(error),
		observe: (exchange) => exchanges.set(exchange.request, exchange),
	}
	const table = createRoutingTable(DOMAIN, random, 'names', undefined, { region: 'weur', now: () => now })
	const knowledge = createKnowledge(table, replica.controlPlane, START, () => 0)
	const serve = pipeline(knowledge, ports)
	/** Lets everything run that waits for no time. */
	const run = async () => {
		for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate)
	}
	const next = async (until: number): Promise<boolean> => {
		await run()
		if (events.length === 0 || events[0]!.at > until) return false
		now = Math.max(now, events[0]!.at)
		// What happens in the same instant happens before anybody can act on it.
		while (events.length > 0 && events[0]!.at <= now) events.shift()!.happens()
		return true
	}
	const proxy: TimedProxy = {
		replica,
		knowledge,
		sent: [],
		bugs: [],
		now: () => now,
		behave: () => answers(),
		async start(asked = 'http://h.test/', waitUntil = () => {}) {
			const request = typeof asked === 'string' ? new Request(asked) : asked
			const from = now
			const response = await serve(request, { waitUntil })
			const isOurs = response.body !== null && response.headers.get('content-type') === 'application/problem+json'
			const reason = isOurs ? ((await response.json()) as { reason: string }).reason : undefined
			const { endpoint, attempts } = exchanges.get(request)!
			const { status, headers } = response
			return { status, reason, headers, endpoint: endpoint?.id, attempts, tookMs: now - from, response }
		},
		async pass(ms) {
			const until = now + ms
			while (await next(until));
			now = until
			await run()
		},
		async get(request) {
			let isThere = false
			const got = proxy.start(request).finally(() => {
				isThere = true
			})
			for (let idle = 0; !isThere; idle++) {
				if (await next(Number.POSITIVE_INFINITY)) idle = 0
				if (idle > 100) throw new Error('nothing is to come any more, and there is no answer')
			}
			return got
		},
		async settle() {
			while (await next(Number.POSITIVE_INFINITY));
		},
	}
	return proxy
}

/** The parts of the host `h.test` with one rule to the Service `d/s`. */
export function serving(
	traffic: TrafficRules,
	endpoints: readonly (string | (Partial<Endpoint> & { id: string }))[],
	ofRule: Partial<Rule> = {},
) {
	return {
		...head('h.test'),
		...slice('h.test', 'r', [{ ...rule('ns/r/0', '', 'd/s'), ...ofRule }]),
		...target(traffic, endpoints),
	}
}

/** The part of the Service alone. */
export function target(traffic: TrafficRules, endpoints: readonly (string | (Partial<Endpoint> & { id: string }))[]) {
	const [name, part] = Object.entries(
		service('d/s', ...endpoints.map((one) => (typeof one === 'string' ? { id: one } : one))),
	)[0]!
	return { [name]: { ...part!, traffic } as NonNullable<typeof part> }
}

/** A proxy with these parts, which it has loaded: nothing was sent yet. */
export async function timed(parts: ReturnType<typeof serving>, seed = 1): Promise<TimedProxy> {
	const proxy = timedProxy(seed)
	proxy.replica.change(parts)
	await proxy.get()
	proxy.sent.length = 0
	return proxy
}

/** What is counted as under way: of each endpoint, and of the service. */
export function underWay({ knowledge }: TimedProxy) {
	const state = knowledge.table.states.get('d/s')!
	return {
		endpoints: [...state.endpoints.values()].map(({ load }) => load.inFlight),
		service: state.underWay.count,
		slots: state.limits?.inFlight.count ?? 0,
		pending: state.limits?.pending ?? 0,
		waiting: state.waiting.length,
	}
}
