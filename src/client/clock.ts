/** The time of the mesh as a workload knows it: its machine's clock, corrected by what the control plane says (RFC 9110 §6.6.1). */
import { isMeshError } from './meshError.ts'
import { type Runtime, within } from './runtime.ts'
import { type Shared, shared } from './shared.ts'

export interface Clock {
	/** For what the mesh is told, and for the times that it says: ms since the epoch, at most a day from this machine's clock. */
	readonly now: () => number
	/** For what others show: as `now`, but at most 15 minutes from this machine's clock. Nothing passes for longer after its end. */
	readonly judgingNow: () => number
	/** By how much the mesh is ahead of this machine. Changes by two seconds or more, or not at all. */
	readonly aheadMs: () => number
	/** What the control plane answered to a request that was sent at `sentAt`, by this machine's clock. */
	readonly hear: (response: Response, sentAt: number) => void
	/** Asks the control plane, unless that was done in the last 30 s. Never rejects. */
	readonly ask: () => Promise<void>
}

export interface Timed extends Runtime {
	readonly clock: Clock
}

/** Clocks that are so near agree, as far as tokens go: those say whole seconds. */
const AGREED_MS = 2_000
/** What seems farther off than any clock is no time of the mesh. */
const MAX_AHEAD_MS = 86_400_000
/** A lie about the time lets expired assertions pass: for no longer than this, which is three of their lives. */
const MAX_JUDGING_AHEAD_MS = 900_000
/** `Date` says whole seconds, rounded down. */
const HALF_SECOND_MS = 500
const ASK_AGAIN_MS = 30_000
const PATIENCE_MS = 2_000

/**
 * `url`: the token endpoint. Only it is believed: whoever could forge its answers could forge the keys of the mesh. What services answer
 * and what requests carry says nothing of the time.
 */
export function timed(runtime: Runtime, url: string): Timed {
	const { now } = runtime
	let aheadMs = 0
	let askedAt = Number.NEGATIVE_INFINITY
	const hear = (response: Response, sentAt: number) => {
		const measured = measure(response, sentAt, now())
		if (measured === undefined || Math.abs(measured.aheadMs) > MAX_AHEAD_MS) return
		if (Math.abs(measured.aheadMs - aheadMs) >= AGREED_MS + measured.errorMs) aheadMs = measured.aheadMs
	}
	const asking: Shared = shared(runtime, PATIENCE_MS, async () => {
		askedAt = now()
		try {
			// To a method that the endpoint does not have: refused at once, and by no cache.
			const ask = (signal: AbortSignal) => runtime.send(url, { method: 'HEAD', redirect: 'manual', signal })
			hear(await within(runtime, PATIENCE_MS, ask), askedAt)
		} catch {
			// Without an answer the time is what it was.
		}
	})
	const clock: Clock = {
		now: () => now() + aheadMs,
		judgingNow: () => now() + Math.min(Math.max(aheadMs, -MAX_JUDGING_AHEAD_MS), MAX_JUDGING_AHEAD_MS),
		aheadMs: () => aheadMs,
		hear,
		// The clock itself may have been set since, either way.
		ask: async () => await (Math.abs(now() - askedAt) >= ASK_AGAIN_MS ? asking.run() : asking.running()),
	}
	return { ...runtime, clock }
}

/** Half of the round trip may lie on either side of the moment at which the answer was made. */
function measure({ headers }: Response, sentAt: number, receivedAt: number) {
	const date = Date.parse(headers.get('date') ?? '')
	// What has an age comes from a cache, with the date of then.
	if (Number.isNaN(date) || headers.has('age') || receivedAt < sentAt) return undefined
	return {
		aheadMs: date + HALF_SECOND_MS - (sentAt + receivedAt) / 2,
		errorMs: (receivedAt - sentAt) / 2 + HALF_SECOND_MS,
	}
}

/** Does it anew when it was refused, and the clock by which it was made has turned out to be wrong. */
export async function retimed<T>({ aheadMs }: Clock, work: () => Promise<T>): Promise<T> {
	const before = aheadMs()
	try {
		return await work()
	} catch (error) {
		if (aheadMs() === before || !isMeshError(error) || error.code !== 'refused') throw error
		return work()
	}
}
