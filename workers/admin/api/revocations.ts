/** Revocations: what the mesh issued and believes no more, within about a second everywhere. */
import type { z } from 'zod'
import type { RevocationTarget, RevokeRefusal } from '../../../src/ports.ts'
import { readJson } from '../body.ts'
import { revocationBody, type revocationParams } from '../identityInput.ts'
import { type historyQuery, pageOf } from '../input.ts'
import { problem } from '../problem.ts'
import { json } from '../reply.ts'
import type { Call } from '../route.ts'

export async function revoke({ request, principal, mesh }: Call<unknown, unknown>): Promise<Response> {
	const body = await readJson(request, revocationBody)
	if (!body.ok) return body.error
	const revoked = await mesh.keyRing().revoke(targetOf(body.value), body.value.reason, principal)
	return revoked.ok ? json(revoked.value, 201) : noRoom(revoked.error)
}

/** What would do instead: each of these is one entry at most, or none. */
function noRoom({ held, inForce, limit }: RevokeRefusal): Response {
	const detail =
		`${inForce} of ${limit} revocations are in force, and ${held} of them are yours: you may have as many as are free. Lift those of ` +
		'workloads that are gone for good, revoke a workload rather than each of its tokens, or rotate the key that signed them as ' +
		'compromised; revocations of tokens, keys and certificates end by themselves after a day'
	return problem('too-many-revocations', detail, { members: { held, inForce, limit } })
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
