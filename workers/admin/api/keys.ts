/** The mesh's keys: what signs, what will sign next, and what happened to identities. */
import type { z } from 'zod'
import { usersRow } from '../../../src/keys/userIssuers.ts'
import type { FetchedInfo } from '../../../src/ports.ts'
import { readJson } from '../body.ts'
import { rotateBody } from '../identityInput.ts'
import { type historyQuery, pageOf } from '../input.ts'
import type { Mesh } from '../mesh.ts'
import { json } from '../reply.ts'
import type { Call } from '../route.ts'
import { refusal } from './certificates.ts'

export async function getKeys({ mesh }: Call<unknown, unknown>): Promise<Response> {
	const [info, fetched] = await Promise.all([mesh.keyRing().info(), listFetched(mesh)])
	// Those that fail first: of thousands of issuers nobody reads the others.
	const sorted = fetched.toSorted((a, b) => Number(b.failure !== undefined) - Number(a.failure !== undefined))
	return json({
		...info,
		fetched: sorted.slice(0, MAX_FETCHED_SHOWN).map(shown),
		fetchedLeftOut: Math.max(0, fetched.length - MAX_FETCHED_SHOWN),
	})
}

const MAX_FETCHED_SHOWN = 500

/** `fetchedAt`: RFC 3339, of the last good answer; absent: none yet. */
const shown = ({ name, kind, fetchedAt, failure }: FetchedInfo) => ({
	...{ name, kind },
	...(fetchedAt > 0 && { fetchedAt: new Date(fetchedAt).toISOString() }),
	...(failure !== undefined && { failure }),
})

/** By the issuer's name (with `#` and the `jwksUri` of those whose keys are not discovered), or the trust domain's. */
export const listFetched = async (mesh: Mesh): Promise<readonly FetchedInfo[]> =>
	(await mesh.keyRing().listFetchedKeys()).map((info) =>
		info.kind === 'userIssuer' ? { ...info, name: usersRow.issuerOf(info.name) } : info,
	)

export async function rotate({ request, principal, mesh }: Call<unknown, unknown>): Promise<Response> {
	const body = await readJson(request, rotateBody)
	if (!body.ok) return body.error
	const outcome = await mesh.keyRing().rotate(body.value, principal)
	return outcome.ok ? json({ items: outcome.value }) : refusal(outcome.error)
}

export async function listEvents({ query, mesh }: Call<unknown, z.output<typeof historyQuery>>): Promise<Response> {
	return json(await mesh.keyRing().events(pageOf(query)))
}
