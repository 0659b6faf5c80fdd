/** What ring hash and Maglev have in common: which endpoints they know, and where a key goes whose endpoint is to be avoided. */
import { type Avoid, firstAvailable } from './endpointLoad.ts'

/** An endpoint with its configured weight: one that changed with time would move keys all the time. */
export interface HashedEndpoint {
	readonly id: string
	/** Finite and > 0. */
	readonly weight: number
}

/**
 * The index of the endpoint for a key, by its `hashKey`; undefined when there is none that need not be avoided. A key whose endpoint is to
 * be avoided goes where it would go without it, so that its endpoint's keys spread over all others, and others' keys stay.
 */
export type ChooseByHash = (hash: number, avoid?: Avoid) => number | undefined

/** Endpoint indexes by place: two bytes each where they fit. */
export type Places = Uint16Array | Uint32Array

export const placesFor = (length: number, endpoints: number): Places =>
	endpoints <= 0xffff ? new Uint16Array(length) : new Uint32Array(length)

/** Places that a look-up steps over. With half of the endpoints to be avoided, it ends here once in 2^64. */
const STEPS = 64

/**
 * The endpoint at this place, or of the places `stride` apart after it the first one whose endpoint need not be avoided. In the end,
 * all endpoints are asked in turn.
 */
export function atOrAfter(
	places: Places,
	place: number,
	stride: number,
	endpoints: number,
	avoid?: Avoid,
): number | undefined {
	const owner = places[place]!
	if (avoid === undefined || !avoid(owner)) return owner
	for (let step = 1; step <= STEPS; step++) {
		const next = places[(place + step * stride) % places.length]!
		if (!avoid(next)) return next
	}
	return firstAvailable(endpoints, place % endpoints, avoid)
}

/** Indexes in the order of ids, so that a list in another order makes the same choices. */
export function orderOf(endpoints: readonly HashedEndpoint[]): number[] {
	const order = Array.from(endpoints, (_, index) => index)
	return order.sort((a, b) => (endpoints[a]!.id < endpoints[b]!.id ? -1 : 1))
}
