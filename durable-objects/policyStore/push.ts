/** How the PolicyStore gets its outbox to the replicas: batch after batch, one push to each of them at a time. */
import type { SnapshotReplicaPort } from '../../src/ports.ts'
import { within } from '../within.ts'
import { currentSequence } from './meta.ts'
import { acknowledge, batchAfter, reached, replicaSequence } from './outbox.ts'

export interface Replicas {
	getByName(region: string): SnapshotReplicaPort
}

/** A push that takes longer has failed: one that never ends must not stand in the way of the next. */
const PUSH_TIMEOUT_MS = 10_000

/** At most one push per replica runs; whoever comes meanwhile waits for it and goes on from there. Never rejects. */
export function createPush(sql: SqlStorage, replicas: () => Replicas): (region: string) => Promise<void> {
	const pushing = new Map<string, Promise<void>>()
	return async (region) => {
		while (pushing.has(region)) await pushing.get(region)
		const running = pushBatches(sql, replicas(), region).finally(() => pushing.delete(region))
		pushing.set(region, running)
		await running
	}
}

/** As long as the replica gets on. One that does not is left to the alarm. */
async function pushBatches(sql: SqlStorage, replicas: Replicas, region: string): Promise<void> {
	const replica = replicas.getByName(region)
	try {
		let restarted = false
		for (let from = replicaSequence(sql, region); from < currentSequence(sql); ) {
			const batch = batchAfter(sql, from)
			const to = reached(sql, await within(PUSH_TIMEOUT_MS, replica.push(region, batch)))
			acknowledge(sql, region, to)
			// A replica that lost its state is behind what it acknowledged: once, start from where it is.
			if (to <= from && restarted) throw new Error(`the replica stays at ${to} after a batch up to ${batch.to}`)
			restarted ||= to <= from
			from = to
		}
	} catch (error) {
		console.warn(JSON.stringify({ event: 'push_failed', region, error: String(error) }))
	}
}
