/** Certifying isolates: counted and limited by region, and not a write for each. */
import { describe, expect, it, vi } from 'vitest'
import { admitDelegation, countDelegation, openDelegations } from '../../durable-objects/keyRing/delegations.ts'
import { delegate } from '../../workers/proxy/controlPlane.ts'
import { granted, inKeyRing, keyRing, restart, workloadKey } from './keyRingObjects.ts'
import { freshKeyRing, link, NOW } from './keyRingWorld.ts'
import { everything } from './meshObjects.ts'

freshKeyRing()

const at = (ms: number) => new Date(NOW + ms).toISOString()

describe('isolates that are certified', () => {
	it('are counted by region, with the time of the last, and are no events', async () => {
		const { jwk } = await workloadKey()
		for (const [i, region] of ['weur', 'enam', 'weur'].entries()) {
			vi.setSystemTime(NOW + i * 1_000)
			granted(await keyRing().delegate(`i${i}`, region, jwk))
		}
		const expected = [
			{ region: 'enam', certified: 1, refused: 0, lastAt: at(1_000) },
			{ region: 'weur', certified: 2, refused: 0, lastAt: at(2_000) },
		]
		expect((await keyRing().info()).delegations).toEqual(expected)
		const { items } = await keyRing().events({ limit: 100 })
		expect(items.map(({ action }) => action)).not.toContain('delegation.issue')
		await keyRing().tick()
		await restart(link)
		expect((await keyRing().info()).delegations).toEqual(expected)
	})

	it('are written down every ten seconds, not each', async () => {
		const stored = () => inKeyRing(({ sql }) => sql.exec('SELECT region, certified FROM delegations').toArray())
		const { jwk } = await workloadKey()
		for (let i = 0; i < 5; i++) granted(await keyRing().delegate('i', 'weur', jwk))
		expect(await stored()).toEqual([{ region: 'weur', certified: 1 }])
		vi.setSystemTime(NOW + 10_000)
		granted(await keyRing().delegate('i', 'weur', jwk))
		expect(await stored()).toEqual([{ region: 'weur', certified: 6 }])
	})
})

describe('isolates that ask too fast', () => {
	const exhaust = () =>
		inKeyRing(({ sql }) => {
			const delegations = openDelegations(sql, NOW)
			const waits = Array.from({ length: 10_001 }, () => admitDelegation(sql, delegations, 'weur', NOW))
			return { waits, elsewhere: admitDelegation(sql, delegations, 'enam', NOW) }
		})

	it('are refused by region, after ten thousand', async () => {
		const { waits, elsewhere } = await exhaust()
		expect([waits.indexOf(1), elsewhere]).toEqual([10_000, 0])
	})

	it('are counted, whatever they call their regions, in a bounded table', async () => {
		const tallies = await inKeyRing(({ sql }) => {
			const delegations = openDelegations(sql, NOW)
			for (let i = 0; i < 500; i++) countDelegation(sql, delegations, `r${i}`, NOW + i * 10_000)
			for (const region of ['', 'A B', 'x'.repeat(10_000)]) countDelegation(sql, delegations, region, NOW + 5_000_000)
			for (let i = 0; i < 20_001; i++) admitDelegation(sql, delegations, `s${i}`, NOW)
			return delegations.tallies
		})
		expect([tallies.size, tallies.get('others')!.certified]).toEqual([65, 500 - 64 + 3])
		expect((await inKeyRing(everything)).delegations).toHaveLength(65)
	})

	it('are told so by the ring, and it is to them as if the ring could not be reached', async () => {
		const { jwk } = await workloadKey()
		const refused: string[] = []
		for (let i = 0; i < 10_003; i += 500) {
			const asked = Array.from({ length: 500 }, () => keyRing().delegate('i', 'weur', { ...jwk, x: '' }))
			for (const each of await Promise.all(asked)) if (!each.ok) refused.push(each.error.reason)
		}
		expect([...new Set(refused)]).toEqual(['invalid_key', 'too_many'])
		expect(await keyRing().delegate('i', 'weur', jwk)).toEqual({
			ok: false,
			error: { reason: 'too_many', retryAfterSeconds: 1 },
		})
		await expect(delegate(keyRing(), 'i', 'weur', jwk)).rejects.toThrow('certifies no isolate: too_many')
		expect(granted(await keyRing().delegate('i', 'enam', jwk)).expiresAt).toBe(NOW + 3_600_000)
		vi.setSystemTime(NOW + 1_000)
		expect((await delegate(keyRing(), 'i', 'weur', jwk)).token).toMatch(/^eyJ/)
		const { delegations } = await keyRing().info()
		expect(delegations).toContainEqual({ region: 'weur', certified: 1, refused: 502, lastAt: at(1_000) })
	})
})
