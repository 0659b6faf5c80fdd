/** The mesh's keys: what signs, what will sign next, and what happened to identities. */
import type { z } from 'zod'
import { readJson } from '../body.ts'
import { rotateBody } from '../identityInput.ts'
import { type historyQuery, pageOf } from '../input.ts'
import { json } from '../reply.ts'
import type { Call } from '../route.ts'
import { refusal } from './certificates.ts'

export async function getKeys({ mesh }: Call<unknown, unknown>): Promise<Response> {
	return json(await mesh.keyRing().info())
}

export async function rotate({ request, principal, mesh }: Call<unknown, unknown>): Promise<Response> {
	const body = await readJson(request, rotateBody)
	if (!body.ok) return body.error
	const outcome = await mesh.keyRing().rotate(body.value, principal)
	return outcome.ok ? json({ items: outcome.value }) : refusal(outcome.error)
}

export async function listEvents({ query, mesh }: Call<unknown, z.output<typeof historyQuery>>): Promise<Response> {
	return json(await mesh.keyRing().events(pageOf(query)))
}
