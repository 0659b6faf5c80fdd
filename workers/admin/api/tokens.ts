/** API tokens: made, listed, revoked. The token itself is in one answer only, the one that makes it. */
import type { z } from 'zod'
import { readJson } from '../body.ts'
import { tokenBody, type tokenParams } from '../input.ts'
import { invalidRequest, problem } from '../problem.ts'
import { json } from '../reply.ts'
import type { Call } from '../route.ts'
import { hashOf, newToken } from '../tokens.ts'

export async function createToken({ request, principal, mesh }: Call<unknown, unknown>): Promise<Response> {
	const body = await readJson(request, tokenBody)
	if (!body.ok) return body.error
	const token = newToken()
	const info = await mesh.policyStore().createToken({ ...body.value, hash: await hashOf(token) }, principal)
	return json({ ...info, token }, 201)
}

export async function listTokens({ mesh }: Call<unknown, unknown>): Promise<Response> {
	return json({ items: await mesh.policyStore().listTokens() })
}

export async function revokeToken(call: Call<z.output<typeof tokenParams>, unknown>): Promise<Response> {
	const { params, principal, mesh, forgetTokens } = call
	if (params.id === 'bootstrap') {
		const message = 'must not be bootstrap: that token goes when the secret ADMIN_TOKEN changes'
		return invalidRequest([{ path: 'path.id', message }])
	}
	const revoked = await mesh.policyStore().revokeToken(params.id, principal)
	forgetTokens()
	return revoked ? new Response(null, { status: 204 }) : problem('not-found', `There is no token ${params.id}`)
}
