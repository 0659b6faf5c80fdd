/** What an isolate may hold of request bodies at any moment, to send them again or to mirrors: its memory is everybody's. */

export interface BodyBudget {
	/** Bytes that may still be held. */
	free: number
	readonly held: Set<HeldBytes>
}

export interface HeldBytes {
	readonly bytes: number
	/** ms since the epoch. */
	readonly since: number
}

/** An isolate has 128 MB for all that it does. Strangers decide how many bodies come at once, and how slowly. */
const MAX_HELD_BYTES = 32 * 1_048_576
/** A request that the platform cancelled gives nothing back. What is held for longer than this belongs to such a one. */
const FORGOTTEN_AFTER_MS = 120_000

export const createBodyBudget = (): BodyBudget => ({ free: MAX_HELD_BYTES, held: new Set() })

/** Sets bytes aside. Undefined when there is no room: the request goes on without what it wanted them for. */
export function takeBytes(budget: BodyBudget, bytes: number, now: number): HeldBytes | undefined {
	if (bytes > budget.free) reclaim(budget, now)
	if (bytes > budget.free) return undefined
	const holding = { bytes, since: now }
	budget.held.add(holding)
	budget.free -= bytes
	return holding
}

export function giveBack(budget: BodyBudget, holding: HeldBytes): void {
	if (budget.held.delete(holding)) budget.free += holding.bytes
}

function reclaim(budget: BodyBudget, now: number): void {
	for (const holding of budget.held) {
		// In the order in which they were taken.
		if (now - holding.since < FORGOTTEN_AFTER_MS) return
		giveBack(budget, holding)
	}
}
