/** The root's audit log: a chain that verifies, whoever wrote it, and of which those limited to namespaces see their part. */

import { evictDurableObject, reset } from 'cloudflare:test'
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { appendAudit } from '../../durable-objects/policyStore/audit.ts'
import { CHAIN_START, checkChain, linkOf } from '../../src/audit/chain.ts'
import type { AuditEntry, RefusalCount } from '../../src/ports.ts'
import { sealValues } from '../../src/secrets/credentials.ts'
import { createKeyring } from '../../src/secrets/sealing.ts'
import { ACTOR, apply, change, documents, everything, inRoot, remove, root, rootStub, service } from './meshObjects.ts'

const NOW = Date.UTC(2100, 0, 1)
beforeEach(() => {
	vi.useFakeTimers({ toFake: ['Date'], now: NOW })
})
afterEach(async () => {
	vi.useRealTimers()
	await reset()
})

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Oldest first. */
async function wholeLog(): Promise<AuditEntry[]> {
	const entries: AuditEntry[] = []
	for (let after: string | undefined; ; ) {
		const page = await root().audit({ limit: 500, ...(after === undefined ? {} : { after }) })
		entries.push(...(JSON.parse(JSON.stringify(page.items)) as AuditEntry[]))
		if (page.next === undefined) return entries.reverse()
		after = page.next
	}
}
const check = async (anchor?: string) =>
	checkChain(
		(await wholeLog()).map((entry) => linkOf(entry, sha256)),
		anchor,
	)
const token = (name: string) => root().createToken({ name, role: 'operator', hash: sha256(name) }, ACTOR)
const login = (network: string, count = 1): RefusalCount => ({ what: 'login', network, actor: '', count })

/** As a version of the mesh left it that knew of no chain. */
const asBefore = () =>
	inRoot(({ sql }) => {
		sql.exec('ALTER TABLE audit RENAME TO later')
		sql.exec(`CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, actor TEXT NOT NULL,
			role TEXT NOT NULL, action TEXT NOT NULL, revision INTEGER, subject TEXT)`)
		sql.exec('INSERT INTO audit SELECT id, at, actor, role, action, revision, subject FROM later')
		sql.exec('DROP TABLE later')
	})

describe('the audit log', () => {
	it('is a chain of all that happens, and begins at the start', async () => {
		await apply(service('a', 'http://a'), service('b', 'http://b'))
		await apply(service('a', 'http://a2'))
		await remove('Service', 'b')
		const { id } = await token('ci')
		await root().rotateToken(id, { hash: sha256('next'), graceSeconds: 0 }, ACTOR)
		await root().revokeToken(id, ACTOR)
		await root().rollback(1, ACTOR)
		const log = await wholeLog()
		expect(log[0]).toMatchObject({ id: 1, previousHash: CHAIN_START, changesCount: 2 })
		expect(log.map(({ action }) => action)).toEqual([
			...['apply', 'apply', 'delete', 'token.create', 'token.rotate', 'token.revoke', 'rollback to 1'],
		])
		expect(await check()).toEqual({ ok: true, value: { checked: 7, notWhole: 0, head: log.at(-1)!.hash } })
	})

	it('is left alone by dry runs, by what changes nothing, and by restarts', async () => {
		await apply(service('a'))
		const before = await inRoot(everything)
		await change({ put: documents(service('b')), dryRun: true })
		await apply(service('a'))
		await evictDurableObject(rootStub())
		expect((await inRoot(everything)).audit).toEqual(before.audit)
		await apply(service('b'))
		expect(await check()).toMatchObject({ ok: true, value: { checked: 2 } })
	})

	it('is a chain though documents of an entry are too many to show, or were dropped, and says how many', async () => {
		await apply(...Array.from({ length: 150 }, (_, i) => service(`s${i}`)))
		await apply(service('a'))
		const [first] = await wholeLog()
		expect([first!.changes.length, first!.changesCount]).toEqual([100, 150])
		expect(await check()).toMatchObject({ ok: true, value: { checked: 2, notWhole: 1 } })
		await inRoot(({ sql }) => void sql.exec('DELETE FROM changes'))
		expect(await check()).toMatchObject({ ok: true, value: { checked: 2, notWhole: 2 } })
	})

	it('holds no value of a Secret, and is a chain with Secrets in it', async () => {
		const [secret] = documents({
			apiVersion: 'v1',
			kind: 'Secret',
			metadata: { name: 's' },
			stringData: { key: 'value' },
		})
		const sealWith = async (masterKey: string) => {
			const keyring = await createKeyring(masterKey)
			if (!keyring.ok || secret?.kind !== 'Secret') throw new Error('cannot seal')
			return { ...secret, data: await sealValues(keyring.value, secret.metadata, secret.data) }
		}
		await change({ put: [await sealWith('a'.repeat(40))] })
		await change({ put: [await sealWith('b'.repeat(40))] })
		expect(await check()).toMatchObject({ ok: true, value: { checked: 2, notWhole: 0 } })
		expect(JSON.stringify(await wholeLog())).not.toContain('sealed:')
	})

	it.each([
		['changes an entry', "UPDATE audit SET actor = 'eve' WHERE id = 3", { reason: 'altered', id: 3 }],
		[
			'changes what an entry changed',
			`UPDATE changes SET after = REPLACE(after, 's3', 'x3') WHERE revision = 3`,
			{ reason: 'changes_altered', id: 3 },
		],
		['removes an entry', 'DELETE FROM audit WHERE id = 3', { reason: 'not_chained', id: 4 }],
		['removes the first', 'DELETE FROM audit WHERE id = 1', { reason: 'not_chained', id: 2 }],
		[
			'exchanges two entries',
			'UPDATE audit SET id = CASE id WHEN 3 THEN -4 WHEN 4 THEN -3 ELSE id END; UPDATE audit SET id = ABS(id)',
			{ reason: 'altered', id: 3 },
		],
		[
			'puts an entry in',
			`UPDATE audit SET id = -id - 1 WHERE id > 3; UPDATE audit SET id = ABS(id);
				INSERT INTO audit SELECT 4, at, actor, role, action, revision, subject, changes_count, changes_hash, previous_hash, hash
				FROM audit WHERE id = 2`,
			{ reason: 'altered', id: 4 },
		],
	])('tells of whoever %s behind its back', async (_, sql, error) => {
		for (let i = 1; i <= 5; i++) await apply(service(`s${i}`))
		const anchor = (await wholeLog()).at(-1)!.hash!
		expect(await check(anchor)).toMatchObject({ ok: true })
		await inRoot((storage) => void storage.sql.exec(sql))
		expect(await check(anchor)).toEqual({ ok: false, error })
	})

	it('that lost its end is noticed by its anchor', async () => {
		for (let i = 1; i <= 5; i++) await apply(service(`s${i}`))
		const anchor = (await wholeLog()).at(-1)!.hash!
		await inRoot(({ sql }) => void sql.exec('DELETE FROM audit WHERE id > 3'))
		expect((await check()).ok).toBe(true)
		expect(await check(anchor)).toEqual({ ok: false, error: { reason: 'anchor_missing' } })
	})

	it('of 10,000 entries is read in pages and is one chain', async () => {
		await inRoot(({ sql }) => {
			for (let i = 0; i < 10_000; i++) appendAudit(sql, { at: NOW + i, actor: ACTOR, action: 'token.revoke' })
		})
		expect(await check()).toMatchObject({ ok: true, value: { checked: 10_000, notWhole: 0 } })
	})
})

