/** Endpoints as queues, isolates that balance over them, and time that passes from event to event. */
import { type Choose, type EndpointLoad, newLoad } from '../../src/balancing/endpointLoad.ts'
import { seeded } from '../random.ts'

/** An endpoint that serves `workers` requests at once, in order of arrival. */
export interface Server {
	readonly weight: number
	readonly workers: number
	readonly meanMs: number
	/** Every request takes just as long; else times are exponential. */
	readonly isSteady: boolean
	/** Requests that take `stallMs` more. */
	readonly stallShare: number
	readonly stallMs: number
}

export interface World {
	readonly servers: readonly Server[]
	/** Share of all that the servers can do: Poisson arrivals that wait for nobody. */
	readonly utilisation: number
	/** Each takes an equal share of the requests, and sees its own only. */
	readonly isolates: number
	readonly requests: number
}

/** What an isolate balances by. `queueMs` is what nobody can know: how long a request would wait at each server. */
export interface Isolate {
	readonly choose: Choose
	readonly observe: (server: number, latencyMs: number, now: number) => void
}
export type Balancing = (
	servers: readonly { readonly weight: number; readonly load: EndpointLoad }[],
	queueMs: (server: number) => number,
	world: World,
) => Isolate

export interface Run {
	/** Latencies in ms, ascending, without those of the first fifth of the requests. */
	readonly latencies: Float64Array
	/** Share of the requests that each server got. */
	readonly shares: readonly number[]
}

export const server = (changes: Partial<Server> = {}): Server => ({
	weight: 1,
	workers: 4,
	meanMs: 10,
	isSteady: false,
	stallShare: 0,
	stallMs: 0,
	...changes,
})

export const quantile = (ascending: Float64Array, share: number): number =>
	ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))]!

/** What a server can do, in requests per ms. */
const capacityOf = ({ workers, meanMs, stallShare, stallMs }: Server): number =>
	workers / (meanMs + stallShare * stallMs)

const START = 1_800_000_000_000

export function run(world: World, balancing: Balancing, seed: number): Run {
	const random = seeded(seed)
	const { servers, requests } = world
	const perMs = world.utilisation * servers.reduce((sum, each) => sum + capacityOf(each), 0)
	const free = servers.map(({ workers }) => new Float64Array(workers).fill(START))
	const sent = servers.map(() => 0)
	const latencies = new Float64Array(requests)
	let now = START
	const isolates = Array.from({ length: world.isolates }, () => {
		const loads = servers.map(({ weight }) => ({ weight, load: newLoad() }))
		return { loads, ...balancing(loads, (at) => Math.max(0, earliest(free[at]!) - now), world) }
	})
	const pending = eventQueue()
	for (let request = 0; request < requests; request++) {
		now += -Math.log(1 - random()) / perMs
		pending.runUntil(now)
		const isolate = isolates[Math.floor(random() * isolates.length)]!
		const at = isolate.choose(now, random)!
		const latencyMs = serve(servers[at]!, free[at]!, now, random)
		latencies[request] = latencyMs
		sent[at]!++
		const { load } = isolate.loads[at]!
		load.inFlight++
		const endsAt = now + latencyMs
		pending.add(endsAt, () => {
			load.inFlight--
			isolate.observe(at, latencyMs, endsAt)
		})
	}
	return { latencies: latencies.subarray(requests / 5).sort(), shares: sent.map((count) => count / requests) }
}

/** The first worker that is free takes it. Answers how long the request takes, its wait included. */
function serve(server: Server, free: Float64Array, now: number, random: () => number): number {
	const worker = free.indexOf(earliest(free))
	const stallMs = random() < server.stallShare ? server.stallMs : 0
	const servedMs = server.meanMs * (server.isSteady ? 1 : -Math.log(1 - random()))
	const endsAt = Math.max(now, free[worker]!) + servedMs + stallMs
	free[worker] = endsAt
	return endsAt - now
}

function earliest(times: Float64Array): number {
	let least = times[0]!
	for (let i = 1; i < times.length; i++) least = Math.min(least, times[i]!)
	return least
}

interface EventQueue {
	readonly add: (at: number, event: () => void) => void
	/** Runs what is due by then, in order. */
	readonly runUntil: (now: number) => void
}

/** A binary heap: J. W. J. Williams (1964). */
function eventQueue(): EventQueue {
	const heap: { readonly at: number; readonly event: () => void }[] = []
	const swap = (a: number, b: number): void => {
		const held = heap[a]!
		heap[a] = heap[b]!
		heap[b] = held
	}
	const sink = (): void => {
		for (let i = 0; ; ) {
			const left = 2 * i + 1
			const least = left + 1 < heap.length && heap[left + 1]!.at < heap[left]!.at ? left + 1 : left
			if (left >= heap.length || heap[i]!.at <= heap[least]!.at) return
			swap(i, least)
			i = least
		}
	}
	return {
		add: (at, event) => {
			heap.push({ at, event })
			for (let i = heap.length - 1; i > 0 && heap[i]!.at < heap[(i - 1) >> 1]!.at; i = (i - 1) >> 1)
				swap(i, (i - 1) >> 1)
		},
		runUntil: (now) => {
			while (heap.length > 0 && heap[0]!.at <= now) {
				const { event } = heap[0]!
				const last = heap.pop()!
				if (heap.length > 0) {
					heap[0] = last
					sink()
				}
				event()
			}
		},
	}
}
