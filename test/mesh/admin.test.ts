/** What the admin API does, on the real runtime with the real Durable Objects behind it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, made, revision, service, startAdmin, stopAdmin, tokens } from './adminHarness.ts'

const route = (name: string, backend: string) => ({
	apiVersion: 'gateway.networking.k8s.io/v1',
	kind: 'HTTPRoute',
	metadata: { name },
	spec: {
		parentRefs: [{ group: '', kind: 'Service', name: 'cart' }],
		rules: [{ backendRefs: [{ name: backend, port: 80 }] }],
	},
})
const apply = (...documents: unknown[]) => made<Applied>(ask('POST', '/v1/apply', { body: JSON.stringify(documents) }))

interface Applied {
	readonly revision: number
	readonly results: { kind: string; name: string; action: string; conditions?: { type: string; status: string }[] }[]
}

beforeAll(startAdmin)
afterAll(stopAdmin)

describe('resources', () => {
	it('are applied, and say of themselves what became of them', async () => {
		const { revision: made, results } = await apply(service('cart'), service('shop'), route('cart', 'nowhere'))
		expect(results.map(({ name, action }) => [name, action])).toEqual([
			['cart', 'created'],
			['shop', 'created'],
			['cart', 'created'],
		])
		const resolved = results[2]?.conditions?.find(({ type }) => type === 'ResolvedRefs')
		expect(resolved).toMatchObject({ status: 'False', reason: 'BackendNotFound' })
		const read = await ask('GET', '/v1/resources/HTTPRoute/default/cart')
		expect(read.headers.get('etag')).toBe(`"${made}"`)
		expect(await read.json()).toMatchObject({
			metadata: { generation: 1, resourceVersion: String(made) },
			status: { parents: [{ parentRef: { name: 'cart' } }] },
		})
	})

	it('applied unchanged make no revision', async () => {
		const first = await apply(service('same'))
		const again = await apply(service('same'))
		expect(again).toMatchObject({ revision: first.revision, results: [{ action: 'unchanged' }] })
	})

	it('in a dry run make no revision, and are answered as if they did', async () => {
		const before = await revision()
		const body = JSON.stringify(service('dry'))
		const outcome = await made<Applied>(ask('POST', '/v1/apply?dryRun=true', { body }))
		expect(outcome.results).toMatchObject([{ name: 'dry', action: 'created' }])
		expect(await revision()).toBe(before)
		expect((await ask('GET', '/v1/resources/Service/default/dry')).status).toBe(404)
	})

	it('that ask for end users say whether anybody is believed to be one, as RequestAuthentications come and go', async () => {
		const of = (kind: string, name: string, spec: object) => ({
			...{ apiVersion: 'selvedge.dev/v1', kind, metadata: { name, namespace: 'users' } },
			spec,
		})
		const match = of('TrafficMatch', 'testers', { when: [{ key: 'request.auth.claims[groups]', values: ['testers'] }] })
		const believed = of('RequestAuthentication', 'id', { jwtRules: [{ issuer: 'https://id.example' }] })
		const accepted = async () => {
			const path = '/v1/resources/TrafficMatch/users/testers'
			return (await made<{ status: { conditions: unknown[] } }>(ask('GET', path))).status.conditions
		}
		const { results } = await apply(match)
		expect(results).toMatchObject([{ conditions: [{ type: 'Accepted', status: 'False', reason: 'NoIssuer' }] }])
		await apply(believed)
		expect(await accepted()).toMatchObject([{ type: 'Accepted', status: 'True', reason: 'Accepted' }])
		await made(ask('POST', '/v1/delete', { body: JSON.stringify([believed]) }))
		expect(await accepted()).toMatchObject([{ type: 'Accepted', status: 'False', reason: 'NoIssuer' }])
	})

	it('of one kind are listed in pages, each once, in order', async () => {
		await apply(...['p1', 'p2', 'p3'].map((name) => ({ ...service(name), metadata: { name, namespace: 'paged' } })))
		const names: string[] = []
		let after = ''
		do {
			const path = `/v1/resources/Service?namespace=paged&limit=2${after}`
			const page = await made<{ items: { metadata: { name: string } }[]; next?: string }>(ask('GET', path))
			names.push(...page.items.map(({ metadata }) => metadata.name))
			after = page.next === undefined ? '' : `&after=${encodeURIComponent(page.next)}`
		} while (after !== '')
		expect(names).toEqual(['p1', 'p2', 'p3'])
	})

	it('are deleted by the documents that made them', async () => {
		await apply(service('gone'))
		const outcome = await made<Applied>(ask('POST', '/v1/delete', { body: JSON.stringify(service('gone')) }))
		expect(outcome.results).toMatchObject([{ name: 'gone', action: 'deleted' }])
		expect((await ask('GET', '/v1/resources/Service/default/gone')).status).toBe(404)
	})
})

describe('two writers', () => {
	it('that read the same revision: one wins, the other is told, and nothing of theirs is kept', async () => {
		const path = '/v1/resources/Service/default/raced'
		const created = await ask('PUT', path, { body: JSON.stringify(service('raced')) })
		const etag = created.headers.get('etag') as string
		expect(created.status).toBe(201)
		const urls = Array.from({ length: 8 }, (_, i) => `http://127.0.0.1:${i + 1}/`)
		const responses = await Promise.all(
			urls.map((url) =>
				ask('PUT', path, { headers: { 'if-match': etag }, body: JSON.stringify(service('raced', url)) }),
			),
		)
		const statuses = responses.map(({ status }) => status)
		expect(statuses.filter((status) => status === 200)).toHaveLength(1)
		expect(statuses.filter((status) => status === 412)).toHaveLength(7)
		const kept = await made<{ spec: { endpoints: { url: string }[] } }>(ask('GET', path))
		expect(kept.spec.endpoints[0]?.url).toBe(urls[statuses.indexOf(200)])
	})

	it('that both want to create: one does', async () => {
		const body = JSON.stringify(service('created-once'))
		const create = () =>
			ask('PUT', '/v1/resources/Service/default/created-once', { headers: { 'if-none-match': '*' }, body })
		const statuses = (await Promise.all([create(), create(), create()])).map(({ status }) => status)
		expect(statuses.sort()).toEqual([201, 412, 412])
	})

	it('cannot delete what changed since they read it', async () => {
		const path = '/v1/resources/Service/default/kept'
		const { headers } = await ask('PUT', path, { body: JSON.stringify(service('kept')) })
		const etag = headers.get('etag') as string
		await ask('PUT', path, { body: JSON.stringify(service('kept', 'http://127.0.0.1:10/')) })
		expect((await ask('DELETE', path, { headers: { 'if-match': etag } })).status).toBe(412)
		expect((await ask('DELETE', path)).status).toBe(200)
	})
})

describe('history', () => {
	it('says who changed what, field by field, and takes it back', async () => {
		const { revision: before } = await apply(service('history', 'http://127.0.0.1:1/'))
		const body = JSON.stringify(service('history', 'http://127.0.0.1:2/'))
		const { revision: after } = await made<Applied>(ask('POST', '/v1/apply', { token: tokens.operator, body }))
		const summary = await made<object>(ask('GET', `/v1/revisions/${after}`, { token: tokens.viewer }))
		expect(summary).toMatchObject({
			actor: 'the-operator',
			cause: 'apply',
			changes: [{ key: 'Service/default/history', action: 'configured' }],
		})
		const { items } = await made<{ items: unknown[] }>(ask('GET', '/v1/audit?limit=1', { token: tokens.operator }))
		expect(items).toMatchObject([
			{
				actor: 'the-operator',
				revision: after,
				changes: [
					{
						before: { spec: { endpoints: [{ url: 'http://127.0.0.1:1/' }] } },
						after: { spec: { endpoints: [{ url: 'http://127.0.0.1:2/' }] } },
					},
				],
			},
		])
		const back = await made<Applied>(ask('POST', `/v1/revisions/${before}/rollback`))
		expect(back.revision).toBe(after + 1)
		const now = await made<{ spec: { endpoints: { url: string }[] } }>(
			ask('GET', '/v1/resources/Service/default/history'),
		)
		expect(now.spec.endpoints[0]?.url).toBe('http://127.0.0.1:1/')
	})
})

describe('discovery', () => {
	const path = '/v1/services/default/joined'
	const join = (id: string) =>
		made<object>(ask('PUT', `${path}/endpoints/${id}`, { body: '{"url":"http://127.0.0.1:8081"}' }))

	it('shows an endpoint as soon as its registration is answered, and no longer once it is drained or gone', async () => {
		expect(await join('a')).toMatchObject({ id: 'a', state: 'active', ttlSeconds: 30 })
		await join('b')
		const ids = async () =>
			(await made<{ endpoints: { id: string }[] }>(ask('GET', path))).endpoints.map(({ id }) => id)
		expect(await ids()).toEqual(['a', 'b'])
		expect(await made(ask('POST', `${path}/endpoints/a/heartbeat`))).toMatchObject({ id: 'a' })
		expect(await made(ask('POST', `${path}/endpoints/a/drain`))).toMatchObject({ state: 'draining' })
		expect(await ids()).toEqual(['b'])
		expect(await made(ask('GET', `${path}/endpoints`))).toMatchObject({
			items: [{ id: 'a', state: 'draining' }, { id: 'b' }],
		})
		expect(await made(ask('DELETE', `${path}/endpoints/b`))).toMatchObject({ id: 'b' })
		expect(await ids()).toEqual([])
		expect((await ask('POST', `${path}/endpoints/b/heartbeat`)).status).toBe(404)
	})

	it.each(['/v1/services', '/v1/services/default/waited'])('wakes who waits for a change of %s', async (waited) => {
		await ask('PUT', '/v1/services/default/waited/endpoints/a', { body: '{"url":"http://127.0.0.1:8081"}' })
		const etag = (await ask('GET', waited)).headers.get('etag') as string
		expect((await ask('GET', waited, { headers: { 'if-none-match': etag } })).status).toBe(304)
		const waiting = ask('GET', `${waited}?wait=30s`, { headers: { 'if-none-match': etag } })
		const changed = await ask('PUT', '/v1/services/default/waited/endpoints/a', {
			body: '{"url":"http://127.0.0.1:8081","weight":2}',
		})
		expect(changed.status).toBe(200)
		const woken = await waiting
		expect(woken.status).toBe(200)
		expect(woken.headers.get('etag')).not.toBe(etag)
	})

	it('answers 304 to who waited in vain', async () => {
		await apply(service('quiet'))
		const etag = (await ask('GET', '/v1/services/default/quiet')).headers.get('etag') as string
		const response = await ask('GET', '/v1/services/default/quiet?wait=50ms', { headers: { 'if-none-match': etag } })
		expect(response.status).toBe(304)
	})

	it('tells Prometheus where the endpoints are', async () => {
		await apply(service('scraped', 'http://127.0.0.1:9100/'))
		const groups = await made<{ targets: string[]; labels: Record<string, string> }[]>(
			ask('GET', '/v1/discovery/prometheus'),
		)
		const scraped = groups.filter(({ labels }) => labels.__meta_selvedge_service === 'default/scraped')
		expect(scraped).toMatchObject([{ targets: ['127.0.0.1:9100'], labels: { __scheme__: 'http' } }])
	})
})