describe('the log of an earlier version', () => {
	it('is taken into the chain as it is, once, and says so', async () => {
		await apply(service('a'))
		await token('ci')
		await apply(service('b'))
		await asBefore()
		await evictDurableObject(rootStub())
		const log = await wholeLog()
		expect(log.map(({ action }) => action)).toEqual(['apply', 'token.create', 'apply', 'chain.begin'])
		expect(log[3]).toMatchObject({ actor: 'mesh', changes: [{ after: { adoptedEntries: 3 } }] })
		expect(log[0]).not.toHaveProperty('changesHash')
		await evictDurableObject(rootStub())
		await apply(service('c'))
		expect(await check()).toMatchObject({ ok: true, value: { checked: 5, notWhole: 3 } })
	})

	it('in which such a version wrote after a newer one goes on as one chain', async () => {
		await apply(service('a'))
		await inRoot(({ sql }) => {
			sql.exec("INSERT INTO audit (at, actor, role, action) VALUES (1, 'old', 'admin', 'token.revoke')")
		})
		await evictDurableObject(rootStub())
		await apply(service('b'))
		expect((await wholeLog()).map(({ action }) => action)).toEqual(['apply', 'token.revoke', 'chain.begin', 'apply'])
		expect((await check()).ok).toBe(true)
	})

	it('that is empty needs no word about it', async () => {
		expect((await root().audit({ limit: 10 })).items).toEqual([])
	})
})

describe('refusals', () => {
	const entries = async () => (await root().audit({ limit: 100 })).items

	it('of a minute are one entry, once the minute is over, with counts by network', async () => {
		await root().refused([login('192.0.2.1', 3), login('192.0.2.2')])
		await root().refused([login('192.0.2.1', 4), { what: 'change', network: '192.0.2.1', actor: 'ci', count: 2 }])
		expect(await entries()).toEqual([])
		vi.setSystemTime(NOW + 60_000)
		await root().flush()
		const since = new Date(NOW).toISOString()
		const counts = {
			since,
			count: 8,
			to: [
				{ network: '192.0.2.1', count: 7 },
				{ network: '192.0.2.2', count: 1 },
			],
		}
		expect(await entries()).toMatchObject([
			{
				action: 'login.refused',
				actor: 'nobody',
				changes: [{ key: 'Refusals/-/login', after: { ...counts, others: 0 } }],
			},
			{ action: 'change.refused', changes: [{ after: { count: 2, to: [{ actor: 'ci', count: 2 }] } }] },
		])
		await root().flush()
		expect(await entries()).toHaveLength(2)
	})

	it('outlive a restart', async () => {
		await root().refused([login('192.0.2.1')])
		await evictDurableObject(rootStub())
		vi.setSystemTime(NOW + 60_000)
		expect(await entries()).toMatchObject([{ changes: [{ after: { count: 1 } }] }])
	})

	it('of however many networks take a bounded number of rows, and one entry that names those refused most', async () => {
		for (let batch = 0; batch < 4; batch++)
			await root().refused(Array.from({ length: 400 }, (_, i) => login(`10.${batch}.0.${i}`, i === 7 ? 100 : 1)))
		const { refused } = await inRoot(everything)
		expect(refused!.length).toBeLessThanOrEqual(501)
		vi.setSystemTime(NOW + 60_000)
		const [entry, ...more] = await entries()
		expect(more).toEqual([])
		const { count, to, others } = entry!.changes[0]!.after as {
			count: number
			to: { network: string }[]
			others: number
		}
		expect([count, to.length, to[0]!.network]).toEqual([4 * 499, 20, '10.0.0.7'])
		expect(others).toBe(count - to.reduce((sum, one) => sum + (one as unknown as { count: number }).count, 0))
	})

	it('are cut where a client says something long', async () => {
		await root().refused([{ what: 'change', network: 'n'.repeat(10_000), actor: 'a'.repeat(10_000), count: 1 }])
		expect(JSON.stringify((await inRoot(everything)).refused).length).toBeLessThan(1_000)
	})
})
