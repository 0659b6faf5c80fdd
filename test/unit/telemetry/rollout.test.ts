/** A revision is called live only where nothing says otherwise. */
import { describe, expect, it } from 'vitest'
import { type RegionState, rolloutOf } from '../../../src/telemetry/rollout.ts'

const REVISION = 5
const region = (replicaRevision: number | undefined, revisions: number[], reachable = true): RegionState => ({
	region: 'weur',
	reachable,
	...(replicaRevision === undefined ? {} : { replicaRevision }),
	isolates: revisions.map((revision, i) => ({ isolate: `i${i}`, revision, snapshotAgeMs: 10 * revision })),
})

describe('a revision is', () => {
	it.each<[string, boolean, RegionState[]]>([
		['live where no region ever asked', true, []],
		['live where replica and isolates have it', true, [region(5, [5, 5])]],
		['live where they have a later one', true, [region(6, [5, 6, 7])]],
		['live in a region without isolates, whose replica has it', true, [region(5, [])]],
		['not live while the replica does not have it', false, [region(4, [])]],
		['not live while the replica does not have it, whatever isolates say', false, [region(4, [5])]],
		['not live while one isolate runs an older one', false, [region(5, [5, 4, 5])]],
		['not live while a region cannot be reached', false, [region(undefined, [], false)]],
		['not live while a region cannot be reached, whatever its replica showed', false, [region(5, [5], false)]],
		['not live in a region whose replica answered nothing of this history', false, [region(undefined, [5])]],
		['not live everywhere while one region lags', false, [region(5, [5]), region(5, [4]), region(5, [])]],
	])('%s', (_, live, states) => {
		expect(rolloutOf(REVISION, states).live).toBe(live)
	})

	it('told of with the oldest of each region, and the oldest of all', () => {
		const { regions, oldestSnapshotAgeMs } = rolloutOf(REVISION, [region(5, [7, 3]), region(5, [9]), region(5, [])])
		expect(regions.map((each) => [each.running, each.behind, each.oldestRevision, each.oldestSnapshotAgeMs])).toEqual([
			[1, 1, 3, 70],
			[1, 0, 9, 90],
			[0, 0, null, 0],
		])
		expect(oldestSnapshotAgeMs).toBe(90)
	})
})
