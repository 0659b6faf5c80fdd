/** What policies would have made of the requests that the regions remember: a dry run of documents over real traffic. */
import type { z } from 'zod'
import { ownsName, ownsNamespace } from '../../../src/namespaces.ts'
import type { AccessSample, ChangeRequest, Principal, ResourceRef, SampleBatch } from '../../../src/ports.ts'
import type { Change } from '../../../src/replay/groups.ts'
import { type Replayed, replay as replayed } from '../../../src/replay/replay.ts'
import { formatPath } from '../../../src/resources/documentError.ts'
import { type DocumentError, parseDocuments } from '../../../src/resources/documents.ts'
import { readDocuments } from '../../../src/resources/rawDocuments.ts'
import { err, ok, type Result } from '../../../src/result.ts'
import { type Format, formatOf, readText } from '../body.ts'
import type { replayQuery } from '../input.ts'
import type { Mesh } from '../mesh.ts'
import { invalidRequest, problem } from '../problem.ts'
import { json } from '../reply.ts'
import type { Call } from '../route.ts'
import { notTheirs } from '../scope.ts'
import { isUnavailable } from '../unavailable.ts'
import { invalidDocuments, refusal } from './changes.ts'

type Query = z.output<typeof replayQuery>

/** At once in one isolate: each holds some thousand samples and compiles the policies that they meet. */
const MAX_REPLAYING = 2
let replaying = 0

/** Others change where requests go, which samples cannot tell. */
export const REPLAYED_KINDS: readonly string[] = ['AuthorizationPolicy', 'RequestAuthentication', 'Mesh']
const ONE_OF_KINDS = `one of ${REPLAYED_KINDS.join(', ')}`
const isReplayed = (kind: string): boolean => REPLAYED_KINDS.includes(kind)

/** As many as other mistakes in documents. */
const MAX_ERRORS = 100

/** Groups of each list. */
const MAX_SHOWN = 500

export async function replay(call: Call<unknown, Query>): Promise<Response> {
	const { principal, query, mesh } = call
	if (query.namespace !== undefined && !ownsNamespace(principal, query.namespace)) return notTheirs(principal)
	const candidate = await candidateOf(call)
	if (!candidate.ok) return candidate.error
	if (replaying >= MAX_REPLAYING) return tooManyReplaying()
	replaying++
	try {
		return await replayOver(mesh, principal, query, candidate.value)
	} finally {
		replaying--
	}
}

const tooManyReplaying = (): Response =>
	problem('unavailable', `${MAX_REPLAYING} replays are already under way here`, { headers: { 'retry-after': '2' } })

type Candidate = Pick<ChangeRequest, 'put' | 'remove'>

async function replayOver(mesh: Mesh, actor: Principal, query: Query, candidate: Candidate): Promise<Response> {
	const { batches, silent } = await samplesOf(mesh, actor, query)
	const samples = batches.flatMap((batch) => batch.samples)
	const tried = await mesh.policyStore().tryAccess({ actor, ...candidate }, scopeOf(samples))
	if (!tried.ok) return refusal(tried.error)
	const { revision, before, after } = tried.value
	const result = ownReplay(await replayed(batches, before, after, mesh.settings.meshDomain), actor)
	const { newlyRefused, newlyAdmitted, undecided } = result
	return json({
		revision,
		...result,
		newlyRefused: newlyRefused.slice(0, MAX_SHOWN),
		newlyAdmitted: newlyAdmitted.slice(0, MAX_SHOWN),
		undecided: undecided.slice(0, MAX_SHOWN),
		truncated: [newlyRefused, newlyAdmitted, undecided].some(({ length }) => length > MAX_SHOWN),
		silentRegions: silent,
	})
}

const scopeOf = (samples: readonly AccessSample[]) => ({
	services: [...new Set(samples.map(({ service }) => service))],
	rules: [...new Set(samples.flatMap(({ rule }) => (rule === '' ? [] : [rule])))],
})

/** Of each region the same number at most, so that none is drowned by another. */
async function samplesOf(
	mesh: Mesh,
	{ namespaces: own }: Principal,
	{ since, limit, namespace }: Query,
): Promise<{ readonly batches: readonly SampleBatch[]; readonly silent: readonly string[] }> {
	const regions = await mesh.policyStore().regions()
	const silent: string[] = []
	const batches: SampleBatch[] = []
	const namespaces = namespace === undefined ? own : [namespace]
	const request = {
		since: mesh.now() - since,
		limit: Math.max(1, Math.floor(limit / Math.max(1, regions.length))),
		...(namespaces === undefined ? {} : { namespaces }),
	}
	// One after the other: all together, as they come over the wire, would be too much to hold.
	for (const region of regions) {
		try {
			batches.push(...(await mesh.telemetry(region).samples(region, request)))
		} catch (error) {
			if (!isUnavailable(error)) throw error
			silent.push(region)
		}
	}
	return { batches, silent }
}

async function candidateOf({ request, query, mesh }: Call<unknown, Query>): Promise<Result<Candidate, Response>> {
	const text = await readText(request)
	if (!text.ok) return text
	const put = text.value.trim() === '' ? ok([]) : documentsOf(request, text.value, mesh)
	if (!put.ok) return put
	const errors = query.remove.flatMap(({ kind }, i) =>
		isReplayed(kind) ? [] : [{ path: `query.remove[${i}]`, message: `must be ${ONE_OF_KINDS}, and its name` }],
	)
	if (errors.length > 0) return err(invalidRequest(errors))
	if (put.value.length + query.remove.length === 0)
		return err(problem('invalid-documents', 'The body holds no document, and nothing is to be removed'))
	return ok({ put: put.value, remove: query.remove as readonly ResourceRef[] })
}

function documentsOf(request: Request, text: string, mesh: Mesh): Result<NonNullable<Candidate['put']>, Response> {
	const format = formatOf(request.headers.get('content-type'), text)
	if (!format.ok) return format
	const parsed = parseDocuments(text, format.value, mesh.settings)
	if (!parsed.ok) return err(invalidDocuments(parsed.error))
	if (parsed.value.every(({ kind }) => isReplayed(kind))) return parsed
	return err(invalidDocuments(ofOtherKinds(text, format.value)))
}

/** Numbered as they stand in the text, where some may be empty and others Lists. */
const ofOtherKinds = (text: string, format: Format): DocumentError[] =>
	readDocuments(text, format)
		.documents.filter(({ value }) => !isReplayed(String(value.kind)))
		.slice(0, MAX_ERRORS)
		.map(({ number, prefix, value, lineOf }) => {
			const path = [...prefix, 'kind']
			const line = lineOf?.(path)
			return {
				...{ document: number, kind: String(value.kind), path: formatPath(path), message: `must be ${ONE_OF_KINDS}` },
				...(line === undefined ? {} : { line }),
			}
		})

/** What others call their policies and routes is theirs. */
function ownReplay(result: Replayed, who: Pick<Principal, 'namespaces'>): Replayed {
	if (who.namespaces === undefined) return result
	const isOwn = (name: string | null) => name === null || ownsName(who, name)
	const ownChange = ({ by, rule, route, ...change }: Change): Change => ({
		...change,
		...(ownsName(who, rule) ? { rule, route } : { rule: '', route: null }),
		by: isOwn(by) ? by : '',
	})
	return {
		...result,
		newlyRefused: result.newlyRefused.map(ownChange),
		newlyAdmitted: result.newlyAdmitted.map(ownChange),
		undecided: result.undecided.map((one) => (isOwn(one.policy) ? one : { ...one, policy: '' })),
	}
}
