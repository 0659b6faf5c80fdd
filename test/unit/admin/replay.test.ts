/** What may be tried out on the requests that the regions remember, by whom, and how it is told. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { AccessLayers, AccessSample } from '../../../src/ports.ts'
import { hashOf } from '../../../workers/admin/tokens.ts'
import { type Ask, asker, createWorld, meshOf, type World } from './fakeMesh.ts'

const PATH = '/v1/authorization/replay'
const KEY = 'ab'.repeat(32)

let world: World
let ask: Ask

const sample = (over: Partial<AccessSample> = {}): AccessSample => ({
	...{ at: 0, service: 'shop/cart', rule: 'shop/web/0', method: 'GET', host: 'h', port: 80, path: '/a' },
	...{ network: '', headers: [], allowed: true },
	...over,
})
const denying = (name: string): AccessLayers => ({
	...world.tried.before,
	mesh: { access: [{ name, action: 'DENY', rules: [{}] }] },
})
const policy = (namespace = 'shop') => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'AuthorizationPolicy',
	metadata: { name: 'p', namespace },
	spec: { action: 'DENY', rules: [{}] },
})
const post = (query = '', documents: unknown = [policy()], options: Parameters<Ask>[2] = {}) =>
	ask('POST', `${PATH}${query}`, {
		as: 'viewer',
		headers: { 'content-type': 'application/json' },
		body: documents === null ? '' : JSON.stringify(documents),
		...options,
	})

beforeEach(async () => {
	world = await createWorld()
	world.revision = 4
	const region = { series: [], overflow: 0, syncFailures: 0, ejections: [], isolates: [] }
	world.telemetry = { weur: { region: 'weur', ...region }, enam: { region: 'enam', ...region } }
	world.samples = {
		weur: [{ key: KEY, samples: [sample(), sample()] }],
		enam: [{ key: KEY, samples: [sample({ rule: 'other/web/0', path: '/b' })] }],
	}
	world.tried = { ...world.tried, after: denying('shop/p') }
	ask = asker(meshOf(world))
})

describe('a replay', () => {
	it('is over the samples of all regions, and changes nothing', async () => {
		const response = await post()
		expect(response.status).toBe(200)
		expect(await response.json()).toEqual({
			...{ revision: 4, samples: 3, unchanged: 0, newlyAdmitted: [], undecided: [], leftOut: 0, otherThen: 0 },
			newlyRefused: [
				{
					...{ source: null, service: 'shop/cart', rule: 'shop/web/0', route: 'shop/web', method: 'GET', path: '/a' },
					...{ by: 'shop/p', reason: 'access_denied', count: 2 },
				},
				{
					...{ source: null, service: 'shop/cart', rule: 'other/web/0', route: 'other/web', method: 'GET', path: '/b' },
					...{ by: 'shop/p', reason: 'access_denied', count: 1 },
				},
			],
			...{ truncated: false, silentRegions: [] },
		})
		expect(world.calls).not.toContain('policyStore.change')
		expect(world.revision).toBe(4)
	})

	it('says which regions do not answer', async () => {
		world.failing.set('telemetry.weur.samples', Object.assign(new Error('lost'), { retryable: true }))
		expect(await (await post()).json()).toMatchObject({ samples: 1, silentRegions: ['weur'] })
	})

	it('takes documents, or what is to be removed, or both', async () => {
		const removed = { apiVersion: 'selvedge.dev/v1', kind: 'AuthorizationPolicy', namespace: 'shop', name: 'old' }
		const query = '?remove=AuthorizationPolicy/shop/old,RequestAuthentication/shop/jwt'
		expect((await post(query, null)).status).toBe(200)
		expect((await post(query)).status).toBe(200)
		expect(world.changes.map(({ put, remove }) => [put!.length, remove!.length])).toEqual([
			[0, 2],
			[1, 2],
		])
		expect(world.changes[0]!.remove![0]).toEqual(removed)
	})

	it('that is too much for an isolate has to wait', async () => {
		let open = () => {}
		const gate = new Promise<void>((resolve) => {
			open = resolve
		})
		const { weur } = world.samples
		Object.defineProperty(world.samples, 'weur', { get: () => gate.then(() => weur) })
		const posted = [post(), post()]
		// Both are under way once the regions were asked for by both.
		while (world.calls.filter((call) => call === 'telemetry.weur.samples').length < 2)
			await new Promise((resolve) => setImmediate(resolve))
		expect((await post()).status).toBe(503)
		open()
		expect((await Promise.all(posted)).map(({ status }) => status)).toEqual([200, 200])
		expect((await post()).status).toBe(200)
	})

	it('shows so many groups, and that there are more', async () => {
		const many = Array.from({ length: 600 }, (_, i) => sample({ path: `/p${i}` }))
		world.samples = { weur: [{ key: KEY, samples: many }] }
		const body = (await (await post()).json()) as { newlyRefused: object[]; truncated: boolean; samples: number }
		expect([body.samples, body.newlyRefused.length, body.truncated]).toEqual([600, 500, true])
	})
})

describe('a replay is refused', () => {
	it.each<[string, string, unknown, string]>([
		['of nothing', '', null, 'holds no document'],
		['of no document', '', [], 'holds no document'],
		[
			'of a Service',
			'',
			[{ apiVersion: 'selvedge.dev/v1', kind: 'Service', metadata: { name: 'a' }, spec: {} }],
			'must be one of AuthorizationPolicy',
		],
		['without a Gateway', '?remove=Gateway/shop/g', null, 'must be one of AuthorizationPolicy'],
		['of a document with a mistake', '', [{ ...policy(), spec: { action: 'BLESS' } }], 'action'],
		['without what has no name', '?remove=AuthorizationPolicy', null, ''],
		['of more than a day', '?since=25h', [policy()], ''],
		['of too many', '?limit=10001', [policy()], ''],
		['of none', '?limit=0', [policy()], ''],
	])('%s', async (_, query, documents, message) => {
		const response = await post(query, documents)
		expect([400, 422]).toContain(response.status)
		expect(await response.text()).toContain(message)
	})
})

describe('a document of a kind that is not replayed is named', () => {
	const yaml = (text: string) =>
		ask('POST', PATH, { as: 'viewer', headers: { 'content-type': 'application/yaml' }, body: text })
	const wrong = 'must be one of AuthorizationPolicy, RequestAuthentication, Mesh'
	const service = { apiVersion: 'selvedge.dev/v1', kind: 'Service', metadata: { name: 'a' }, spec: {} }
	const errorsOf = async (response: Response) => ((await response.json()) as { errors: object[] }).errors

	it('from 1, as when it is applied', async () => {
		const response = await post('', [policy(), service])
		expect(response.status).toBe(400)
		const body = (await response.json()) as { detail: string; errors: object[] }
		expect(body.detail).toBe(`Nothing was changed: document 2, kind: ${wrong}`)
		expect(body.errors).toEqual([{ document: 2, kind: 'Service', path: 'kind', message: wrong }])
	})

	it('where it stands in the text, behind empty ones and in Lists', async () => {
		const text = `---\n---\n${JSON.stringify(policy())}\n---\nkind: List\nitems:\n- ${JSON.stringify(service)}\n`
		expect(await errorsOf(await yaml(text))).toEqual([
			{ document: 3, kind: 'Service', path: 'items[0].kind', message: wrong, line: 7 },
		])
	})

	it('in the query, when it is to be removed', async () => {
		const remove = '?remove=AuthorizationPolicy/shop/a,Gateway/shop/g'
		expect(await errorsOf(await post(remove))).toEqual([{ path: 'query.remove[1]', message: `${wrong}, and its name` }])
	})
})

describe('who is limited to namespaces', () => {
	const limited = { headers: { authorization: 'Bearer limited', 'content-type': 'application/json' } }
	beforeEach(async () => {
		world.principals.set(await hashOf('limited'), { token: 't', name: 'lim', role: 'viewer', namespaces: ['shop'] })
	})

	it('asks of samples of those only', async () => {
		expect((await post('?namespace=other', [policy()], { ...limited, as: null })).status).toBe(403)
		expect((await post('?namespace=shop', [policy()], { ...limited, as: null })).status).toBe(200)
	})

	it('is not told what others call their policies and routes', async () => {
		world.tried = { ...world.tried, after: denying('default/secret') }
		const text = await (await post('', [policy()], { ...limited, as: null })).text()
		expect(text).not.toMatch(/secret|other\/web/)
		expect(JSON.parse(text)).toMatchObject({
			newlyRefused: [
				{ by: '', rule: 'shop/web/0' },
				{ by: '', rule: '', route: null },
			],
		})
	})
})

it('whoever shows no token is told nothing', async () => {
	expect((await post('', [policy()], { as: null })).status).toBe(401)
})
