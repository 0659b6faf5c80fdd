/** Join tokens: made by operators, used once by a workload. The token itself is in one answer only, the one that makes it. */
import type { z } from 'zod'
import { trustName } from '../../../src/joining/candidates.ts'
import { ownsNamespace } from '../../../src/namespaces.ts'
import { durationMs } from '../../../src/resources/duration.ts'
import { readJson } from '../body.ts'
import { joinTokenBody, type joinTokenParams } from '../identityInput.ts'
import { readTrusts } from '../joining/trusts.ts'
import { invalidRequest, problem } from '../problem.ts'
import { json } from '../reply.ts'
import type { Call } from '../route.ts'
import { notTheirs } from '../scope.ts'
import { hashOf, newToken } from '../tokens.ts'

/** Of several WorkloadTrusts for the workload the one counts whose tokens may wait longest. */
export async function createJoinToken({ request, principal, mesh }: Call<unknown, unknown>): Promise<Response> {
	const body = await readJson(request, joinTokenBody)
	if (!body.ok) return body.error
	const { namespace, workload, ttlSeconds } = body.value
	if (!ownsNamespace(principal, namespace)) return notTheirs(principal)
	const waits = ({ maxTtl = '' }: { maxTtl?: string } = {}) => (durationMs(maxTtl) ?? 0) / 1000
	// Read now: what was applied a moment ago counts.
	const [trust] = (await readTrusts(mesh))
		.filter(({ metadata, spec }) => metadata.namespace === namespace && spec.workload === workload && spec.joinToken)
		.sort((a, b) => waits(b.spec.joinToken) - waits(a.spec.joinToken))
	if (trust === undefined) {
		const message = `must be a workload that a WorkloadTrust with joinToken names; ${namespace} has none for ${workload}`
		return invalidRequest([{ path: 'workload', message }])
	}
	const most = waits(trust.spec.joinToken)
	if (ttlSeconds > most) {
		const message = `must be at most ${most}, as the WorkloadTrust ${trustName(trust)} says`
		return invalidRequest([{ path: 'ttlSeconds', message }])
	}
	const token = newToken()
	const asked = { workload: { namespace, workload }, trust: trustName(trust), hash: await hashOf(token), ttlSeconds }
	return json({ ...(await mesh.keyRing().createJoinToken(asked, principal)), token }, 201)
}

export async function listJoinTokens({ principal, mesh }: Call<unknown, unknown>): Promise<Response> {
	const tokens = await mesh.keyRing().listJoinTokens()
	return json({ items: tokens.filter(({ workload }) => ownsNamespace(principal, workload.namespace)) })
}

export async function deleteJoinToken(call: Call<z.output<typeof joinTokenParams>, unknown>): Promise<Response> {
	const { params, principal, mesh } = call
	if (principal.namespaces !== undefined) {
		const found = (await mesh.keyRing().listJoinTokens()).find(({ id }) => id === params.id)
		if (found === undefined || !ownsNamespace(principal, found.workload.namespace)) return notTheirs(principal)
	}
	const deleted = await mesh.keyRing().deleteJoinToken(params.id, principal)
	return deleted ? new Response(null, { status: 204 }) : problem('not-found', `There is no join token ${params.id}`)
}
