/** The catalog of services, as a region's replica shows it: in pages, and to those who wait for a change. */
import { reset, runInDurableObject } from 'cloudflare:test'
import { afterEach, describe, expect, it } from 'vitest'
import type { SnapshotReplica } from '../../durable-objects/snapshotReplica/snapshotReplica.ts'
import type { Part } from '../../src/snapshot/snapshot.ts'
import { until } from '../until.ts'
import { endpoint, replica, replicaStub } from './meshObjects.ts'

afterEach(() => reset())

const weur = () => replica('weur')
const target = (name: string, sequence: number, ...ids: string[]): Part => ({
	name: `service/${name}`,
	sequence,
	revision: 1,
	hash: `h${sequence}`,
	body: JSON.stringify({ kind: 'service', service: name, endpoints: ids.map((id) => endpoint(id)) }),
})
const push = (from: number, to: number, parts: readonly Part[], complete = true) =>
	weur().push('weur', { epoch: 'epoch-one', from, to, newest: to, revision: 1, complete, parts })
const waiters = () =>
	runInDurableObject(
		replicaStub('weur'),
		(instance: SnapshotReplica) => (instance as unknown as { waiting: Set<unknown> }).waiting.size,
	)
const wait = (version: string, waitMs: number, name = 'default/a') => weur().service('weur', name, { version, waitMs })

describe('the catalog', () => {
	it('is read in pages, in order of namespace and name, without what is no service', async () => {
		const names = ['default/b', 'default/a', 'team/a', 'default/a-b', 'prod/z']
		const others = ['virtualHost/a.test', 'virtualHost/a.test/default/r', 'servicf/x/y'].map((name, i) => ({
			...target('default/a', 10 + i),
			name,
		}))
		await push(0, 12, [...names.map((name, i) => target(name, i + 1)), ...others])
		const seen: string[] = []
		for (let after: string | undefined; ; ) {
			const page = await weur().services('weur', { limit: 2, ...(after === undefined ? {} : { after }) })
			seen.push(...page.items.map(({ namespace, name, host }) => `${namespace}/${name} ${host}`))
			after = page.next
			if (after === undefined) break
		}
		expect(seen).toEqual([
			'default/a a.mesh.localhost',
			'default/a-b a-b.mesh.localhost',
			'default/b b.mesh.localhost',
			'prod/z z--prod.mesh.localhost',
			'team/a a--team.mesh.localhost',
		])
	})

	it('has a version that changes with it', async () => {
		await push(0, 1, [target('default/a', 1)])
		const { version } = await weur().services('weur', { limit: 1 })
		expect((await weur().services('weur', { limit: 5 })).version).toBe(version)
		await push(1, 2, [target('default/a', 2, 'e')])
		expect((await weur().services('weur', { limit: 1 })).version).not.toBe(version)
	})

	it('never makes a page too long to send, and leaves nothing out', async () => {
		const ids = Array.from({ length: 20_000 }, (_, i) => `e${i}`)
		await push(
			0,
			9,
			Array.from({ length: 9 }, (_, i) => target(`default/s${i}`, i + 1, ...ids)),
		)
		const seen: string[] = []
		for (let after: string | undefined; ; ) {
			const page = await weur().services('weur', { limit: 100, ...(after === undefined ? {} : { after }) })
			expect(JSON.stringify(page).length).toBeLessThan(7_000_000)
			seen.push(...page.items.map(({ name }) => name))
			after = page.next
			if (after === undefined) break
		}
		expect(seen).toEqual(Array.from({ length: 9 }, (_, i) => `s${i}`))
	})

	it('has no entry for a service that is unknown or gone', async () => {
		await push(0, 2, [target('default/a', 1), { ...target('default/b', 2), body: null }])
		expect(await weur().service('weur', 'default/b')).toBeNull()
		expect(await weur().service('weur', 'default/c')).toBeNull()
		expect((await weur().services('weur', { limit: 9 })).items.map(({ name }) => name)).toEqual(['a'])
	})
})

describe('waiting for a service', () => {
	it('ends with its change, and with no other', async () => {
		await push(0, 1, [target('default/a', 1)])
		const answer = wait('h1', 30_000)
		await until(async () => (await waiters()) === 1)
		await push(1, 2, [target('default/b', 2)])
		await until(async () => (await waiters()) === 1)
		await push(2, 3, [target('default/a', 3, 'half')], false)
		expect(await waiters()).toBe(1)
		await push(3, 4, [target('default/a', 4, 'whole')])
		expect(await answer).toMatchObject({ version: 'h4', endpoints: [{ id: 'whole' }] })
		expect(await waiters()).toBe(0)
	})

	it('ends when its time is up, with what there is', async () => {
		await push(0, 1, [target('default/a', 1)])
		const started = Date.now()
		expect(await wait('h1', 60)).toMatchObject({ version: 'h1' })
		expect(Date.now() - started).toBeGreaterThanOrEqual(59)
		expect(await waiters()).toBe(0)
	})

	it('leaves no waiter behind, however many there were', async () => {
		await push(0, 1, [target('default/a', 1)])
		const patient = Array.from({ length: 20 }, () => wait('h1', 30_000))
		const hasty = Array.from({ length: 20 }, () => wait('h1', 30))
		await Promise.all(hasty)
		await until(async () => (await waiters()) === 20)
		await push(1, 2, [target('default/a', 2)])
		for (const entry of await Promise.all(patient)) expect(entry?.version).toBe('h2')
		expect(await waiters()).toBe(0)
	})

	it.for([0, -5, Number.NaN])('of %d ms does not wait', async (waitMs, { expect }) => {
		await push(0, 1, [target('default/a', 1)])
		expect(await wait('h1', waitMs)).toMatchObject({ version: 'h1' })
	})

	it('answers at once what differs from the version known', async () => {
		await push(0, 1, [target('default/a', 1)])
		expect(await wait('h0', 30_000)).toMatchObject({ version: 'h1' })
	})

	it('that is not there ends when it comes, and one that goes ends the wait for it', async () => {
		await push(0, 1, [target('default/b', 1)])
		const coming = wait('', 30_000)
		const going = wait('h1', 30_000, 'default/b')
		await until(async () => (await waiters()) === 2)
		await push(1, 3, [target('default/a', 2), { ...target('default/b', 3), body: null }])
		expect(await coming).toMatchObject({ version: 'h2' })
		expect(await going).toBeNull()
	})
})
