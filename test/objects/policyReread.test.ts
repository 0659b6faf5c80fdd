/** Documents that an earlier version of the mesh stored. */
import { evictDurableObject, reset } from 'cloudflare:test'
import { afterEach, expect, it } from 'vitest'
import {
	ACTOR,
	apply,
	documents,
	gateway,
	inRoot,
	root,
	rootStub,
	service,
	standing,
	storedParts,
} from './meshObjects.ts'

afterEach(reset)

const route = {
	apiVersion: 'gateway.networking.k8s.io/v1',
	kind: 'HTTPRoute',
	metadata: { name: 'r' },
	spec: { parentRefs: [{ name: 'web' }], rules: [{ backendRefs: [{ name: 'a' }] }] },
}

/** Takes out of the stored route what its schema did not know once, and the note of which schemas it was stored with. */
const age = () =>
	inRoot(({ sql }) => {
		sql.exec("UPDATE meta SET value = 'earlier' WHERE key = 'schemas'")
		for (const table of ['resources', 'changes']) {
			const column = table === 'resources' ? 'document' : 'after'
			sql.exec(`UPDATE ${table} SET ${column} = replace(${column}, '"filters":[],', '') WHERE key LIKE 'HTTPRoute/%'`)
			sql.exec(`UPDATE ${table} SET ${column} = replace(${column}, ',"filters":[]', '') WHERE key LIKE 'HTTPRoute/%'`)
		}
	})

const stored = () =>
	inRoot(({ sql }) => sql.exec<{ document: string }>("SELECT document FROM resources WHERE kind = 'HTTPRoute'").one())

it('are read again with today’s schemas when the object starts, and build as before', async () => {
	await apply(service('a', 'http://a.test'), gateway('web', 'h.test'), route)
	const before = await stored()
	await age()
	expect((await stored()).document).not.toContain('filters')
	await evictDurableObject(rootStub())
	expect(await stored()).toEqual(before)
	// An unchanged document is one that reads the same.
	const again = await root().change({ actor: ACTOR, put: documents(route) })
	expect(again).toMatchObject({ ok: true, value: { results: [{ action: 'unchanged' }] } })
	expect(await root().change({ actor: ACTOR, put: documents(service('a', 'http://b.test')) })).toMatchObject({
		ok: true,
	})
})

it('mention what today’s version looks at: a policy finds the Services that it selects by label', async () => {
	const labelled = { ...service('a', 'http://a.test'), metadata: { name: 'a', labels: { app: 'a' } } }
	await apply(labelled)
	await inRoot(({ sql }) => {
		sql.exec("UPDATE meta SET value = 'earlier' WHERE key = 'schemas'")
		sql.exec('DELETE FROM refs')
	})
	await evictDurableObject(rootStub())
	const spec = { selector: { matchLabels: { app: 'a' } } }
	await apply({ apiVersion: 'selvedge.dev/v1', kind: 'AuthorizationPolicy', metadata: { name: 'nobody' }, spec })
	const parts = standing(await inRoot(storedParts))
	expect(parts['service/default/a']).toMatchObject({ access: [{ name: 'default/nobody' }] })
})

it('can be rolled back to', async () => {
	await apply(service('a', 'http://a.test'), gateway('web', 'h.test'), route)
	await root().change({ actor: ACTOR, remove: documents(route).map((one) => ({ ...one, ...one.metadata })) })
	await inRoot(({ sql }) => {
		for (const pattern of ['"filters":[],', ',"filters":[]'])
			sql.exec(`UPDATE changes SET before = replace(before, ?, '') WHERE key LIKE 'HTTPRoute/%'`, pattern)
	})
	expect(await root().rollback(1, ACTOR)).toMatchObject({ ok: true, value: { results: [{ action: 'created' }] } })
	expect((await stored()).document).toContain('"filters":[]')
})
