/** Whether a revision is live everywhere, asked of every region, and waited for. */
import type { z } from 'zod'
import { type RegionState, type Rollout, rolloutOf } from '../../../src/telemetry/rollout.ts'
import type { revisionParams, rolloutQuery } from '../input.ts'
import type { Mesh } from '../mesh.ts'
import { problem } from '../problem.ts'
import { json } from '../reply.ts'
import type { Call } from '../route.ts'
import { isUnavailable } from '../unavailable.ts'
import { noRevision } from './revisions.ts'

/** How often regions are asked again while somebody waits: isolates report every few seconds. */
const LOOK_AGAIN_MS = 1_000
/** Rollouts waited for at once in one isolate: each asks two objects of every region at every look. */
const MAX_WAITING = 32
let waiting = 0

/** With `wait` answers as soon as the revision is live, or how far it is when the time is up. */
export async function getRollout(
	call: Call<z.output<typeof revisionParams>, z.output<typeof rolloutQuery>>,
): Promise<Response> {
	const { params, query, principal, mesh } = call
	const { revision } = params
	if ((await mesh.policyStore().revision(revision, principal.namespaces)) === null) return noRevision(call)
	const deadlineMs = mesh.now() + query.wait
	let rollout = await readRollout(mesh, revision)
	if (!rollout.live && query.wait > 0) {
		if (waiting >= MAX_WAITING) return tooManyWaiting()
		waiting++
		try {
			while (!rollout.live && mesh.now() < deadlineMs) {
				await mesh.sleep(Math.min(LOOK_AGAIN_MS, deadlineMs - mesh.now()))
				rollout = await readRollout(mesh, revision)
			}
		} finally {
			waiting--
		}
	}
	return json(rollout)
}

const tooManyWaiting = (): Response =>
	problem('unavailable', `${MAX_WAITING} rollouts are already waited for here; ask without wait`, {
		headers: { 'retry-after': '5' },
	})

async function readRollout(mesh: Mesh, revision: number): Promise<Rollout> {
	const [{ epoch }, regions] = await Promise.all([mesh.policyStore().ready(), mesh.policyStore().regions()])
	return rolloutOf(revision, await Promise.all(regions.map((region) => regionState(mesh, region, epoch))))
}

/** The replica is asked what it shows: what the root knows of it may be older, or of another history. */
async function regionState(mesh: Mesh, region: string, epoch: string): Promise<RegionState> {
	try {
		const [{ cursor, revision }, isolates] = await Promise.all([
			mesh.replica(region).sync(region, { epoch, sequence: Number.MAX_SAFE_INTEGER }),
			mesh.telemetry(region).isolates(region),
		])
		return { region, reachable: true, isolates, ...(cursor.epoch === epoch ? { replicaRevision: revision } : {}) }
	} catch (error) {
		if (!isUnavailable(error)) throw error
		return { region, reachable: false, isolates: [] }
	}
}
