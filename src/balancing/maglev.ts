/**
 * Maglev: a table in which endpoints take turns to fill their favourite slots, and a key goes to one slot. Spreads keys more evenly than a
 * ring, and looks them up at once; when an endpoint leaves, few keys but its own move.
 *
 * D. Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer" (NSDI 2016), §3.4. Weights as in Envoy.
 */
import { atOrAfter, type ChooseByHash, type HashedEndpoint, orderOf, type Places, placesFor } from './consistentHash.ts'
import { hashKey } from './hashKey.ts'

/**
 * `tableSize` is prime; the paper wants at least 100 slots an endpoint. Building takes about n + m ln m steps for n endpoints and m slots: 15 ms
 * for 65,537, about a second for 5,000,011. A slot is two bytes, with more than 65,535 endpoints four.
 */
export function maglev(endpoints: readonly HashedEndpoint[], tableSize: number): ChooseByHash {
	if (!endpoints.some(({ weight }) => weight > 0)) return () => undefined
	const table = tableOf(endpoints, tableSize)
	// The table may outlive the list: it holds on to the number only.
	const { length } = endpoints
	return (hash, avoid) => {
		// Each key has a stride of its own: neighbours in the table are no strangers, since everybody fills it at a fixed pace.
		const stride = 1 + (Math.floor(hash / tableSize) % (tableSize - 1))
		return atOrAfter(table, hash % tableSize, stride, length, avoid)
	}
}

/** The slots that an endpoint prefers are `slot`, `slot + skip`, `slot + 2 skip`… modulo the size. */
interface Turns {
	readonly index: number
	/** Where it looks next. */
	slot: number
	readonly skip: number
	/** 1 for the heaviest endpoint, which has a turn in every round. */
	readonly turnsPerRound: number
	taken: number
}

function tableOf(endpoints: readonly HashedEndpoint[], size: number): Places {
	const heaviest = endpoints.reduce((most, { weight }) => Math.max(most, weight), 0)
	const total = endpoints.reduce((sum, { weight }) => sum + weight, 0)
	const all = orderOf(endpoints).map((index): Turns => {
		const { id, weight } = endpoints[index]!
		const slot = hashKey(id, 0) % size
		// A skip that shares no factor with the size, which is prime, comes by every slot.
		const skip = (hashKey(id, 1) % (size - 1)) + 1
		return { index, slot, skip, turnsPerRound: weight / heaviest, taken: 0 }
	})
	const rounds = rounding(all, Math.ceil((size * heaviest) / total) + 2)
	const table = placesFor(size, endpoints.length)
	const isTaken = new Uint8Array(size)
	for (let filled = 0; filled < size; filled++) {
		const turns = all[rounds.next()]!
		table[take(turns, isTaken, size)] = turns.index
	}
	return table
}

/**
 * Whose turn it is. Everybody has one in the first round, so that no endpoint is without a slot; the one after k turns is in round
 * k / `turnsPerRound`. Rounds without a turn for somebody cost nothing: each holds a list of those who have one.
 */
function rounding(all: readonly Turns[], rounds: number): { readonly next: () => number } {
	const first = new Int32Array(rounds).fill(-1)
	const following = Int32Array.from(all, (_, i) => i - 1)
	let round = 0
	let current = all.length - 1
	return {
		next: () => {
			while (current < 0) current = first[++round]!
			const turn = current
			const turns = all[turn]!
			current = following[turn]!
			turns.taken++
			const again = Math.max(round + 1, Math.ceil(turns.taken / turns.turnsPerRound))
			if (again < rounds) {
				following[turn] = first[again]!
				first[again] = turn
			}
			return turn
		},
	}
}

/** The first slot of those that it prefers that is still free. */
function take(turns: Turns, isTaken: Uint8Array, size: number): number {
	const { skip } = turns
	let { slot } = turns
	while (isTaken[slot] !== 0) slot = slot + skip < size ? slot + skip : slot + skip - size
	isTaken[slot] = 1
	turns.slot = slot
	return slot
}
