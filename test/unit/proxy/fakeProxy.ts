/** One isolate's data path on a fake replica, with its clock and its chance in the test's hands. */
import { createKnowledge, type Knowledge } from '../../../src/proxy/knowledge/knowledge.ts'
import { createRoutingTable } from '../../../src/proxy/knowledge/routingTable.ts'
import { pipeline } from '../../../src/proxy/pipeline.ts'
import type { ProxyPorts } from '../../../src/proxy/ports.ts'
import type { Refusal } from '../../../src/proxy/refusal.ts'
import { DOMAIN, type FakeReplica, fakeReplica, head, service, slice } from './knowledge/fakeReplica.ts'
import { pipe } from './piped.ts'

/** One host, one route, one service with one endpoint. */
export const shop = {
	...head('shop.test'),
	...slice('shop.test', 'shop', 'd/web'),
	...service('d/web', { id: 'web1' }),
}

export const START = 1_700_000_000_000

export interface FakeProxy {
	readonly replica: FakeReplica
	readonly knowledge: Knowledge
	/** Requests as the endpoints got them. */
	readonly sent: Request[]
	/** What each of them was given, in ms. */
	readonly timeouts: (number | undefined)[]
	/** What the proxy waited for, in ms. */
	readonly waits: number[]
	readonly refusals: (Refusal | undefined)[]
	/** Mistakes in the mesh itself. */
	readonly bugs: unknown[]
	now: number
	random: () => number
	/** Lets time pass, as it is waited for unless a test has it otherwise. */
	wait: (ms: number) => Promise<void>
	/** How much later than they could the next syncs come, as a share of the jitter. */
	jitter: number
	/** What clients show in their TLS handshakes. */
	certificate: ReturnType<ProxyPorts['clientCertificate']>
	/** What the ring makes of an isolate's key. */
	delegate: ProxyPorts['delegate']
	/** What the ring knows of an issuer's keys. */
	issuerKeys: ProxyPorts['issuerKeys']
	/** What the endpoints answer. */
	answer: (request: Request, signal?: AbortSignal) => Promise<Response> | Response
	/** Sends a GET, or the request given; answers the response once everything beside the path is done too. */
	get(url: string | Request): Promise<Response>
	/** The same without waiting for what goes on beside the path. */
	start(url: string | Request): Promise<Response>
	/** Waits for what goes on beside the path. */
	settle(): Promise<void>
}

export function fakeProxy(replica = fakeReplica()): FakeProxy {
	const pending = new Set<Promise<unknown>>()
	const waitUntil = (work: Promise<unknown>) => {
		pending.add(work)
		work.finally(() => pending.delete(work))
	}
	const ports: ProxyPorts = {
		now: () => proxy.now,
		random: () => proxy.random(),
		send: async (request, timeoutMs, signal) => {
			proxy.sent.push(request)
			proxy.timeouts.push(timeoutMs)
			return proxy.answer(request, signal)
		},
		wait: (ms) => proxy.wait(ms),
		pipe,
		clientAddress: () => '192.0.2.1',
		clientCertificate: () => proxy.certificate,
		delegate: (jwk) => proxy.delegate(jwk),
		issuerKeys: (source, kid) => proxy.issuerKeys(source, kid),
		report: (error) => proxy.bugs.push(error),
		observe: (_exchange, _response, refusal) => proxy.refusals.push(refusal),
	}
	const place = { region: 'weur', now: () => proxy.now }
	const table = createRoutingTable(DOMAIN, () => proxy.random(), 'names', undefined, place)
	const knowledge = createKnowledge(table, replica.controlPlane, START, () => proxy.jitter)
	const serve = pipeline(knowledge, ports)
	const proxy: FakeProxy = {
		replica,
		knowledge,
		sent: [],
		timeouts: [],
		waits: [],
		refusals: [],
		bugs: [],
		now: START,
		random: () => 0,
		wait: async (ms) => {
			proxy.waits.push(ms)
			proxy.now += ms
		},
		jitter: 0,
		certificate: undefined,
		delegate: () => Promise.reject(new Error('there is no ring')),
		issuerKeys: () => Promise.reject(new Error('there is no ring')),
		answer: () => new Response('ok'),
		start: (url) => serve(typeof url === 'string' ? new Request(url) : url, { waitUntil }),
		async get(url) {
			const response = await proxy.start(url)
			await proxy.settle()
			return response
		},
		async settle() {
			while (pending.size > 0) await Promise.all(pending)
		},
	}
	return proxy
}

/** The reason that a mesh-made reply gives, or the status of any other. */
export async function verdict(response: Promise<Response> | Response): Promise<string | number> {
	const answered = await response
	if (answered.headers.get('content-type') !== 'application/problem+json') return answered.status
	return ((await answered.json()) as { reason: string }).reason
}

/** Decides only when a test fails: keys are made in threads, which a loaded machine may let wait. */
const PATIENCE_MS = 20_000
const clock = performance.now.bind(performance)

/** Lets everything else run until the condition holds. */
export async function until(holds: () => boolean): Promise<void> {
	const deadline = clock() + PATIENCE_MS
	do {
		if (clock() > deadline) throw new Error(`not within ${PATIENCE_MS} ms: ${holds}`)
		await new Promise(setImmediate)
	} while (!holds())
}

/** A proxy that has served a host once. */
export async function warm(parts: Parameters<FakeReplica['change']>[0] = shop, host = 'shop.test') {
	const proxy = fakeProxy()
	proxy.replica.change(parts)
	await proxy.get(`http://${host}/`)
	return proxy
}

/** The endpoint that a URL reaches now, or the reason why none. */
export async function reached(proxy: FakeProxy, url = 'http://shop.test/') {
	const before = proxy.sent.length
	const outcome = await verdict(proxy.get(url))
	return outcome === 200 ? new URL(proxy.sent[before]!.url).hostname : outcome
}

/** A second later with one request, so that a sync ran. */
export async function aSecondOn(proxy: FakeProxy) {
	proxy.now += 1_000
	await proxy.get('http://shop.test/')
}
