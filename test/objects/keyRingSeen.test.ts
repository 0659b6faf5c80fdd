/** What may be shown once: by whom, for how long, and that nobody's share is filled by anybody else. */
import { describe, expect, it, vi } from 'vitest'
import { firstTime, openSeen } from '../../durable-objects/keyRing/seen.ts'
import { seeded } from '../random.ts'
import { inKeyRing, keyRing, ORDERS_ID, restart } from './keyRingObjects.ts'
import { freshKeyRing, link, NOW } from './keyRingWorld.ts'
import { everything } from './meshObjects.ts'

const PAYMENTS_ID = ORDERS_ID.replace('orders', 'payments')
const SEEDS = [1, 9_449, 20_261_123]
freshKeyRing()

const once = (value: string, expiresAt: number, subject = ORDERS_ID) => keyRing().once(subject, { value, expiresAt })

describe('a value', () => {
	it('is shown once, until it has expired, whoever shows it, also across a restart', async () => {
		const until = NOW + 60_000
		expect([await once('a', until), await once('a', until), await once('b', until)]).toEqual([
			'first',
			'again',
			'first',
		])
		expect(await once('a', until, PAYMENTS_ID), 'of another subject').toBe('again')
		await restart(link)
		expect(await once('a', until + 1)).toBe('again')
		expect(await once('c', NOW), 'expired already').toBe('again')
		expect(await once('c', Number.NaN), 'of no time').toBe('again')
		expect(JSON.stringify((await inKeyRing(everything)).seen)).not.toContain('"a"')
		vi.setSystemTime(until)
		await keyRing().tick()
		expect((await inKeyRing(everything)).seen).toEqual([])
		expect(await once('a', NOW + 120_000)).toBe('first')
	})

	it('is still known when the table is from a version that knew no subjects', async () => {
		const hash = 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'
		await inKeyRing(({ sql }) => {
			sql.exec('DROP TABLE seen')
			sql.exec('CREATE TABLE seen (hash TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) WITHOUT ROWID')
			sql.exec('INSERT INTO seen VALUES (?, ?)', hash, NOW + 60_000)
		})
		await restart(link)
		expect([await once('a', NOW + 60_000), await once('b', NOW + 60_000)]).toEqual(['again', 'first'])
	})
})

describe('the memory', () => {
	it('refuses who has filled a share, nobody else, and nobody any more when that has expired', async () => {
		await inKeyRing(({ sql }) =>
			sql.exec(
				`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 125000)
					INSERT INTO seen SELECT 'h' || i, ?, ? FROM n`,
				NOW + 60_000,
				ORDERS_ID,
			),
		)
		await restart(link)
		const later = NOW + 90_000
		expect(await once('a', later)).toBe('full')
		expect(await once('a', later), 'what was not taken is not remembered').toBe('full')
		expect([await once('a', later, PAYMENTS_ID), await once('a', later, PAYMENTS_ID)]).toEqual(['first', 'again'])
		vi.setSystemTime(NOW + 60_000)
		expect(await once('b', later)).toBe('first')
	})

	it.each(SEEDS)(
		'of random subjects beside one that shows all it can refuses that one only (seed %i)',
		async (seed) => {
			const capacity = 400
			const { refusals, flooded, most } = await inKeyRing(({ sql }) => {
				const random = seeded(seed)
				const seen = openSeen(sql, capacity)
				const until = new Map<string, number>()
				const tally = { refusals: [] as string[], flooded: 0, most: 0 }
				let now = NOW
				/** Somebody shows something: new, or again what was taken. */
				const show = (subject: string, value: string, expiresAt: number): void => {
					const answer = firstTime(sql, seen, subject, { value, expiresAt }, now)
					const isKnown = (until.get(value) ?? 0) > now
					if (isKnown && answer === 'first') tally.refusals.push(`${value} passed twice`)
					if (!isKnown && answer === 'again') tally.refusals.push(`${value} was taken for another`)
					if (answer === 'full' && subject !== 'greedy') tally.refusals.push(`${subject} was refused`)
					if (answer === 'full') tally.flooded++
					if (answer === 'first') until.set(value, expiresAt)
				}
				for (let i = 0; i < 3_000; i++) {
					now += Math.floor(random() * 100)
					// As fast as it can, each to be remembered for as long as may be.
					for (let n = 0; n < 8; n++) show('greedy', `g${i} ${n}`, now + 86_400_000)
					if (i % 50 === 0) now += 86_400_000
					// Ten others with at most 15 each: less than half of all together.
					const subject = `s${i % 10}`
					show(subject, `${subject} ${Math.floor(random() * 2_000)}`, now + 1 + Math.floor(random() * 6_000))
					const rows = sql.exec<{ n: number }>('SELECT COUNT(*) AS n FROM seen').one().n
					tally.most = Math.max(tally.most, rows)
					if (rows !== seen.total || seen.held.size > rows) tally.refusals.push(`${seen.total} counted of ${rows}`)
					if (
						i % 500 === 0 &&
						JSON.stringify(sortedShares(openSeen(sql, capacity))) !== JSON.stringify(sortedShares(seen))
					)
						tally.refusals.push('counted otherwise after a restart')
				}
				return tally
			})
			expect(refusals).toEqual([])
			expect(flooded).toBeGreaterThan(10_000)
			expect(most).toBeLessThanOrEqual(capacity)
			expect(most).toBeGreaterThan(capacity / 2)
		},
	)
})

const sortedShares = ({ held }: ReturnType<typeof openSeen>) => [...held].sort(([a], [b]) => (a < b ? -1 : 1))
