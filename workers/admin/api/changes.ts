/** What changes resources: apply, delete and rollback, and how their outcomes and refusals read. */
import type { z } from 'zod'
import type { ChangeOutcome, ChangeRefusal, ChangeResult } from '../../../src/ports.ts'
import { type DocumentError, parseDocuments, parseRefs } from '../../../src/resources/documents.ts'
import type { ConditionedStatus } from '../../../src/resources/status.ts'
import type { Result } from '../../../src/result.ts'
import { formatOf, readText } from '../body.ts'
import { etagOf } from '../etag.ts'
import type { applyQuery, revisionParams } from '../input.ts'
import { problem } from '../problem.ts'
import { json } from '../reply.ts'
import type { Call } from '../route.ts'

type DryRun = z.output<typeof applyQuery>

export async function apply({ request, query, principal, mesh }: Call<unknown, DryRun>): Promise<Response> {
	const text = await readText(request)
	if (!text.ok) return text.error
	const format = formatOf(request.headers.get('content-type'), text.value)
	if (!format.ok) return format.error
	const put = parseDocuments(text.value, format.value, mesh.settings)
	if (!put.ok) return invalidDocuments(put.error)
	if (put.value.length === 0) return noDocuments()
	return outcome(await mesh.policyStore().change({ actor: principal, put: put.value, dryRun: query.dryRun }))
}

export async function remove({ request, query, principal, mesh }: Call<unknown, DryRun>): Promise<Response> {
	const text = await readText(request)
	if (!text.ok) return text.error
	const format = formatOf(request.headers.get('content-type'), text.value)
	if (!format.ok) return format.error
	const refs = parseRefs(text.value, format.value)
	if (!refs.ok) return invalidDocuments(refs.error)
	if (refs.value.length === 0) return noDocuments()
	return outcome(await mesh.policyStore().change({ actor: principal, remove: refs.value, dryRun: query.dryRun }))
}

export async function rollback(call: Call<z.output<typeof revisionParams>, unknown>): Promise<Response> {
	return outcome(await call.mesh.policyStore().rollback(call.params.revision, call.principal))
}

export function outcome(result: Result<ChangeOutcome, ChangeRefusal>): Response {
	return result.ok ? json(shownOutcome(result.value)) : refusal(result.error)
}

function shownOutcome({ revision, results }: ChangeOutcome): unknown {
	return { revision, results: results.map(shownResult) }
}

/** Cluster-wide kinds have no namespace to show. */
function shownResult({ apiVersion, kind, namespace, name, action, status }: ChangeResult): unknown {
	const names = namespace === '-' ? { apiVersion, kind, name } : { apiVersion, kind, namespace, name }
	return status === undefined ? { ...names, action } : { ...names, action, conditions: allConditions(status), status }
}

/** Every condition of a document in one list, whatever the kind keeps them under. */
const allConditions = (status: ConditionedStatus): unknown[] => [
	...(status.conditions ?? []),
	...(status.parents ?? []).flatMap((parent) => parent.conditions),
]

/** The one place where a refused change becomes a reply. */
export function refusal(refused: ChangeRefusal): Response {
	switch (refused.reason) {
		case 'precondition_failed': {
			const { currentRevision } = refused
			if (currentRevision === 0) return problem('precondition-failed', 'The resource does not exist')
			return problem(
				'precondition-failed',
				`The resource was last changed by revision ${currentRevision}; read it again`,
				{
					headers: { etag: etagOf(currentRevision) },
					members: { currentRevision },
				},
			)
		}
		case 'unknown_revision':
			return problem('not-found', `There is no revision ${refused.revision} to go back to`)
		case 'too_large':
			return problem('too-large', refused.detail)
	}
}

export function invalidDocuments(errors: readonly DocumentError[]): Response {
	const first = errors[0]
	const where = first === undefined ? '' : `document ${first.document}, ${first.path}: ${first.message}`
	const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''
	return problem('invalid-documents', `Nothing was changed: ${where}${more}`, { errors })
}

const noDocuments = (): Response =>
	problem('invalid-documents', 'Nothing was changed: the body holds no document', {
		errors: [{ path: 'body', message: 'must hold at least one document' }],
	})
