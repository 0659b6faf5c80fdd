/** Secrets on their way through the admin Worker: sealed before the store hears of them, or refused. */
import { beforeEach, describe, expect, it } from 'vitest'
import { createKeyring, isSealed, type Keyring, open } from '../../../src/secrets/sealing.ts'
import { type Ask, asker, createWorld, meshOf, type World } from './fakeMesh.ts'

const MASTER_KEY = 'a-master-key-of-more-than-32-characters'
const PLAIN = 'sk_live_4242424242'
const made = await createKeyring(MASTER_KEY)
const keyring = (made as { value: Keyring }).value

let world: World
let ask: Ask

beforeEach(async () => {
	world = await createWorld()
	ask = asker(meshOf(world, { masterKey: MASTER_KEY }))
})

const secret = JSON.stringify({
	apiVersion: 'v1',
	kind: 'Secret',
	metadata: { name: 'stripe' },
	stringData: { token: PLAIN },
})
const service = JSON.stringify({ apiVersion: 'selvedge.dev/v1', kind: 'Service', metadata: { name: 'pay' } })
const PUT = '/v1/resources/Secret/default/stripe'

describe('a Secret', () => {
	it.each([
		['POST', '/v1/apply'],
		['POST', '/v1/apply?dryRun=true'],
		['POST', '/v1/diff'],
		['PUT', PUT],
	])('sent by %s %s is sealed for its entry before the store hears of it', async (method, path) => {
		const response = await ask(method, path, { as: 'operator', body: secret })
		expect(response.ok, await response.clone().text()).toBe(true)
		const [stored] = world.changes[0]!.put as unknown as [{ data: { token: string } }]
		expect(isSealed(stored.data.token)).toBe(true)
		expect(await open(keyring, 'Secret/default/stripe/token', stored.data.token)).toEqual({ ok: true, value: PLAIN })
		expect(JSON.stringify(world.changes)).not.toContain(PLAIN)
		expect(await response.text()).not.toContain(PLAIN)
	})

	it('sent again is the very same to the store', async () => {
		await ask('POST', '/v1/apply', { body: secret })
		await ask('POST', '/v1/apply', { body: secret })
		expect(world.changes[0]!.put).toEqual(world.changes[1]!.put)
	})

	it('whose value looks sealed is sealed like any other: nobody can put another’s in', async () => {
		await ask('POST', '/v1/apply', { body: secret })
		const sealed = (world.changes[0]!.put as unknown as [{ data: { token: string } }])[0].data.token
		await ask('POST', '/v1/apply', { body: secret.replace(PLAIN, sealed) })
		const [again] = world.changes[1]!.put as unknown as [{ data: { token: string } }]
		expect(await open(keyring, 'Secret/default/stripe/token', again.data.token)).toEqual({ ok: true, value: sealed })
	})

	it('is not compared for who may not change it: the answer would tell a right guess from a wrong one', async () => {
		const response = await ask('POST', '/v1/diff', { as: 'viewer', body: secret })
		expect(response.status).toBe(403)
		expect(world.changes).toEqual([])
		expect((await ask('POST', '/v1/diff', { as: 'viewer', body: service })).status).toBe(200)
	})
})

describe('without a MASTER_KEY that is good', () => {
	it.each([
		[undefined, 'the admin Worker has no MASTER_KEY'],
		['', 'the admin Worker has no MASTER_KEY'],
		['short', "the admin Worker's MASTER_KEY cannot be used: the key has 5 characters"],
	])('(%j) a Secret is refused, and it is said how to set one', async (masterKey, why) => {
		ask = asker(meshOf(world, masterKey === undefined ? {} : { masterKey }))
		for (const [method, path] of [
			['POST', '/v1/apply'],
			['PUT', PUT],
		] as const) {
			const response = await ask(method, path, { body: secret })
			expect(response.status).toBe(409)
			const { type, detail } = (await response.json()) as { type: string; detail: string }
			expect(type).toBe('https://selvedge.dev/problems/secrets-not-kept')
			expect(detail).toContain(why)
			expect(detail).toContain('wrangler secret put MASTER_KEY')
			expect(detail).not.toContain('short')
		}
		expect(world.changes).toEqual([])
	})

	it('everything else goes on', async () => {
		ask = asker(meshOf(world))
		expect((await ask('POST', '/v1/apply', { body: service })).status).toBe(200)
		expect((await ask('DELETE', PUT)).status).toBe(404)
	})
})
