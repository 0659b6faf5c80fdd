/** Changing and reading resources over HTTP: formats, conditions, and what is shown. */
import { beforeEach, describe, expect, it } from 'vitest'
import { type Ask, asker, createWorld, meshOf, type World } from './fakeMesh.ts'

let world: World
let ask: Ask

beforeEach(async () => {
	world = await createWorld()
	ask = asker(meshOf(world))
})

const yaml = { 'content-type': 'application/yaml' }
const document = (name: string, url = 'https://cart.example.com') =>
	JSON.stringify({ apiVersion: 'selvedge.dev/v1', kind: 'Service', metadata: { name }, spec: { endpoints: [{ url }] } })
const asYaml = (name: string) => `apiVersion: selvedge.dev/v1\nkind: Service\nmetadata:\n  name: ${name}\nspec: {}\n`
const CART = '/v1/resources/Service/default/cart'

describe('apply', () => {
	it('takes YAML documents and a JSON array for the same thing', async () => {
		const one = await ask('POST', '/v1/apply', { body: `${asYaml('cart')}---\n${asYaml('shop')}`, headers: yaml })
		const documents = ['cart', 'shop'].map((name) => ({ ...JSON.parse(document(name)), spec: {} }))
		const other = await ask('POST', '/v1/apply', {
			body: JSON.stringify(documents),
			headers: { 'content-type': 'application/json' },
		})
		expect([one.status, other.status]).toEqual([200, 200])
		expect(world.changes[0]?.put).toEqual(world.changes[1]?.put)
		expect(await one.json()).toMatchObject({
			revision: 1,
			results: [{ name: 'cart', action: 'created' }, { name: 'shop' }],
		})
	})

	it('acts in the name of who asked', async () => {
		await ask('POST', '/v1/apply', { as: 'operator', body: document('cart') })
		expect(world.changes[0]?.actor).toEqual({ token: 'id-operator', name: 'operator', role: 'operator' })
	})

	it('passes a dry run on as one', async () => {
		expect((await ask('POST', '/v1/apply?dryRun=true', { body: document('cart') })).status).toBe(200)
		expect(world.changes[0]?.dryRun).toBe(true)
		expect(world.resources.size).toBe(0)
	})

	it.each([
		['dryRun=maybe', 'query.dryRun'],
		['dryRun=', 'query.dryRun'],
		['dryrun=true', 'query.dryrun'],
		['dryRun=false&dryRun=true', 'query.dryRun'],
	])('never takes ?%s for a real apply', async (query, path) => {
		const response = await ask('POST', `/v1/apply?${query}`, { body: document('cart') })
		expect(response.status).toBe(400)
		expect(await response.json()).toMatchObject({ errors: [{ path }] })
		expect(world.changes).toEqual([])
	})

	it.each([
		['an empty body', '', 'body'],
		['a body of comments', '# nothing\n', 'body'],
		['an unknown field', document('cart').replace('"spec":{', '"spec":{"colour":1,'), 'spec.colour'],
		['a forbidden address', document('cart', 'http://10.0.0.1/'), 'spec.endpoints[0].url'],
	])('refuses %s, changes nothing, and names where', async (_, body, path) => {
		const response = await ask('POST', '/v1/apply', { body })
		expect(response.status).toBe(400)
		expect(response.headers.get('content-type')).toBe('application/problem+json')
		expect(await response.json()).toMatchObject({
			type: 'https://selvedge.dev/problems/invalid-documents',
			errors: [{ path }],
		})
		expect(world.changes).toEqual([])
	})

	it('shows a cluster-wide kind without a namespace', async () => {
		const response = await ask('POST', '/v1/apply', {
			body: '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"prod"}}',
		})
		const { results } = (await response.json()) as { results: object[] }
		expect(results).toEqual([{ apiVersion: 'v1', kind: 'Namespace', name: 'prod', action: 'created' }])
	})
})

describe('delete', () => {
	it('needs no more than what names the resource', async () => {
		await ask('POST', '/v1/apply', { body: document('cart') })
		const response = await ask('POST', '/v1/delete', { body: asYaml('cart'), headers: yaml })
		expect(await response.json()).toMatchObject({ revision: 2, results: [{ name: 'cart', action: 'deleted' }] })
		expect(world.resources.size).toBe(0)
	})
})

