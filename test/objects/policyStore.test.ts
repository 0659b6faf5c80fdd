/** The root's changes: all or nothing, numbered without gaps, undone exactly. */
import { reset, runInDurableObject } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { KEPT_REVISIONS } from '../../durable-objects/policyStore/history.ts'
import type { PolicyStore } from '../../durable-objects/policyStore/policyStore.ts'
import type { ChangeRequest } from '../../src/ports.ts'
import {
	ACTOR,
	apply,
	change,
	documents,
	everything,
	gateway,
	inRoot,
	longestRowBytes,
	refTo,
	remove,
	root,
	rootStub,
	route,
	service,
	standing,
	storedParts,
} from './meshObjects.ts'

const NOW = Date.UTC(2100, 0, 1)
beforeEach(() => vi.useFakeTimers({ toFake: ['Date'], now: NOW }))
afterEach(async () => {
	vi.useRealTimers()
	await reset()
})

const actions = (outcome: { results: readonly { action: string }[] }) => outcome.results.map(({ action }) => action)
const standingParts = async () => standing(await inRoot(storedParts))

describe('a change', () => {
	it('says of each document whether it was created, configured, unchanged or deleted', async () => {
		expect(actions(await apply(service('a'), service('b')))).toEqual(['created', 'created'])
		expect(actions(await apply(service('a'), service('b', 'http://b:1'), service('c')))).toEqual([
			'unchanged',
			'configured',
			'created',
		])
		expect(actions(await change({ remove: [refTo('Service', 'a'), refTo('Service', 'never')] }))).toEqual([
			'deleted',
			'unchanged',
		])
		expect(await root().get('Service', 'default', 'a')).toBeNull()
	})

	it('numbers revisions 1, 2, 3, and makes none when nothing changes', async () => {
		expect((await apply(service('a'))).revision).toBe(1)
		const before = await inRoot(everything)
		expect((await apply(service('a'))).revision).toBe(1)
		expect((await remove('Service', 'never')).revision).toBe(1)
		expect(await inRoot(everything)).toEqual(before)
		expect((await apply(service('b'))).revision).toBe(2)
		expect((await root().revisions({ limit: 10 })).items.map(({ revision }) => revision)).toEqual([2, 1])
	})

	it('grows the generation of what it changes, and tells which revision did', async () => {
		await apply(service('a'), service('b'))
		vi.setSystemTime(NOW + 5_000)
		await apply(service('a', 'http://a:1'), service('b'))
		expect(await root().get('Service', 'default', 'a')).toMatchObject({
			generation: 2,
			revision: 2,
			createdAt: new Date(NOW).toISOString(),
			status: { conditions: [{ type: 'Accepted', status: 'True', observedGeneration: 2 }] },
		})
		expect(await root().get('Service', 'default', 'b')).toMatchObject({ generation: 1, revision: 1 })
	})

	it('as a dry run writes nothing anywhere, and answers what would be', async () => {
		await apply(service('a'), service('gone'))
		const before = await inRoot(everything)
		const request = {
			put: documents(service('a', 'http://a:1'), service('new'), route('r', 'new', 'gone')),
			remove: [refTo('Service', 'gone')],
		}
		const would = await change({ ...request, dryRun: true })
		expect(await inRoot(everything)).toEqual(before)
		expect(would.revision).toBe(2)
		expect(actions(would)).toEqual(['configured', 'created', 'created', 'deleted'])
		const { effect, currentRevision, ...outcome } = would
		expect([effect?.counts.services, currentRevision]).toEqual([3, 1])
		expect(await change(request)).toEqual(outcome)
	})

	it.for<[string, Partial<ChangeRequest>, number | undefined]>([
		['the revision it was read at', { expectedRevision: 2, put: documents(service('a', 'http://a:9')) }, undefined],
		['an older revision', { expectedRevision: 1, put: documents(service('a', 'http://a:9')) }, 2],
		['nothing there, where there is something', { expectedRevision: 0, put: documents(service('a')) }, 2],
		['nothing there, where there is nothing', { expectedRevision: 0, put: documents(service('new')) }, undefined],
		['a revision of what does not exist', { expectedRevision: 2, put: documents(service('new')) }, 0],
		['an older revision, deleting', { expectedRevision: 1, remove: [refTo('Service', 'a')] }, 2],
		['the revision it was read at, deleting', { expectedRevision: 2, remove: [refTo('Service', 'a')] }, undefined],
	])('expecting %s is refused only where that is not so', async ([, request, currentRevision], { expect }) => {
		await apply(service('a'))
		await apply(service('a', 'http://a:1'))
		await apply(service('other'))
		const before = await inRoot(everything)
		const result = await root().change({ actor: ACTOR, ...request })
		if (currentRevision === undefined) return expect(result).toMatchObject({ ok: true, value: { revision: 4 } })
		expect(result).toEqual({ ok: false, error: { reason: 'precondition_failed', currentRevision } })
		expect(await inRoot(everything)).toEqual(before)
	})

	it('that fails in the middle leaves nothing behind', async () => {
		await apply(service('a'))
		const [impossible] = documents(route('impossible', 'a', 'a'))
		const match = { type: 'RegularExpression', value: '(' }
		const put = [
			...documents(service('b'), gateway('g', 'shop.test')),
			{ ...impossible, spec: { parentRefs: [], rules: [{ matches: [{ path: match }], backendRefs: [] }] } },
		] as ChangeRequest['put']
		const before = await inRoot(everything)
		await runInDurableObject(rootStub(), (store: PolicyStore) =>
			expect(store.change({ actor: ACTOR, put: put! })).rejects.toThrow('does not compile'),
		)
		expect(await inRoot(everything)).toEqual(before)
		expect((await apply(service('b'))).revision).toBe(2)
	})

	it('that changes no part still moves the sequence, so that replicas learn of its revision', async () => {
		await apply(service('a'))
		const before = await root().pull('weur', null)
		await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } })
		const after = await root().pull('weur', { epoch: before.epoch, sequence: before.to })
		expect(after).toMatchObject({ from: before.to, to: before.to + 1, revision: 2, complete: true, parts: [] })
	})
})

