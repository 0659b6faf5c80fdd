/** The keys of Cloudflare Access: what fetching them costs and survives, and what guessing at logins comes to. */
import { beforeEach, describe, expect, it } from 'vitest'
import { PAUSE_MS } from '../../../workers/admin/access/keys.ts'
import { FAILURES } from '../../../workers/admin/attempts.ts'
import { type AccessWorld, createAccessWorld, first, second } from './accessWorld.ts'
import { settle, type World } from './fakeMesh.ts'

const MINUTE_MS = 60_000
let access: AccessWorld
let world: World
beforeEach(async () => {
	access = await createAccessWorld()
	world = access.world
})

describe('the keys of Access', () => {
	it('are fetched once for many logins', async () => {
		const jwts = await Promise.all(Array.from({ length: 30 }, (_, i) => access.sign({ jti: `${i}` })))
		for (const jwt of jwts) expect(await access.status({ jwt })).toBe(200)
		expect(access.asked()).toBe(1)
	})

	it('are fetched again for a key that is new, at most every ten seconds', async () => {
		expect(await access.status({ jwt: await access.sign() })).toBe(200)
		await access.publish({ one: first, two: second })
		const fresh = await access.sign({}, second, 'two')
		expect([await access.status({ jwt: fresh }), access.asked()]).toEqual([401, 1])
		world.nowMs += PAUSE_MS
		expect([await access.status({ jwt: fresh }), access.asked()]).toEqual([200, 2])
		for (let i = 0; i < 10; i++) {
			world.nowMs += 1000
			expect(await access.status({ jwt: await access.sign({}, second, `made-up-${i}`) })).toBe(401)
		}
		expect(access.asked()).toBe(3)
	})

	it.each<[string, () => Response]>([
		['fail', () => new Response(null, { status: 500 })],
		['are no JSON', () => new Response('<html>')],
		['are none', () => Response.json({ keys: [] })],
		['are far too long', () => new Response('x'.repeat(10_000_000))],
		['lead elsewhere', () => Response.redirect('https://evil.test/certs')],
	])('are kept when new ones %s', async (_, answer) => {
		expect(await access.status({ jwt: await access.sign() })).toBe(200)
		access.answerKeys(answer)
		world.nowMs += 61 * MINUTE_MS
		expect([await access.status({ jwt: await access.sign() }), access.asked()]).toEqual([200, 2])
	})

	it('that were never there are asked for again after ten seconds, and whoever comes is told to wait', async () => {
		access.answerKeys(() => new Response(null, { status: 500 }))
		const jwt = await access.sign()
		for (let i = 0; i < 2 * FAILURES.each.burst; i++) expect(await access.status({ jwt })).toBe(503)
		expect(access.asked()).toBe(1)
		await access.publish({ one: first })
		world.nowMs += PAUSE_MS
		expect(await access.status({ jwt })).toBe(200)
	})
})

describe('who guesses logins', () => {
	it('is stopped, is told of to the audit log, and stops nobody who was let in before', async () => {
		const jwt = await access.sign()
		expect(await access.status({ jwt })).toBe(200)
		const statuses: number[] = []
		for (let i = 0; i < 2 * FAILURES.each.burst; i++)
			statuses.push(await access.status({ jwt: await access.sign({ jti: `${i}` }, second) }))
		expect(statuses).toEqual([
			...Array.from({ length: FAILURES.each.burst }, () => 401),
			...Array.from({ length: FAILURES.each.burst }, () => 429),
		])
		expect(await access.status({ jwt })).toBe(200)
		expect(await access.status({ jwt: await access.sign({ jti: 'new' }), address: '192.0.2.2' })).toBe(200)
		await settle(world)
		expect(world.refused).toEqual([{ what: 'login', network: '192.0.2.1', actor: '', count: 2 * FAILURES.each.burst }])
	})
})
