/** What a change would do is asked in three ways, answered alike, and never done. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Effect } from '../../../src/snapshot/effect/effect.ts'
import { type Ask, asker, createWorld, meshOf, type World } from './fakeMesh.ts'

let world: World
let ask: Ask

const cart = JSON.stringify({ apiVersion: 'selvedge.dev/v1', kind: 'Service', metadata: { name: 'cart' }, spec: {} })
const effect: Effect = {
	virtualHosts: [{ pattern: 'cart.mesh.localhost', change: 'added', fields: [], rules: [] }],
	services: [],
	mesh: [],
	counts: { virtualHosts: 1, rules: 0, services: 0, endpoints: 0 },
	truncated: false,
}

beforeEach(async () => {
	world = await createWorld()
	world.effect = effect
	ask = asker(meshOf(world))
	await ask('POST', '/v1/apply', { body: cart.replace('cart', 'there') })
	world.changes.length = 0
})

const answered = async (path: string, body = cart): Promise<unknown> => (await ask('POST', path, { body })).json()

describe('diff', () => {
	it('answers the revision in force, what becomes of each document, and the effect', async () => {
		expect(await answered('/v1/diff')).toEqual({
			revision: 1,
			results: [
				{ apiVersion: 'selvedge.dev/v1', kind: 'Service', namespace: 'default', name: 'cart', action: 'created' },
			],
			effect,
		})
	})

	it('of deletion takes no more than names, and says what deleting them would do', async () => {
		const body = 'apiVersion: selvedge.dev/v1\nkind: Service\nmetadata: { name: there }'
		const response = await ask('POST', '/v1/diff?delete=true', {
			body,
			headers: { 'content-type': 'application/yaml' },
		})
		expect(await response.json()).toMatchObject({
			revision: 1,
			results: [{ name: 'there', action: 'deleted' }],
			effect,
		})
		expect(world.changes).toMatchObject([{ remove: [{ name: 'there' }], dryRun: true }])
	})

	it('changes nothing, whatever it is asked and whoever asks', async () => {
		for (const as of ['viewer', 'operator', 'admin'] as const)
			for (const path of ['/v1/diff', '/v1/diff?delete=true', '/v1/diff?delete=false'])
				expect((await ask('POST', path, { as, body: cart.replace('cart', 'there') })).status).toBe(200)
		expect(world.changes.map(({ dryRun }) => dryRun)).toEqual(Array(9).fill(true))
		expect([world.revision, world.resources.size]).toEqual([1, 1])
	})

	it.each([
		['/v1/diff', '', 'body'],
		['/v1/diff?delete=true', '', 'body'],
		['/v1/diff', cart.replace('"spec":{}', '"spec":{"colour":1}'), 'spec.colour'],
		['/v1/diff?delete=true', cart.replace('"kind":"Service",', ''), 'kind'],
		['/v1/diff?delete=yes', cart, 'query.delete'],
		['/v1/diff?dryRun=false', cart, 'query.dryRun'],
	])('%s with %s is refused, naming %s', async (path, body, field) => {
		const response = await ask('POST', path, { body })
		expect(response.status).toBe(400)
		expect(await response.json()).toMatchObject({ errors: [{ path: field }] })
		expect(world.changes).toEqual([])
	})
})

describe('a dry run', () => {
	it.each([
		['/v1/apply?dryRun=true', '/v1/diff'],
		['/v1/delete?dryRun=true', '/v1/diff?delete=true'],
	])('%s answers the results and the effect that %s does', async (dryRun, diff) => {
		const [would, differs] = [await answered(dryRun), await answered(diff)] as Record<string, unknown>[]
		expect(would?.effect).toEqual(effect)
		expect({ ...would, revision: 1 }).toEqual(differs)
	})

	it.each(['/v1/apply', '/v1/delete', '/v1/apply?dryRun=false'])('%s is none, and answers no effect', async (path) => {
		expect(await answered(path)).not.toHaveProperty('effect')
	})
})
