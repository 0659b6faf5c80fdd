/** Ejections that the isolates of a region tell each other, so that what one has found out spares the others. */
import type { OutlierRules } from '../snapshot/trafficPolicy.ts'
import { begin, JITTER_SHARE, longestEjectionMs, type OutlierState } from './outliers.ts'

export interface SharedEjection {
	readonly id: string
	/** In ms since the epoch. */
	readonly until: number
}

/** Of one service in one report. The rest waits for the next. */
const MAX_SHARED = 100

/** What this isolate has found out itself since it was last asked. What it learnt from others it does not pass on. */
export function ejectionsToShare(
	states: Iterable<readonly [id: string, state: OutlierState]>,
	now: number,
): SharedEjection[] {
	const shared: SharedEjection[] = []
	for (const [id, state] of states) {
		if (!state.unshared) continue
		if (shared.length === MAX_SHARED) break
		state.unshared = false
		if (now < state.ejectedUntil) shared.push({ id, until: state.ejectedUntil })
	}
	return shared
}

/**
 * Ejects an endpoint as another isolate did, and says whether that is news. Before, the receiver asks its own `mayEject`: no isolate
 * ejects more of a service for everyone than it could for itself, nor for longer. The ejection counts like one's own, so that the
 * next one is longer, whoever finds it. Each isolate adds a jitter of its own: if the endpoint is no better, the
 * first to try it can tell the others. `random` is in [0, 1).
 */
export function adoptEjection(
	rules: OutlierRules,
	state: OutlierState,
	until: number,
	now: number,
	random: number,
): boolean {
	if (now < state.ejectedUntil || !(until > now)) return false
	const ms = Math.min(until - now, longestEjectionMs(rules))
	state.unshared = false
	begin(rules, state, now, ms * (1 + JITTER_SHARE * random))
	return true
}

/**
 * How many are ejected or still on trial, which is what `mayEject` asks: else those whose trial hangs would be missing on top of those
 * that may be ejected. And when the next one returns; what is chosen from changes then, and with each ejection and recovery.
 */
export function ejectionsNow(
	states: Iterable<OutlierState>,
	now: number,
): { readonly ejected: number; readonly nextReturnAt: number } {
	let ejected = 0
	let nextReturnAt = Number.POSITIVE_INFINITY
	for (const { onTrial, ejectedUntil } of states) {
		if (!onTrial) continue
		ejected++
		if (now < ejectedUntil) nextReturnAt = Math.min(nextReturnAt, ejectedUntil)
	}
	return { ejected, nextReturnAt }
}
