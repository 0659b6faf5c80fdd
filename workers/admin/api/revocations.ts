/** Revocations: what the mesh issued and believes no more, within about a second everywhere. */
import type { z } from 'zod'
import type { RevocationTarget } from '../../../src/ports.ts'
import { readJson } from '../body.ts'
import { revocationBody, type revocationParams } from '../identityInput.ts'
import { type historyQuery, pageOf } from '../input.ts'
import { problem } from '../problem.ts'
import { json } from '../reply.ts'
import type { Call } from '../route.ts'

export async function revoke({ request, principal, mesh }: Call<unknown, unknown>): Promise<Response> {
	const body = await readJson(request, revocationBody)
	if (!body.ok) return body.error
	return json(await mesh.keyRing().revoke(targetOf(body.value), body.value.reason, principal), 201)
}

/** Exactly one of them is there: the schema says so. */
function targetOf({ workload, token, key, certificate }: z.output<typeof revocationBody>): RevocationTarget {
	if (workload !== undefined) return { kind: 'workload', workload }
	if (token !== undefined) return { kind: 'token', jti: token }
	if (key !== undefined) return { kind: 'key', thumbprint: key }
	return { kind: 'certificate', serialNumber: certificate! }
}

export async function listRevocations({
	query,
	mesh,
}: Call<unknown, z.output<typeof historyQuery>>): Promise<Response> {
	return json(await mesh.keyRing().listRevocations(pageOf(query)))
}

export async function lift(call: Call<z.output<typeof revocationParams>, unknown>): Promise<Response> {
	const { params, principal, mesh } = call
	const lifted = await mesh.keyRing().lift(params.id, principal)
	if (lifted) return new Response(null, { status: 204 })
	return problem('not-found', `There is no revocation ${params.id} of a workload; others end by themselves`)
}
