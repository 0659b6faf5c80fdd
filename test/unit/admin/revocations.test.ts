/** Revoking over the API: what operators are told when there is no room. */
import { expect, it } from 'vitest'
import { asker, createWorld, meshOf } from './fakeMesh.ts'

const BODY = JSON.stringify({ token: 'j1', reason: 'lost' })
const headers = { 'content-type': 'application/json' }

it('a revocation is made, and where there is no room for it, 409 says what would do instead', async () => {
	const world = await createWorld()
	const ask = asker(meshOf(world))
	const made = await ask('POST', '/v1/revocations', { as: 'operator', headers, body: BODY })
	expect([made.status, await made.json()]).toEqual([201, { id: '1' }])
	world.keyRing.noRoom = { reason: 'too_many_revocations', held: 10, inForce: 12, limit: 20 }
	const refused = await ask('POST', '/v1/revocations', { as: 'operator', headers, body: BODY })
	const { type, detail, ...rest } = (await refused.json()) as Record<string, unknown>
	expect([refused.status, type]).toEqual([409, 'https://selvedge.dev/problems/too-many-revocations'])
	expect(rest).toMatchObject({ held: 10, inForce: 12, limit: 20 })
	for (const way of ['Lift those of workloads', 'revoke a workload rather than', 'rotate the key'])
		expect(detail).toContain(way)
})
