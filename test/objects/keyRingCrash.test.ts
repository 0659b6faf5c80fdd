/** The KeyRing killed between any two steps, and in the middle of one: the ring that is left works. */
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { KeyRing } from '../../durable-objects/keyRing/keyRing.ts'
import type { KeyPurpose, WitRequest } from '../../src/ports.ts'
import {
	askForCertificate,
	askForWit,
	EVIDENCE,
	edgeVerdict,
	equip,
	granted,
	inKeyRing,
	keyRing,
	keyRingStub,
	ORDERS,
	restart,
	verdict,
	workloadKey,
} from './keyRingObjects.ts'
import { freshKeyRing, HOUR, link, NOW } from './keyRingWorld.ts'
import { ACTOR, everything, root } from './meshObjects.ts'

const PURPOSES: readonly KeyPurpose[] = ['wit-svid', 'jwt-svid', 'delegation', 'x509-root', 'x509-intermediate']
freshKeyRing()

async function expectWorks(): Promise<void> {
	const { keys } = await keyRing().info()
	for (const purpose of PURPOSES)
		for (const state of ['active', 'pending'])
			expect(keys.filter((key) => key.purpose === purpose && key.state === state)).toHaveLength(1)
	expect(await verdict(granted(await askForWit()).token)).toBe('good')
	expect(await edgeVerdict(granted(await askForCertificate()))).toBe('good')
}

describe('a join token', () => {
	const HASH = '0'.repeat(64)
	const request = async (): Promise<WitRequest> => ({
		...{ workload: ORDERS, jwk: (await workloadKey()).jwk, ttlSeconds: 600, evidence: EVIDENCE },
		uses: { joinToken: HASH, once: [{ value: 'dpop x', expiresAt: NOW + 60_000 }] },
	})
	const join = async () => keyRing().issueWit(await request())
	beforeEach(async () => {
		await keyRing().info()
		await keyRing().createJoinToken({ workload: ORDERS, trust: EVIDENCE.trust, hash: HASH, ttlSeconds: 600 }, ACTOR)
	})
	/** How many were used, how many were shown, and how many are on record. */
	const stored = async () => {
		const { join_tokens = [], seen = [], events = [] } = await inKeyRing(everything)
		const used = (join_tokens as { used_at: number | null }[]).filter(({ used_at }) => used_at !== null)
		const issued = (events as { action: string }[]).filter(({ action }) => action === 'wit.issue')
		return [used.length, seen.length, issued.length]
	}

	/** What runs in the object, and is then lost with all that is not on disk. */
	type Moment = (asked: Promise<unknown>, storage: DurableObjectStorage) => unknown
	const moments: readonly [string, Moment, string][] = [
		['has just been asked', () => {}, 'good'],
		['has looked at it', () => Promise.resolve(), 'good'],
		['signs', () => scheduler.wait(0), 'good or gone'],
		['has it on record', (asked) => asked, 'good or gone'],
		['has it on disk', (asked, storage) => asked.then(() => storage.sync()), 'gone'],
	]
	it.each(moments)('whose ring is killed when it %s never makes two', async (_, moment, then) => {
		const asked = await request()
		const killed = await runInDurableObject(keyRingStub(), async (instance: KeyRing, context) => {
			const issued = instance.issueWit(asked)
			issued.catch(() => {})
			await moment(issued, context.storage)
			context.abort('killed')
		}).then(String, String)
		expect(killed).toContain('killed')
		await equip(link)
		const before = await stored()
		const answers = [await join(), await join()]
		const isGone = before[0] === 1
		expect(before).toEqual(isGone ? [1, 1, 1] : [0, 0, 0])
		expect(then).toContain(isGone ? 'gone' : 'good')
		expect(answers.filter(({ ok }) => ok)).toHaveLength(isGone ? 0 : 1)
		expect(await stored()).toEqual([1, 1, 1])
	})

	it.each(['join_tokens', 'seen', 'events'])('is as it was when %s cannot be written', async (table) => {
		const event = table === 'join_tokens' ? 'UPDATE' : 'INSERT'
		await inKeyRing(({ sql }) =>
			sql.exec(`CREATE TRIGGER broken BEFORE ${event} ON ${table} BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`),
		)
		const asked = await request()
		const failure = await runInDurableObject(keyRingStub(), (instance: KeyRing) =>
			instance.issueWit(asked).then(String, String),
		)
		expect(failure).toContain('the disk is full')
		await inKeyRing(({ sql }) => sql.exec('DROP TRIGGER broken'))
		expect(await stored()).toEqual([0, 0, 0])
		await restart(link)
		granted(await join())
		expect(await join()).toMatchObject({ error: { reason: 'join_token_gone' } })
		expect(await stored()).toEqual([1, 1, 1])
	})
})

describe('a ring', () => {
	it('that is killed after every step goes on where it was, and tells the root in the end', async () => {
		const steps: (() => Promise<unknown>)[] = [
			() => keyRing().info(),
			() => keyRing().rotate({ purpose: 'wit-svid' }, ACTOR),
			() => runDurableObjectAlarm(keyRingStub()),
			() => keyRing().rotate({ purpose: 'x509-root' }, ACTOR),
			() => keyRing().tick(),
			() => keyRing().rotate({ purpose: 'x509-root', compromised: true }, ACTOR),
			() => keyRing().revoke({ kind: 'token', jti: 'j1' }, 'lost', ACTOR),
			() => keyRing().rotate({}, ACTOR),
			() => keyRing().tick(),
		]
		const before = granted(await askForWit()).token
		for (const [i, step] of steps.entries()) {
			vi.setSystemTime(NOW + i * HOUR)
			link.failing = (['before', 'after', undefined] as const)[i % 3]
			await step()
			await restart(link)
			link.failing = undefined
			await expectWorks()
			expect(await verdict(before)).toBe('good')
		}
		vi.setSystemTime(NOW + steps.length * HOUR)
		await keyRing().tick()
		const { version, publishedVersion } = await keyRing().info()
		expect(publishedVersion).toBe(version)
		expect(await root().trustVersion()).toBe(version)
	})

	it.each([
		['private_keys', 'INSERT', {}],
		['private_keys', 'DELETE', { compromised: true }],
		['keys', 'INSERT', {}],
		['keys', 'INSERT', { compromised: true }],
		['events', 'INSERT', { compromised: true }],
		['meta', 'INSERT', { compromised: true }],
	] as const)('whose %s cannot be written (%s) while it rotates with %o is as it was', async (table, event, how) => {
		await keyRing().info()
		vi.setSystemTime(NOW + 2 * HOUR)
		await keyRing().published()
		const stored = async () => {
			const { keys, private_keys, meta } = await inKeyRing(everything)
			return { keys, private_keys, meta }
		}
		const before = await stored()
		await inKeyRing(({ sql }) =>
			sql.exec(`CREATE TRIGGER broken BEFORE ${event} ON ${table} BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`),
		)
		// Inside the object: a rejection that crosses over is reported a second time, as nobody's.
		const failure = await runInDurableObject(keyRingStub(), (instance: KeyRing) =>
			instance.rotate({ purpose: 'x509-root', ...how }, ACTOR).then(String, String),
		)
		expect(failure).toContain('the disk is full')
		await inKeyRing(({ sql }) => sql.exec('DROP TRIGGER broken'))
		expect(await stored()).toEqual(before)
		await expectWorks()
		await restart(link)
		await expectWorks()
		expect(await keyRing().rotate({ purpose: 'x509-root', ...how }, ACTOR)).toMatchObject({ ok: true })
		await expectWorks()
	})
})
