/** API tokens: made, listed, rotated, revoked. A secret is in one answer only, the one that makes it. */
import type { z } from 'zod'
import { readJson } from '../body.ts'
import { rotationBody, tokenBody, type tokenParams } from '../input.ts'
import type { Mesh } from '../mesh.ts'
import { invalidRequest, problem } from '../problem.ts'
import { json } from '../reply.ts'
import type { Call } from '../route.ts'
import { hashOf, newToken } from '../tokens.ts'

export async function createToken({ request, principal, mesh }: Call<unknown, unknown>): Promise<Response> {
	const body = await readJson(request, tokenBody)
	if (!body.ok) return body.error
	const { expiresIn, ...rest } = body.value
	const token = newToken()
	const wanted = { ...rest, ...endOf(mesh, expiresIn), hash: await hashOf(token) }
	return json({ ...(await mesh.policyStore().createToken(wanted, principal)), token }, 201)
}

const endOf = (mesh: Mesh, expiresIn: number | undefined): { expiresAt?: number } =>
	expiresIn === undefined ? {} : { expiresAt: mesh.now() + expiresIn }

/** The next secret is good at once, and the old one for a while, so that whoever uses it can be given the new one. */
export async function rotateToken(call: Call<z.output<typeof tokenParams>, unknown>): Promise<Response> {
	const { request, params, principal, mesh, forgetTokens } = call
	if (params.id === 'bootstrap') return refuseBootstrap()
	const body = await readJson(request, rotationBody)
	if (!body.ok) return body.error
	const { graceSeconds, expiresIn } = body.value
	const token = newToken()
	const rotation = { graceSeconds, hash: await hashOf(token), ...endOf(mesh, expiresIn) }
	const info = await mesh.policyStore().rotateToken(params.id, rotation, principal)
	forgetTokens()
	if (info === null) return problem('not-found', `There is no token ${params.id} that has not expired`)
	return json({ ...info, token })
}

const refuseBootstrap = (): Response => {
	const message = 'must not be bootstrap: that token changes when the secret ADMIN_TOKEN does'
	return invalidRequest([{ path: 'path.id', message }])
}

export async function listTokens({ mesh }: Call<unknown, unknown>): Promise<Response> {
	return json({ items: await mesh.policyStore().listTokens() })
}

export async function revokeToken(call: Call<z.output<typeof tokenParams>, unknown>): Promise<Response> {
	const { params, principal, mesh, forgetTokens } = call
	if (params.id === 'bootstrap') return refuseBootstrap()
	const revoked = await mesh.policyStore().revokeToken(params.id, principal)
	forgetTokens()
	return revoked ? new Response(null, { status: 204 }) : problem('not-found', `There is no token ${params.id}`)
}