describe('a rollback', () => {
	const shop = [gateway('g', 'shop.test'), service('a', 'http://a:1'), route('r', 'g', 'a'), route('older', 'g', 'a')]

	it('takes away what came, brings back what went, and leaves parts exactly as they were', async () => {
		await apply(...shop)
		const before = await standingParts()
		vi.setSystemTime(NOW + 60_000)
		await apply(service('new'), route('extra', 'g', 'new'), service('a', 'http://a:2'))
		await remove('HTTPRoute', 'r')
		await apply(gateway('g', 'other.test'))
		// Deleted and made again: younger than it was, and so of lower precedence, until the rollback.
		await remove('HTTPRoute', 'older')
		await apply(route('older', 'g', 'a'))
		const result = await root().rollback(1, ACTOR)
		expect(result).toMatchObject({ ok: true, value: { revision: 7 } })
		expect(await standingParts()).toEqual(before)
		expect(await root().get('Service', 'default', 'new')).toBeNull()
		expect(await root().get('HTTPRoute', 'default', 'r')).toMatchObject({ createdAt: new Date(NOW).toISOString() })
		expect(await root().revision(7)).toMatchObject({ cause: 'rollback to 1', actor: 'ana' })
	})

	it('to 0 empties the mesh, and can itself be rolled back', async () => {
		await apply(...shop)
		const before = await standingParts()
		await root().rollback(0, ACTOR)
		expect(await standingParts()).toEqual({})
		expect(await inRoot(everything)).toMatchObject({ resources: [], refs: [], produced: [], attached: [] })
		await root().rollback(1, ACTOR)
		expect(await standingParts()).toEqual(before)
	})

	it('to the newest revision changes nothing and makes none', async () => {
		await apply(...shop)
		expect(await root().rollback(1, ACTOR)).toMatchObject({ ok: true, value: { revision: 1, results: [] } })
		expect(await root().revision(2)).toBeNull()
	})

	it.for([2, -1, 1.5, 99])('to %d, which never was, is refused', async (revision, { expect }) => {
		await apply(...shop)
		expect(await root().rollback(revision, ACTOR)).toEqual({
			ok: false,
			error: { reason: 'unknown_revision', revision },
		})
	})
})