describe('one resource', () => {
	it('is created, read, changed and deleted under its path', async () => {
		const created = await ask('PUT', CART, { body: document('cart') })
		expect([created.status, created.headers.get('etag')]).toEqual([201, '"1"'])
		const changed = await ask('PUT', CART, { body: document('cart', 'https://other.example.com') })
		expect([changed.status, changed.headers.get('etag')]).toEqual([200, '"2"'])
		const read = await ask('GET', CART)
		expect(read.headers.get('etag')).toBe('"2"')
		expect(await read.json()).toMatchObject({
			kind: 'Service',
			metadata: {
				name: 'cart',
				namespace: 'default',
				generation: 1,
				resourceVersion: '2',
				creationTimestamp: '2026-01-01T00:00:00Z',
			},
		})
		expect((await ask('DELETE', CART)).status).toBe(200)
		expect((await ask('GET', CART)).status).toBe(404)
		expect((await ask('DELETE', CART)).status).toBe(404)
	})

	it('can be put back as it was read', async () => {
		await ask('PUT', CART, { body: document('cart') })
		const read = await (await ask('GET', CART)).text()
		expect((await ask('PUT', CART, { body: read })).status).toBe(200)
		expect(world.changes[1]?.put).toEqual(world.changes[0]?.put)
	})

	it.each([
		['PUT', { 'if-match': '"1"' }, 412],
		['PUT', { 'if-match': '"2"' }, 200],
		['PUT', { 'if-match': '*' }, 200],
		['PUT', { 'if-match': 'W/"2"' }, 412],
		['PUT', { 'if-none-match': '*' }, 412],
		['PUT', { 'if-match': '2' }, 400],
		['PUT', { 'if-none-match': '"2"' }, 400],
		['DELETE', { 'if-match': '"1"' }, 412],
		['DELETE', { 'if-match': '"2"' }, 200],
	])('%s with %j at revision 2 answers %i, and changes nothing when it refuses', async (method, headers, status) => {
		await ask('PUT', CART, { body: document('cart') })
		await ask('PUT', CART, { body: document('cart', 'https://other.example.com') })
		const body = method === 'PUT' ? { body: document('cart', 'https://third.example.com') } : {}
		const response = await ask(method, CART, { headers: headers as unknown as Record<string, string>, ...body })
		expect(response.status).toBe(status)
		if (status !== 200) expect(world.revision).toBe(2)
		if (status === 412) expect(await response.json()).toMatchObject({ currentRevision: 2 })
		if (status === 412) expect(response.headers.get('etag')).toBe('"2"')
	})

	it.each([
		[{ 'if-match': '"1"' }, 412],
		[{ 'if-match': '*' }, 412],
		[{ 'if-none-match': '*' }, 201],
	])('PUT of what does not exist with %j answers %i', async (headers, status) => {
		const response = await ask('PUT', CART, {
			headers: headers as unknown as Record<string, string>,
			body: document('cart'),
		})
		expect(response.status).toBe(status)
		expect(world.resources.size).toBe(status === 201 ? 1 : 0)
	})

	it('lets one of two writers that read the same revision win', async () => {
		await ask('PUT', CART, { body: document('cart') })
		const write = (url: string) => ask('PUT', CART, { headers: { 'if-match': '"1"' }, body: document('cart', url) })
		const statuses = (await Promise.all([write('https://a.example.com'), write('https://b.example.com')])).map(
			({ status }) => status,
		)
		expect(statuses.sort()).toEqual([200, 412])
	})

	it.each([
		['/v1/resources/Service/default/shop', 'metadata.name'],
		['/v1/resources/Service/prod/cart', 'metadata.namespace'],
		['/v1/resources/Gateway/default/cart', 'kind'],
	])('is refused at %s, naming %s', async (path, field) => {
		const response = await ask('PUT', path, { body: document('cart') })
		expect(response.status).toBe(400)
		expect(await response.json()).toMatchObject({ errors: [{ path: field }] })
		expect(world.changes).toEqual([])
	})

	it('is one: a second document is refused', async () => {
		const response = await ask('PUT', CART, { body: `${asYaml('cart')}---\n${asYaml('shop')}`, headers: yaml })
		expect(response.status).toBe(400)
	})

	it.each([
		['/v1/resources/Nothing/default/cart', 404],
		['/v1/resources/Service/-/cart', 400],
		['/v1/resources/Namespace/default/prod', 400],
		['/v1/resources/Namespace/-/prod', 404],
		['/v1/resources/Service/default/Cart', 400],
		['/v1/resources/Service/default/..%2fetc', 400],
		['/v1/resources/toString/default/cart', 404],
	])('GET %s answers %i', async (path, status) => {
		expect((await ask('GET', path)).status).toBe(status)
	})
})

describe('lists', () => {
	it('say of each item what a single read says', async () => {
		await ask('PUT', CART, { body: document('cart') })
		const single = await (await ask('GET', CART)).json()
		expect(await (await ask('GET', '/v1/resources/Service')).json()).toEqual({ items: [single] })
	})

	it.each(['limit=0', 'limit=501', 'limit=-1', 'limit=1.5', 'limit=ten', 'limit='])('refuse ?%s', async (query) => {
		expect((await ask('GET', `/v1/resources/Service?${query}`)).status).toBe(400)
		expect((await ask('GET', `/v1/revisions?${query}`)).status).toBe(400)
	})

	it('refuse to go on from what was no answer of theirs', async () => {
		expect((await ask('GET', '/v1/revisions?after=abc')).status).toBe(400)
		expect((await ask('GET', '/v1/audit?after=-1')).status).toBe(400)
	})
})
