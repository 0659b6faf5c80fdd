/** Keeps what expires good, an identity or a certificate: renews it in time, tries again when that fails, and says so. */
import { backoffMs } from './backoff.ts'
import type { Timed } from './clock.ts'
import { asMeshError, type MeshError, meshError } from './meshError.ts'
import { type Shared, shared } from './shared.ts'

/** Times of the mesh, in ms since the epoch. */
export interface Expiring {
	readonly expiresAt: number
	/** From when on another one should be asked for. */
	readonly renewAt: number
}

export interface Keeper<Held extends Expiring> {
	/** One that holds. Rejects with a MeshError when there is none to be had. */
	readonly current: () => Promise<Held>
	/** The mesh did not believe it: it may have been revoked. */
	readonly doubt: () => void
	/** Stops every timer. */
	readonly close: () => void
}

export interface Keeping<Held extends Expiring> {
	readonly runtime: Timed
	/** For messages, e.g. `the identity`. */
	readonly what: string
	/** Another one in place of the one held, which may have expired. */
	readonly obtain: (held: Held) => Promise<Held>
	readonly onError: (error: MeshError) => void
}

/** An attempt that has not ended by now never will: its runtime may have ended the request that it belonged to. */
const LOST_AFTER_MS = 30_000
/** What is younger than this is not doubted. */
const DOUBT_AFTER_MS = 30_000

interface Kept<Held extends Expiring> {
	held: Held
	/** When it was obtained, and when the next attempt may begin: as the mesh counts. */
	obtainedAt: number
	nextAt: number
	failures: number
	lastError?: MeshError
	readonly attempt: Shared
	cancel: () => void
	isClosed: boolean
}

export function createKeeper<Held extends Expiring>(keeping: Keeping<Held>, first: Held): Keeper<Held> {
	const { runtime } = keeping
	const { now } = runtime.clock
	const kept: Kept<Held> = {
		held: first,
		obtainedAt: now(),
		nextAt: first.renewAt,
		failures: 0,
		attempt: shared(runtime, LOST_AFTER_MS, () => renew(keeping, kept)),
		cancel: () => {},
		isClosed: false,
	}
	schedule(keeping, kept)
	return {
		current: () => current(keeping, kept),
		doubt() {
			if (now() < kept.obtainedAt + DOUBT_AFTER_MS || kept.failures > 0) return
			kept.nextAt = now()
			void kept.attempt.run()
		},
		close() {
			kept.isClosed = true
			kept.cancel()
		},
	}
}

/** Asked for on use as well as by the clock: timers stand still while a machine sleeps, and runtimes without requests have none. */
async function current<Held extends Expiring>({ runtime, what }: Keeping<Held>, kept: Kept<Held>): Promise<Held> {
	const { now } = runtime.clock
	if (kept.isClosed) throw meshError('closed', `${what} is not kept any more: close was called`)
	if (now() >= kept.nextAt) {
		const ended = kept.attempt.run()
		if (now() >= kept.held.expiresAt) await ended
	} else if (now() >= kept.held.expiresAt) await kept.attempt.running()
	if (now() < kept.held.expiresAt) return kept.held
	throw kept.lastError ?? meshError('expired', `${what} has expired and could not be renewed in time`)
}

/** Never rejects. */
async function renew<Held extends Expiring>(keeping: Keeping<Held>, kept: Kept<Held>): Promise<void> {
	const { runtime, what, obtain, onError } = keeping
	const { now } = runtime.clock
	try {
		kept.held = await obtain(kept.held)
		kept.obtainedAt = now()
		kept.nextAt = kept.held.renewAt
		kept.failures = 0
		delete kept.lastError
	} catch (thrown) {
		const error = asMeshError(thrown, `renewing ${what}`)
		kept.failures += 1
		kept.lastError = error
		kept.nextAt =
			error.code === 'expired' ? Number.POSITIVE_INFINITY : now() + backoffMs(kept.failures, error, runtime.random())
		if (!kept.isClosed) onError(error)
	} finally {
		schedule(keeping, kept)
	}
}

/** The longest that timers count: beyond, they fire at once. */
const LONGEST_TIMER_MS = 2_147_483_647

function schedule<Held extends Expiring>({ runtime }: Keeping<Held>, kept: Kept<Held>): void {
	kept.cancel()
	if (kept.isClosed || kept.nextAt === Number.POSITIVE_INFINITY) return
	const delayMs = Math.min(Math.max(kept.nextAt - runtime.clock.now(), 0), LONGEST_TIMER_MS)
	kept.cancel = runtime.later(() => void kept.attempt.run(), delayMs)
}
