/** The region's replica as the data path sees it: every call bounded in time. */
import type { SnapshotReplicaPort } from '../../src/ports.ts'
import type { ControlPlane } from '../../src/proxy/ports.ts'

/** A replica is near; one that takes longer is as good as gone. */
const TIMEOUT_MS = 5_000

/** `replica` makes a new stub for each call: stubs belong to one request, and break with an infrastructure error. */
export function controlPlane(replica: () => SnapshotReplicaPort, region: string): ControlPlane {
	return {
		sync: (cursor) => inTime(replica().sync(region, cursor)),
		load: (request) => inTime(replica().load(region, request)),
		patience: (ms) => scheduler.wait(ms),
	}
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
	const cancelled = new AbortController()
	const late = scheduler.wait(TIMEOUT_MS, { signal: cancelled.signal }).then(() => {
		throw new Error(`the region's replica did not answer within ${TIMEOUT_MS} ms`)
	})
	// Cancelling the timer rejects it too, after the race is over.
	late.catch(() => {})
	try {
		return await Promise.race([answer, late])
	} finally {
		cancelled.abort()
	}
}
