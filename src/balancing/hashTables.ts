/** The tables of ring hash and Maglev that a service's balancers built last: one that would come out the same is not built again. */
import type { Balancer } from '../snapshot/trafficPolicy.ts'
import type { ChooseByHash, HashedEndpoint } from './consistentHash.ts'
import { maglev } from './maglev.ts'
import { ringHash } from './ringHash.ts'

export type HashBalancer = Extract<Balancer, { readonly type: 'Maglev' | 'RingHash' }>

/** A table, and what it was built from. */
export interface HashTable {
	readonly ids: readonly string[]
	readonly weights: readonly number[]
	readonly choose: ChooseByHash
}

/** One for each level and kind, the latest last: a table takes the place of the one before it, so that old ones do not pile up. */
export type HashTables = Map<string, HashTable>

/** A service has few balancers and levels: beyond this many tables, the one that was asked for longest ago is forgotten. */
export const MOST_TABLES = 8

/**
 * The table of that level and of the balancer's sizes, whatever its key: the one that is there if it was built from the same ids and weights
 * in the same order, else a new one.
 */
export function hashTable(
	tables: HashTables,
	endpoints: readonly HashedEndpoint[],
	balancer: HashBalancer,
	level: number,
): ChooseByHash {
	const place = JSON.stringify({ ...balancer, key: level })
	let table = tables.get(place)
	if (table === undefined || !isBuiltFrom(table, endpoints)) table = build(endpoints, balancer)
	tables.delete(place)
	tables.set(place, table)
	if (tables.size > MOST_TABLES) tables.delete(tables.keys().next().value!)
	return table.choose
}

const isBuiltFrom = ({ ids, weights }: HashTable, endpoints: readonly HashedEndpoint[]): boolean =>
	ids.length === endpoints.length && endpoints.every(({ id, weight }, i) => id === ids[i] && weight === weights[i])

const build = (endpoints: readonly HashedEndpoint[], balancer: HashBalancer): HashTable => ({
	ids: endpoints.map(({ id }) => id),
	weights: endpoints.map(({ weight }) => weight),
	choose:
		balancer.type === 'Maglev'
			? maglev(endpoints, balancer.tableSize)
			: ringHash(endpoints, { minimum: balancer.minimumRingSize, maximum: balancer.maximumRingSize }),
})
