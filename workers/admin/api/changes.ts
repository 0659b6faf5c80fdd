/** What changes resources, or says what would change: apply, delete, rollback and diff; how outcomes and refusals read. */
import type { z } from 'zod'
import type { ChangeOutcome, ChangeRefusal, ChangeRequest, ChangeResult, Principal } from '../../../src/ports.ts'
import { type DocumentError, parseDocuments, parseRefs } from '../../../src/resources/documents.ts'
import type { ConditionedStatus } from '../../../src/resources/status.ts'
import { err, ok, type Result } from '../../../src/result.ts'
import { formatOf, readText } from '../body.ts'
import { etagOf } from '../etag.ts'
import type { applyQuery, diffQuery, revisionParams } from '../input.ts'
import { problem } from '../problem.ts'
import { json } from '../reply.ts'
import type { Call } from '../route.ts'
import { sealSecrets } from '../secrets.ts'
import { ownEffect } from './ownEffect.ts'

type DryRun = z.output<typeof applyQuery>

export async function apply(call: Call<unknown, DryRun>): Promise<Response> {
	const { query, principal, mesh } = call
	const wanted = await documentsToPut(call)
	if (!wanted.ok) return wanted.error
	return outcome(
		await mesh.policyStore().change({ actor: principal, ...wanted.value, dryRun: query.dryRun }),
		principal,
	)
}

export async function remove(call: Call<unknown, DryRun>): Promise<Response> {
	const { query, principal, mesh } = call
	const wanted = await documentsToRemove(call)
	if (!wanted.ok) return wanted.error
	return outcome(
		await mesh.policyStore().change({ actor: principal, ...wanted.value, dryRun: query.dryRun }),
		principal,
	)
}

/** A dry run for everybody: nothing is changed, and the revision is the one that the effect is compared with. */
export async function diff(call: Call<unknown, z.output<typeof diffQuery>>): Promise<Response> {
	const { query, principal, mesh } = call
	const wanted = query.delete ? await documentsToRemove(call) : await documentsToPut(call)
	if (!wanted.ok) return wanted.error
	const result = await mesh.policyStore().change({ actor: principal, ...wanted.value, dryRun: true })
	if (!result.ok) return refusal(result.error)
	const { currentRevision = 0, results, effect } = result.value
	const shown = effect && ownEffect(effect, principal)
	return json({ revision: currentRevision, results: results.map(shownResult), effect: shown })
}

type Wanted = Pick<ChangeRequest, 'put' | 'remove'>

async function documentsToPut(call: Call<unknown, unknown>): Promise<Result<Wanted, Response>> {
	const { request, mesh } = call
	const text = await readText(request)
	if (!text.ok) return text
	const format = formatOf(request.headers.get('content-type'), text.value)
	if (!format.ok) return format
	const put = parseDocuments(text.value, format.value, mesh.settings)
	if (!put.ok) return err(invalidDocuments(put.error))
	if (put.value.length === 0) return err(noDocuments())
	const sealed = await sealSecrets(call, put.value)
	return sealed.ok ? ok({ put: sealed.value }) : sealed
}

async function documentsToRemove({ request }: Call<unknown, unknown>): Promise<Result<Wanted, Response>> {
	const text = await readText(request)
	if (!text.ok) return text
	const format = formatOf(request.headers.get('content-type'), text.value)
	if (!format.ok) return format
	const refs = parseRefs(text.value, format.value)
	if (!refs.ok) return err(invalidDocuments(refs.error))
	return refs.value.length === 0 ? err(noDocuments()) : ok({ remove: refs.value })
}

export async function rollback(call: Call<z.output<typeof revisionParams>, unknown>): Promise<Response> {
	const { mesh, params, principal } = call
	return outcome(await mesh.policyStore().rollback(params.revision, principal), principal)
}

type Who = Pick<Principal, 'namespaces'>

export function outcome(result: Result<ChangeOutcome, ChangeRefusal>, who: Who): Response {
	return result.ok ? json(shownOutcome(result.value, who)) : refusal(result.error)
}

function shownOutcome({ revision, results, effect }: ChangeOutcome, who: Who): unknown {
	return { revision, results: results.map(shownResult), ...(effect && { effect: ownEffect(effect, who) }) }
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
	...(status.ancestors ?? []).flatMap((ancestor) => ancestor.conditions),
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
		case 'not_permitted':
			return problem('forbidden', refused.detail)
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
