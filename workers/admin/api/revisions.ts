/** History: what each revision changed, who made it, where it is live, and the audit log. */
import type { z } from 'zod'
import type { historyQuery, revisionParams } from '../input.ts'
import { problem } from '../problem.ts'
import { json } from '../reply.ts'
import type { Call } from '../route.ts'
import { notTheirs, ownPage } from '../scope.ts'
import { regionViews } from './telemetry.ts'

type Paged = z.output<typeof historyQuery>

export async function listRevisions({ query, principal, mesh }: Call<unknown, Paged>): Promise<Response> {
	return json(await mesh.policyStore().revisions(ownPage(principal, query)))
}

/** The revision, and per region how many isolates run it or a later one. */
export async function getRevision(call: Call<z.output<typeof revisionParams>, unknown>): Promise<Response> {
	const { params, principal, mesh } = call
	const summary = await mesh.policyStore().revision(params.revision, principal.namespaces)
	if (summary === null) return noRevision(call)
	const regions = (await regionViews(mesh)).map(({ region, reachable, isolates }) => ({
		region,
		reachable,
		isolates: isolates.length,
		running: isolates.filter((isolate) => isolate.revision >= params.revision).length,
		oldestSnapshotAgeMs: isolates.reduce((oldest, isolate) => Math.max(oldest, isolate.snapshotAgeMs), 0),
	}))
	return json({ ...summary, regions })
}

/** Whoever is limited is not told whether a revision that changed nothing of theirs is there. */
export const noRevision = ({ params, principal }: Call<z.output<typeof revisionParams>, unknown>): Response =>
	principal.namespaces === undefined
		? problem('not-found', `There is no revision ${params.revision}`)
		: notTheirs(principal)

export async function listAudit({ query, principal, mesh }: Call<unknown, Paged>): Promise<Response> {
	return json(await mesh.policyStore().audit(ownPage(principal, query)))
}