describe('the history', () => {
	it('says who changed what, when, from what and to what', async () => {
		await apply(service('a', 'http://a:1'))
		vi.setSystemTime(NOW + 1_000)
		await root().change({
			actor: { token: 't2', name: 'bo', role: 'admin' },
			put: documents(service('a', 'http://a:2'), service('b')),
		})
		const { items } = await root().audit({ limit: 10 })
		expect(items).toMatchObject([
			{ actor: 'bo', role: 'admin', action: 'apply', revision: 2, at: new Date(NOW + 1_000).toISOString() },
			{ actor: 'ana', role: 'operator', action: 'apply', revision: 1, at: new Date(NOW).toISOString() },
		])
		const [first, second, b] = ['http://a:1', 'http://a:2', undefined].map((url) =>
			url === undefined ? documents(service('b'))[0] : documents(service('a', url))[0],
		)
		expect(items[0]?.changes).toEqual([
			{ key: 'Service/default/a', before: first, after: second },
			{ key: 'Service/default/b', before: null, after: b },
		])
	})

	it('is read in pages without gaps or repeats', async () => {
		for (let i = 1; i <= 7; i++) await apply(service(`s${i}`))
		const seen: number[] = []
		for (let after: string | undefined; ; ) {
			const page = await root().revisions({ limit: 3, ...(after === undefined ? {} : { after }) })
			seen.push(...page.items.map(({ revision }) => revision))
			after = page.next
			if (after === undefined) break
		}
		expect(seen).toEqual([7, 6, 5, 4, 3, 2, 1])
		const audit = await root().audit({ limit: 3 })
		const rest = await root().audit({ limit: 10, after: audit.next! })
		expect([...audit.items, ...rest.items].map(({ revision }) => revision)).toEqual([7, 6, 5, 4, 3, 2, 1])
	})

	it('keeps the newest revisions only, and rolls back to no other', async () => {
		for (const name of ['a', 'b', 'c']) await apply(service(name))
		await inRoot(({ sql }) => sql.exec("UPDATE meta SET value = ? WHERE key = 'revision'", String(KEPT_REVISIONS + 1)))
		expect((await apply(service('d'))).revision).toBe(KEPT_REVISIONS + 2)
		const kept = (await root().revisions({ limit: 10 })).items.map(({ revision }) => revision)
		expect(kept).toEqual([KEPT_REVISIONS + 2, 3])
		for (const gone of [0, 1, 2]) expect(await root().rollback(gone, ACTOR)).toMatchObject({ ok: false })
		expect(await root().rollback(3, ACTOR)).toMatchObject({ ok: true })
		expect(await root().get('Service', 'default', 'd')).toBeNull()
		expect(await root().get('Service', 'default', 'c')).not.toBeNull()
		expect(await inRoot(({ sql }) => sql.exec('SELECT * FROM changes WHERE revision < 3').toArray())).toEqual([])
	})
})

describe('a document', () => {
	const paths = (characters: number) =>
		Array.from({ length: 128 }, (_, i) => ({
			path: { type: 'Exact', value: '/p' },
			// Four of a quarter each: no value may be longer than 1,024 characters.
			queryParams: ['a', 'b', 'c', 'd'].map((name) => ({ name, value: `${i}${'é'.repeat(characters / 4 - 3)}` })),
		}))
	const large = (name: string, characters: number) => ({
		...route(name, 'a', 'a'),
		spec: {
			parentRefs: [{ name: 'a' }],
			rules: [0, 1].map((i) => ({ matches: paths(characters).slice(i * 64, i * 64 + 64) })),
		},
	})

	it('that would not fit in a row is refused by name, and nothing is changed', async () => {
		await apply(service('a'))
		const before = await inRoot(everything)
		const put = documents(service('b'), large('huge', 3_900))
		const result = await root().change({ actor: ACTOR, put })
		expect(result).toMatchObject({ ok: false, error: { reason: 'too_large' } })
		expect(JSON.stringify(result)).toContain('HTTPRoute/default/huge')
		expect(await inRoot(everything)).toEqual(before)
	})

	it('of the greatest size fits in every row it gets into, before and after a change', async () => {
		await apply(service('a'), large('wide', 3_400))
		await apply(large('wide', 3_404))
		expect(await inRoot(longestRowBytes)).toBeLessThan(2_000_000)
		expect(await inRoot(longestRowBytes)).toBeGreaterThan(1_700_000)
	})

	it('never makes a page of answers too long to send', async () => {
		const wide = Array.from({ length: 12 }, (_, i) => large(`wide-${i}`, 3_400))
		await apply(...wide)
		const first = await root().list('HTTPRoute', { limit: 100 })
		expect(JSON.stringify(first).length).toBeLessThan(5_000_000)
		const second = await root().list('HTTPRoute', { limit: 100, after: first.next! })
		expect([...first.items, ...second.items]).toHaveLength(12)
		expect(JSON.stringify(await root().audit({ limit: 100 })).length).toBeLessThan(5_000_000)
	})
})
