/** What an isolate knows of the work that an endpoint has. It outlives snapshots: a new revision must not make balancers forget. */

export interface EndpointLoad {
	/** Requests sent and not answered yet. */
	inFlight: number
	/** Peak-sensitive average of the latencies, in ms, as it was at `ewmaAt`. 0 while none is known. */
	ewmaMs: number
	/** When `ewmaMs` was last written, in ms since the epoch. */
	ewmaAt: number
	/** Weight as a multiple of the mean weight, of those that it was last chosen among by latency. 1 where nobody said. */
	share: number
}

/** One of the endpoints that a request may go to. */
export interface Candidate {
	/** Finite and > 0, warm-up and pushback included: its `effectiveWeight`. */
	readonly weight: number
	readonly load: EndpointLoad
}

/** Whether the endpoint at this index must not be chosen now: it is ejected, or was tried before. */
export type Avoid = (index: number) => boolean

/** The index of the endpoint for one request; undefined when there is none that need not be avoided. `now` is in ms since the epoch. */
export type Choose = (now: number, random: () => number, avoid?: Avoid) => number | undefined

export const newLoad = (): EndpointLoad => ({ inFlight: 0, ewmaMs: 0, ewmaAt: 0, share: 1 })

/** The first index from `start` on, around the end, that need not be avoided. */
export function firstAvailable(count: number, start: number, avoid: Avoid): number | undefined {
	for (let i = 0; i < count; i++) {
		const index = (start + i) % count
		if (!avoid(index)) return index
	}
	return undefined
}
