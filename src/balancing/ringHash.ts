/**
 * Ring hash: endpoints have points on a circle, and a key goes to the next point. When an endpoint leaves, its keys move, to all others,
 * and no other key does.
 *
 * D. Karger et al., "Consistent Hashing and Random Trees" (1997), with many points for each endpoint as in ketama (R. Jones, 2007).
 */
import { atOrAfter, type ChooseByHash, type HashedEndpoint, orderOf, type Places, placesFor } from './consistentHash.ts'
import { hashKey, mixBits } from './hashKey.ts'

export interface RingSize {
	/** Points, ≥ 1. */
	readonly minimum: number
	readonly maximum: number
}

interface Ring {
	/** Ascending, 0 ≤ position < 2^32. */
	readonly positions: Uint32Array
	/** The endpoint at each of them. */
	readonly owners: Places
}

/** Rings grow no larger than this for evenness alone: about 0.2 s to build, and 6 bytes a point. */
const LARGE = 2 ** 20
/** Numbers hold 53 bits: 32 for the position, and these for the endpoint. */
const MOST_ENDPOINTS = 2 ** 21

/**
 * A look-up halves the ring until it is there. Building sorts the points: 10,000 endpoints of equal weight have 640,000. Points are given
 * by weight, at least one to each, which may exceed `maximum` where there are more endpoints. Bounds on size: see `pointsPerWeight`.
 */
export function ringHash(endpoints: readonly HashedEndpoint[], size: RingSize): ChooseByHash {
	if (!endpoints.some(({ weight }) => weight > 0)) return () => undefined
	const { positions, owners } = ringOf(endpoints, size)
	// The ring may outlive the list: it holds on to the number only.
	const { length } = endpoints
	return (hash, avoid) => {
		const point = firstAtOrAfter(positions, Math.floor(hash / 2 ** 21))
		return atOrAfter(owners, point, 1, length, avoid)
	}
}

function ringOf(endpoints: readonly HashedEndpoint[], size: RingSize): Ring {
	if (endpoints.length > MOST_ENDPOINTS) throw new RangeError(`${endpoints.length} endpoints on one ring`)
	const each = pointsPerWeight(endpoints, size)
	const counts = endpoints.map(({ weight }) => Math.max(1, Math.round(weight * each)))
	const points = new Float64Array(counts.reduce((sum, count) => sum + count, 0))
	const order = orderOf(endpoints)
	let at = 0
	order.forEach((index, rank) => {
		const hash = hashKey(endpoints[index]!.id)
		const low = hash % 2 ** 21
		const high = Math.floor(hash / 2 ** 21)
		for (let point = 0; point < counts[index]!; point++)
			points[at++] = positionOf(high, low, point) * MOST_ENDPOINTS + rank
	})
	points.sort()
	const owners = placesFor(points.length, endpoints.length)
	points.forEach((point, i) => {
		owners[i] = order[point % MOST_ENDPOINTS]!
	})
	return { positions: Uint32Array.from(points, (point) => Math.floor(point / MOST_ENDPOINTS)), owners }
}

/** An endpoint's first points are the same however many it has. */
const positionOf = (high: number, low: number, point: number): number =>
	mixBits(high ^ mixBits(low + Math.imul(point + 1, 0x9e3779b9))) >>> 0

/**
 * How many points an endpoint of weight 1 has: a power of two, so that it stays the same while endpoints come and go, and only few
 * changes move keys between endpoints that stay. As many as give the heaviest endpoint `minimum` points, but no more than `maximum`, or
 * 2^20 if that is enough, allows for all. Where both bounds are so close that no power of two keeps them, the ring is as large as may be.
 */
function pointsPerWeight(endpoints: readonly HashedEndpoint[], { minimum, maximum }: RingSize): number {
	const total = endpoints.reduce((sum, { weight }) => sum + weight, 0)
	const heaviest = endpoints.reduce((most, { weight }) => Math.max(most, weight), 0)
	const limit = Math.max(minimum, Math.min(maximum, Math.max(LARGE, 2 * minimum)))
	const wanted = Math.ceil(Math.log2(minimum / heaviest))
	const allowed = Math.floor(Math.log2(limit / total))
	const each = 2 ** Math.min(wanted, allowed)
	return each * total < minimum ? limit / total : each
}

/** The first point at or after the position, around the end. */
function firstAtOrAfter(positions: Uint32Array, position: number): number {
	let low = 0
	let high = positions.length
	while (low < high) {
		const middle = (low + high) >>> 1
		if (positions[middle]! < position) low = middle + 1
		else high = middle
	}
	return low === positions.length ? 0 : low
}
