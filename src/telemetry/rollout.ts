/** Whether a revision is live: every region's replica has it, and every isolate that reported lately runs it, or a later one. */
import type { IsolateState } from '../ports/telemetryStore.ts'

/** What a region answered; nothing, when its replica or its telemetry cannot be reached. */
export interface RegionState {
	readonly region: string
	readonly reachable: boolean
	/** The newest revision that the replica shows. Absent too while it shows another history than the root's. */
	readonly replicaRevision?: number
	readonly isolates: readonly IsolateState[]
}

export interface RegionRollout {
	readonly region: string
	readonly live: boolean
	readonly reachable: boolean
	readonly replicaRevision?: number
	/** Isolates heard from in the last minute: of these, `running` have the revision and `behind` do not. */
	readonly isolates: number
	readonly running: number
	readonly behind: number
	/** Null without isolates. */
	readonly oldestRevision: number | null
	/** How long ago the isolate that knows least had last heard from the control plane, when it reported. */
	readonly oldestSnapshotAgeMs: number
}

export interface Rollout {
	readonly revision: number
	readonly live: boolean
	readonly regions: readonly RegionRollout[]
	/** Over all regions. */
	readonly oldestSnapshotAgeMs: number
}

/**
 * A region without isolates runs the revision when its replica has it: whichever isolate comes next asks there. Silence is no
 * news: of a region that does not answer nothing is claimed.
 */
export function rolloutOf(revision: number, states: readonly RegionState[]): Rollout {
	const regions = states.map((state) => regionRollout(revision, state))
	return {
		revision,
		live: regions.every(({ live }) => live),
		regions,
		oldestSnapshotAgeMs: regions.reduce((oldest, region) => Math.max(oldest, region.oldestSnapshotAgeMs), 0),
	}
}

function regionRollout(revision: number, { region, reachable, replicaRevision, isolates }: RegionState): RegionRollout {
	const running = isolates.filter((isolate) => isolate.revision >= revision).length
	const behind = isolates.length - running
	return {
		region,
		live: reachable && replicaRevision !== undefined && replicaRevision >= revision && behind === 0,
		reachable,
		...(replicaRevision === undefined ? {} : { replicaRevision }),
		isolates: isolates.length,
		running,
		behind,
		oldestRevision: isolates.reduce<number | null>(
			(oldest, isolate) => (oldest === null ? isolate.revision : Math.min(oldest, isolate.revision)),
			null,
		),
		oldestSnapshotAgeMs: isolates.reduce((oldest, { snapshotAgeMs }) => Math.max(oldest, snapshotAgeMs), 0),
	}
}
