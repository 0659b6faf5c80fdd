/** History: what each revision changed, who made it, where it is live, and the audit log. */
import type { z } from 'zod'
import { type historyQuery, pageOf, type revisionParams } from '../input.ts'
import { problem } from '../problem.ts'
import { json } from '../reply.ts'
import type { Call } from '../route.ts'
import { regionViews } from './telemetry.ts'

type Paged = z.output<typeof historyQuery>

export async function listRevisions({ query, mesh }: Call<unknown, Paged>): Promise<Response> {
	return json(await mesh.policyStore().revisions(pageOf(query)))
}

/** The revision, and per region how many isolates run it or a later one. */
export async function getRevision({ params, mesh }: Call<z.output<typeof revisionParams>, unknown>): Promise<Response> {
	const summary = await mesh.policyStore().revision(params.revision)
	if (summary === null) return problem('not-found', `There is no revision ${params.revision}`)
	const regions = (await regionViews(mesh)).map(({ region, reachable, isolates }) => ({
		region,
		reachable,
		isolates: isolates.length,
		running: isolates.filter((isolate) => isolate.revision >= params.revision).length,
		oldestSnapshotAgeMs: isolates.reduce((oldest, isolate) => Math.max(oldest, isolate.snapshotAgeMs), 0),
	}))
	return json({ ...summary, regions })
}

export async function listAudit({ query, mesh }: Call<unknown, Paged>): Promise<Response> {
	return json(await mesh.policyStore().audit(pageOf(query)))
}
