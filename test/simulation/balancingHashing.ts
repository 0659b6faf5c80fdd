/** What consistent hashing promises, counted: how evenly keys spread, and how many move when endpoints leave. */
import type { ChooseByHash, HashedEndpoint } from '../../src/balancing/consistentHash.ts'
import { hashKey } from '../../src/balancing/hashKey.ts'
import { maglev } from '../../src/balancing/maglev.ts'
import { ringHash } from '../../src/balancing/ringHash.ts'

export const HASHES = {
	'ring hash': (endpoints) => ringHash(endpoints, { minimum: 1_024, maximum: 8_388_608 }),
	Maglev: (endpoints) => maglev(endpoints, 65_537),
} satisfies Readonly<Record<string, (endpoints: readonly HashedEndpoint[]) => ChooseByHash>>

export type Hash = keyof typeof HASHES

const hashes = Array.from({ length: 100_000 }, (_, i) => hashKey(`user-${i}`))

export const endpointsOf = (count: number, weightOf: (i: number) => number = () => 1): HashedEndpoint[] =>
	Array.from({ length: count }, (_, i) => ({ id: `endpoint-${i}`, weight: weightOf(i) }))

export const ownersOf = (choose: ChooseByHash): number[] => hashes.map((hash) => choose(hash)!)

export interface Removal {
	/** Share of the keys that were the endpoint's. */
	readonly owned: number
	/** Share of the keys that moved although they were not. */
	readonly moved: number
}

/** What happens when the endpoint at `gone` leaves for good. */
export function removal(kind: Hash, count: number, gone: number): Removal {
	const endpoints = endpointsOf(count)
	const before = ownersOf(HASHES[kind](endpoints)).map((owner) => endpoints[owner]!.id)
	const left = endpoints.filter((_, i) => i !== gone)
	const after = ownersOf(HASHES[kind](left)).map((owner) => left[owner]!.id)
	const id = endpoints[gone]!.id
	const owned = before.filter((owner) => owner === id).length
	const moved = before.filter((owner, i) => owner !== id && owner !== after[i]).length
	return { owned: owned / before.length, moved: moved / before.length }
}

/** Keys of each endpoint, as a multiple of what its weight is due. */
export function evenness(kind: Hash, endpoints: readonly HashedEndpoint[]): number[] {
	const counts = endpoints.map(() => 0)
	for (const owner of ownersOf(HASHES[kind](endpoints))) counts[owner]!++
	const total = endpoints.reduce((sum, { weight }) => sum + weight, 0)
	return counts.map((count, i) => (count * total) / (hashes.length * endpoints[i]!.weight))
}
