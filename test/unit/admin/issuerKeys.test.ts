/** When the keys of an issuer are fetched, by a clock that only the test moves. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { IssuerKey } from '../../../src/joining/issuerDocuments.ts'
import { issuerKeys } from '../../../workers/admin/joining/issuerKeys.ts'
import type { Mesh } from '../../../workers/admin/mesh.ts'
import { createWorld, meshOf, type World } from './fakeMesh.ts'

const source = { issuer: 'https://ci.example', jwksUri: 'https://ci.example/keys' }
let world: World
let mesh: Mesh
let fetched: number

beforeEach(async () => {
	world = await createWorld()
	mesh = meshOf(world)
	fetched = 0
	publish('one')
})

function publish(...kids: string[]): void {
	const body = JSON.stringify({ keys: kids.map((kid) => ({ kty: 'RSA', kid })) })
	world.outside.set(source.jwksUri, () => {
		fetched++
		return new Response(body)
	})
}
const fail = () =>
	world.outside.set(source.jwksUri, () => {
		fetched++
		return new Response('{}', { status: 500 })
	})
const has = (kid: string) => (keys: readonly IssuerKey[]) => keys.some((key) => key.kid === kid)
async function kids(kid: string): Promise<unknown> {
	const keys = await issuerKeys(mesh, source, has(kid))
	return keys.ok ? keys.value.map((key) => key.kid) : 'none'
}

describe('the keys of an issuer', () => {
	it('are fetched for the first token, kept for all isolates, and asked for again after an hour', async () => {
		expect(await kids('one')).toEqual(['one'])
		mesh = meshOf(world)
		world.nowMs += 3_599_000
		expect(await kids('one')).toEqual(['one'])
		expect(fetched).toBe(1)
		world.nowMs += 1_000
		expect(await kids('one')).toEqual(['one'])
		expect(fetched).toBe(2)
	})

	it('are asked for a key that is new at most once a minute, whoever asks', async () => {
		await kids('one')
		publish('one', 'two')
		world.nowMs += 59_999
		for (let i = 0; i < 5; i++) expect(await kids('two')).toEqual(['one'])
		expect(fetched).toBe(1)
		world.nowMs += 1
		expect(await kids('two')).toEqual(['one', 'two'])
		mesh = meshOf(world)
		for (let i = 0; i < 5; i++) await kids('three')
		expect(fetched).toBe(2)
	})

	it('stay good while the issuer is down, which is asked once a minute', async () => {
		await kids('one')
		fail()
		world.nowMs += 7 * 86_400_000
		for (let i = 0; i < 5; i++) expect(await kids('one')).toEqual(['one'])
		expect(fetched).toBe(2)
		world.nowMs += 60_000
		await kids('one')
		expect(fetched).toBe(3)
	})

	it('are asked for every ten seconds while none are known', async () => {
		fail()
		for (let i = 0; i < 5; i++) expect(await kids('one')).toBe('none')
		expect(fetched).toBe(1)
		publish('one')
		world.nowMs += 10_000
		expect(await kids('one')).toEqual(['one'])
	})

	it('are fetched once for many who need them at once', async () => {
		mesh = { ...mesh, sleep: () => new Promise(() => {}) }
		const all = await Promise.all(Array.from({ length: 20 }, () => kids('one')))
		expect(all).toEqual(Array.from({ length: 20 }, () => ['one']))
		expect(fetched).toBe(1)
	})

	it('are not waited for without end, nor forever by others, when a request that fetches them is cancelled', async () => {
		const hung: Mesh = { ...mesh, fetch: () => new Promise(() => {}) }
		void issuerKeys(hung, source, has('one'))
		await new Promise((resolve) => setTimeout(resolve))
		expect(await issuerKeys(hung, source, has('one'))).toMatchObject({ ok: false })
		expect(world.nowMs).toBe(1_011_000)
	})
})
