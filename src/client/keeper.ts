/** Keeps a workload's credential good: renews it in time, tries again when that fails, and says so. */
import { backoffMs } from './backoff.ts'
import type { Credential } from './credential.ts'
import { asMeshError, type MeshError, meshError } from './meshError.ts'
import type { Runtime } from './runtime.ts'
import { type Shared, shared } from './shared.ts'

export interface Keeper {
	/** A credential that holds. Rejects with a MeshError when there is none to be had. */
	readonly current: () => Promise<Credential>
	/** The mesh did not believe the credential: it may have been revoked. */
	readonly doubt: () => void
	/** Stops every timer. */
	readonly close: () => void
}

export interface Keeping {
	readonly runtime: Runtime
	/** Another one in place of the one held, which may have expired. */
	readonly obtain: (held: Credential) => Promise<Credential>
	readonly onError: (error: MeshError) => void
}

/** An attempt that has not ended by now never will: its runtime may have ended the request that it belonged to. */
const LOST_AFTER_MS = 30_000
/** A credential younger than this is not doubted. */
const DOUBT_AFTER_MS = 30_000

interface Kept {
	credential: Credential
	/** When it was obtained, and when the next attempt may begin: ms since the epoch. */
	obtainedAt: number
	nextAt: number
	failures: number
	lastError?: MeshError
	readonly attempt: Shared
	cancel: () => void
	isClosed: boolean
}

export function createKeeper(keeping: Keeping, credential: Credential): Keeper {
	const { runtime } = keeping
	const kept: Kept = {
		credential,
		obtainedAt: runtime.now(),
		nextAt: credential.renewAt,
		failures: 0,
		attempt: shared(runtime, LOST_AFTER_MS, () => renew(keeping, kept)),
		cancel: () => {},
		isClosed: false,
	}
	schedule(keeping, kept)
	return {
		current: () => current(keeping, kept),
		doubt() {
			if (runtime.now() < kept.obtainedAt + DOUBT_AFTER_MS || kept.failures > 0) return
			kept.nextAt = runtime.now()
			void kept.attempt.run()
		},
		close() {
			kept.isClosed = true
			kept.cancel()
		},
	}
}

/** Asked for on use as well as by the clock: timers stand still while a machine sleeps, and runtimes without requests have none. */
async function current(keeping: Keeping, kept: Kept): Promise<Credential> {
	const { now } = keeping.runtime
	if (kept.isClosed) throw meshError('closed', 'this workload has left the mesh: close was called')
	if (now() >= kept.nextAt) {
		const ended = kept.attempt.run()
		if (now() >= kept.credential.expiresAt) await ended
	} else if (now() >= kept.credential.expiresAt) await kept.attempt.running()
	if (now() < kept.credential.expiresAt) return kept.credential
	throw kept.lastError ?? meshError('expired', 'the identity has expired and could not be renewed in time')
}

/** Never rejects. */
async function renew(keeping: Keeping, kept: Kept): Promise<void> {
	const { runtime, obtain, onError } = keeping
	try {
		kept.credential = await obtain(kept.credential)
		kept.obtainedAt = runtime.now()
		kept.nextAt = kept.credential.renewAt
		kept.failures = 0
		delete kept.lastError
	} catch (thrown) {
		const error = asMeshError(thrown, 'renewing the identity')
		kept.failures += 1
		kept.lastError = error
		kept.nextAt =
			error.code === 'expired'
				? Number.POSITIVE_INFINITY
				: runtime.now() + backoffMs(kept.failures, error, runtime.random())
		if (!kept.isClosed) onError(error)
	} finally {
		schedule(keeping, kept)
	}
}

/** The longest that timers count: beyond, they fire at once. */
const LONGEST_TIMER_MS = 2_147_483_647

function schedule(keeping: Keeping, kept: Kept): void {
	kept.cancel()
	if (kept.isClosed || kept.nextAt === Number.POSITIVE_INFINITY) return
	const delayMs = Math.min(Math.max(kept.nextAt - keeping.runtime.now(), 0), LONGEST_TIMER_MS)
	kept.cancel = keeping.runtime.later(() => void kept.attempt.run(), delayMs)
}
