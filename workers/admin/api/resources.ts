/** Single resources and lists of them, as the documents that were applied plus what the mesh knows about them. */
import type { z } from 'zod'
import { ownsNamespace } from '../../../src/namespaces.ts'
import type { StoredResource } from '../../../src/ports.ts'
import { parseDocuments } from '../../../src/resources/documents.ts'
import { type Kind, kindByName, kinds } from '../../../src/resources/kinds.ts'
import type { Resource } from '../../../src/resources/resource.ts'
import { err, ok, type Result } from '../../../src/result.ts'
import { formatOf, readText } from '../body.ts'
import { etagOf, expectationOf } from '../etag.ts'
import type { kindParams, resourceParams, resourcesQuery } from '../input.ts'
import { invalidRequest, problem } from '../problem.ts'
import { json } from '../reply.ts'
import type { Call } from '../route.ts'
import { notTheirs, ownPage } from '../scope.ts'
import { sealSecrets } from '../secrets.ts'
import { invalidDocuments, outcome, refusal } from './changes.ts'

type Params = z.output<typeof resourceParams>

/** The document with what the store knows: a document read can be applied again as it is. */
function shown({ resource, generation, createdAt, revision, status }: StoredResource): unknown {
	const { namespace, ...metadata } = resource.metadata
	const known = { generation, creationTimestamp: createdAt, resourceVersion: String(revision) }
	const named = namespace === '-' ? { ...metadata, ...known } : { ...metadata, namespace, ...known }
	return status === undefined ? { ...resource, metadata: named } : { ...resource, metadata: named, status }
}

const notFound = ({ kind, namespace, name }: Params): Response =>
	problem('not-found', `There is no ${namespace === '-' ? `${kind}/${name}` : `${kind}/${namespace}/${name}`}`)

const knownKind = (kind: string): Result<Kind, Response> => {
	const found = kindByName(kind)
	const accepted = kinds.map((known) => known.kind).join(', ')
	return found === undefined ? err(problem('not-found', `kind: must be one of ${accepted}`)) : ok(found)
}

function checkParams({ kind, namespace }: Params): Response | undefined {
	const known = knownKind(kind)
	if (!known.ok) return known.error
	if (known.value.clusterWide === (namespace === '-')) return undefined
	const message = known.value.clusterWide ? `must be -, because ${kind} is cluster-wide` : 'must be a namespace, not -'
	return invalidRequest([{ path: 'path.namespace', message }])
}

/** Never 304: status changes under an ETag, which names the revision of the document for `If-Match`. */
export async function getResource({ params, mesh }: Call<Params, unknown>): Promise<Response> {
	const refused = checkParams(params)
	if (refused !== undefined) return refused
	const stored = await mesh.policyStore().get(params.kind, params.namespace, params.name)
	return stored === null ? notFound(params) : json(shown(stored), 200, { etag: etagOf(stored.revision) })
}

export async function listResources(
	call: Call<z.output<typeof kindParams>, z.output<typeof resourcesQuery>>,
): Promise<Response> {
	const known = knownKind(call.params.kind)
	if (!known.ok) return known.error
	const { query, principal } = call
	const { namespace } = query
	if (namespace !== undefined && !ownsNamespace(principal, namespace)) return notTheirs(principal)
	const options = { ...ownPage(principal, query), ...(namespace === undefined ? {} : { namespace }) }
	const page = await call.mesh.policyStore().list(call.params.kind, options)
	return json({ ...page, items: page.items.map(shown) })
}

export async function putResource(call: Call<Params, unknown>): Promise<Response> {
	const { params, principal, mesh } = call
	const refused = checkParams(params)
	if (refused !== undefined) return refused
	const document = await readDocument(call)
	if (!document.ok) return document.error
	const expected = await expectedRevision(call)
	if (!expected.ok) return expected.error
	const sealed = await sealSecrets(call, [document.value])
	if (!sealed.ok) return sealed.error
	const result = await mesh.policyStore().change({ actor: principal, put: sealed.value, ...expected.value })
	if (!result.ok) return refusal(result.error)
	const stored = await mesh.policyStore().get(params.kind, params.namespace, params.name)
	// Deleted by somebody else between the two calls: the write happened, and there is nothing left to show.
	if (stored === null) return outcome(result, principal)
	const created = result.value.results[0]?.action === 'created'
	return json(shown(stored), created ? 201 : 200, { etag: etagOf(stored.revision) })
}

export async function deleteResource(call: Call<Params, unknown>): Promise<Response> {
	const { params, principal, mesh } = call
	const refused = checkParams(params)
	if (refused !== undefined) return refused
	const expected = await expectedRevision(call)
	if (!expected.ok) return expected.error
	const apiVersion = kindByName(params.kind)?.apiVersion ?? ''
	const { kind, namespace, name } = params
	const ref = { apiVersion, kind, namespace, name }
	const result = await mesh.policyStore().change({ actor: principal, remove: [ref], ...expected.value })
	if (!result.ok) return refusal(result.error)
	// Deleting what is not there is no error in a set of documents; of the one resource that a path names, it is.
	return result.value.results[0]?.action === 'deleted' ? outcome(result, principal) : notFound(params)
}

/** The one document of a PUT, which must be the one that the path names. */
async function readDocument({ request, params, mesh }: Call<Params, unknown>): Promise<Result<Resource, Response>> {
	const text = await readText(request)
	if (!text.ok) return text
	const format = formatOf(request.headers.get('content-type'), text.value)
	if (!format.ok) return format
	const parsed = parseDocuments(text.value, format.value, mesh.settings)
	if (!parsed.ok) return err(invalidDocuments(parsed.error))
	const [resource, second] = parsed.value
	if (resource === undefined || second !== undefined) {
		return err(invalidRequest([{ path: 'body', message: `must be one document, not ${parsed.value.length}` }]))
	}
	const errors = (['kind', 'metadata.namespace', 'metadata.name'] as const).flatMap((path) => {
		const [is, mustBe] =
			path === 'kind'
				? [resource.kind, params.kind]
				: path === 'metadata.name'
					? [resource.metadata.name, params.name]
					: [resource.metadata.namespace, params.namespace]
		return is === mustBe ? [] : [{ path, message: `must be ${mustBe}, as in the path, not ${is}` }]
	})
	return errors.length === 0 ? ok(resource) : err(invalidRequest(errors))
}

/** The store compares with one number, in the same transaction as the write; `If-Match: *` is turned into one first. */
async function expectedRevision(call: Call<Params, unknown>): Promise<Result<{ expectedRevision?: number }, Response>> {
	const expectation = expectationOf(call.request.headers)
	if (!expectation.ok) return err(invalidRequest([expectation.error]))
	const expected = expectation.value
	if (expected === 'anything') return ok({})
	if (expected === 'absent') return ok({ expectedRevision: 0 })
	if (typeof expected === 'object') return ok({ expectedRevision: expected.revision })
	const { kind, namespace, name } = call.params
	const stored = await call.mesh.policyStore().get(kind, namespace, name)
	if (expected === 'present' && stored !== null) return ok({ expectedRevision: stored.revision })
	return err(refusal({ reason: 'precondition_failed', currentRevision: stored?.revision ?? 0 }))
}
