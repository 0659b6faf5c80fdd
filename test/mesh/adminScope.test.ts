/**
 * Who may do what, for every row of the API's table: an admin, an operator, a viewer, an operator and a viewer of the namespace alfa, and
 * who shows nothing; of what belongs to alfa, and of what belongs to bravo. A row that is not listed here fails.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kinds } from '../../src/resources/kinds.ts'
import { routes } from '../../workers/admin/routes.ts'
import { ask, made, startAdmin, stopAdmin, tokens } from './adminHarness.ts'

const WHO = ['admin', 'operator', 'viewer', 'operatorOfAlfa', 'viewerOfAlfa', 'nobody'] as const
type Who = (typeof WHO)[number]
const held: Record<Who, string> = {
	...{ admin: '', operator: '', viewer: '', operatorOfAlfa: '', viewerOfAlfa: '', nobody: '' },
}

const inside = (namespace: string, name = `${namespace}-service`, url = 'http://127.0.0.1:9/') => ({
	...{ apiVersion: 'selvedge.dev/v1', kind: 'Service', metadata: { name, namespace }, spec: { endpoints: [{ url }] } },
})
const SHOP = (namespace: string) => `/v1/services/${namespace}/${namespace}-service`
const LEASE = (namespace: string) => `${SHOP(namespace)}/endpoints/nobody`
const RESOURCE = (namespace: string) => `/v1/resources/Service/${namespace}/${namespace}-service`
/** The revisions that made each namespace's documents. */
const revisions: Record<string, number> = {}

interface Case {
	/** Statuses in the order of WHO. */
	readonly alfa: readonly number[]
	readonly bravo?: readonly number[]
	readonly path?: (namespace: string) => string
	readonly body?: (namespace: string) => unknown
}

const reading = (path?: Case['path']): Case => ({
	...{ alfa: [200, 200, 200, 200, 200, 401], bravo: [200, 200, 200, 403, 403, 401] },
	...(path && { path }),
})
/** What is shown is limited, not whether something is. */
const listing: Case = { alfa: [200, 200, 200, 200, 200, 401] }
const writing = (status: number, path?: Case['path'], body?: Case['body']): Case => ({
	...{ alfa: [status, status, 403, status, 403, 401], bravo: [status, status, 403, 403, 403, 401] },
	...(path && { path }),
	...(body && { body }),
})
const forAdmins = (status: number, path?: Case['path'], body?: Case['body']): Case => ({
	...{ alfa: [status, 403, 403, 403, 403, 401], ...(path && { path }), ...(body && { body }) },
})
const forOperatorsOfAll = (status: number, path?: Case['path'], body?: Case['body']): Case => ({
	...{ alfa: [status, status, 403, 403, 403, 401], ...(path && { path }), ...(body && { body }) },
})
const forViewersOfAll: Case = { alfa: [200, 200, 200, 403, 403, 401] }
const forAnyone = (status: number, path?: Case['path']): Case => ({
	...{ alfa: WHO.map(() => status), ...(path && { path }) },
})

const CASES: Readonly<Record<string, Case>> = {
	'POST /v1/apply': writing(
		200,
		() => '/v1/apply?dryRun=true',
		(ns) => [inside(ns, 'new')],
	),
	'POST /v1/delete': writing(
		200,
		() => '/v1/delete?dryRun=true',
		(ns) => [inside(ns)],
	),
	'POST /v1/diff': { ...reading(), body: (ns) => [inside(ns, 'new')] },
	'GET /v1/resources/{kind}': reading((ns) => `/v1/resources/Service?namespace=${ns}`),
	'GET /v1/resources/{kind}/{namespace}/{name}': reading(RESOURCE),
	'PUT /v1/resources/{kind}/{namespace}/{name}': writing(200, RESOURCE, (ns) => inside(ns)),
	'DELETE /v1/resources/{kind}/{namespace}/{name}': writing(404, (ns) => `/v1/resources/Service/${ns}/nothing`),
	'GET /v1/revisions': listing,
	'GET /v1/revisions/{revision}': reading((ns) => `/v1/revisions/${revisions[ns]}`),
	'GET /v1/revisions/{revision}/rollout': reading((ns) => `/v1/revisions/${revisions[ns]}/rollout`),
	// To before bravo's, which takes bravo's back: alfa's own are rolled back by the test below.
	'POST /v1/revisions/{revision}/rollback': {
		alfa: [404, 404, 403, 404, 403, 401],
		path: () => '/v1/revisions/999999/rollback',
	},
	'GET /v1/audit': { alfa: [200, 200, 403, 200, 403, 401] },
	'GET /v1/services': listing,
	'GET /v1/services/{namespace}/{name}': reading(SHOP),
	'GET /v1/services/{namespace}/{name}/endpoints': reading((ns) => `${SHOP(ns)}/endpoints`),
	'GET /v1/services/{namespace}/{name}/endpoints/{id}': {
		...{ alfa: [404, 404, 404, 404, 404, 401], bravo: [404, 404, 404, 403, 403, 401], path: LEASE },
	},
	'PUT /v1/services/{namespace}/{name}/endpoints/{id}': writing(400, LEASE, () => ({})),
	'POST /v1/services/{namespace}/{name}/endpoints/{id}/heartbeat': writing(404, (ns) => `${LEASE(ns)}/heartbeat`),
	'POST /v1/services/{namespace}/{name}/endpoints/{id}/drain': writing(404, (ns) => `${LEASE(ns)}/drain`),
	'DELETE /v1/services/{namespace}/{name}/endpoints/{id}': writing(404, LEASE),
	'GET /v1/discovery/prometheus': listing,
	'POST /v1/tokens': forAdmins(400, undefined, () => ({})),
	'GET /v1/tokens': forAdmins(200),
	'POST /v1/tokens/{id}/rotate': forAdmins(
		404,
		() => '/v1/tokens/nothing/rotate',
		() => ({}),
	),
	'DELETE /v1/tokens/{id}': forAdmins(404, () => '/v1/tokens/nothing'),
	'POST /v1/explain': {
		...reading(),
		body: (ns) => ({ url: `http://${ns}-service--${ns}.mesh.localhost/` }),
	},
	'POST /v1/authorization/replay': {
		...reading(),
		body: (namespace) => [
			{ apiVersion: 'selvedge.dev/v1', kind: 'AuthorizationPolicy', metadata: { name: 'p', namespace }, spec: {} },
		],
	},
	'GET /v1/telemetry/summary': listing,
	'GET /metrics': listing,
	'GET /healthz': forAnyone(200),
	'GET /readyz': forAnyone(200),
	'GET /openapi.json': listing,
	'GET /': listing,
	'POST /v1/identity/token': forAnyone(400),
	'POST /v1/identity/certificates': forAnyone(403),
	'POST /v1/identity/join-tokens': writing(201, undefined, (namespace) => ({ namespace, workload: 'worker' })),
	'GET /v1/identity/join-tokens': { alfa: [200, 200, 403, 200, 403, 401] },
	'DELETE /v1/identity/join-tokens/{id}': {
		...{ alfa: [404, 404, 403, 403, 403, 401], path: () => '/v1/identity/join-tokens/nothing' },
	},
	'GET /v1/identity/crl/{file}': forAnyone(404, () => `/v1/identity/crl/${'0'.repeat(40)}.crl`),
	'GET /v1/keys': forViewersOfAll,
	'POST /v1/keys/rotate': forAdmins(400, undefined, () => ({ purpose: 'none' })),
	'GET /v1/keys/events': forOperatorsOfAll(200),
	'POST /v1/revocations': forOperatorsOfAll(400, undefined, () => ({})),
	'GET /v1/revocations': forViewersOfAll,
	'DELETE /v1/revocations/{id}': forOperatorsOfAll(404, () => '/v1/revocations/999999'),
	'GET /.well-known/jwks.json': forAnyone(200),
	'GET /.well-known/spiffe-bundle.json': forAnyone(200),
	'GET /.well-known/openid-configuration': forAnyone(200),
}

const trust = (namespace: string) => ({
	...{ apiVersion: 'selvedge.dev/v1', kind: 'WorkloadTrust', metadata: { name: `${namespace}-trust`, namespace } },
	spec: { workload: 'worker', maxTtl: '10m', joinToken: { maxTtl: '1h' } },
})

beforeAll(async () => {
	await startAdmin()
	const token = async (name: string, role: string, namespaces?: string[]) => {
		const body = JSON.stringify({ name, role, ...(namespaces && { namespaces }) })
		return (await made<{ token: string }>(ask('POST', '/v1/tokens', { body }))).token
	}
	Object.assign(held, { admin: tokens.admin, operator: tokens.operator, viewer: tokens.viewer })
	held.operatorOfAlfa = await token('operator-of-alfa', 'operator', ['alfa'])
	held.viewerOfAlfa = await token('viewer-of-alfa', 'viewer', ['alfa'])
	for (const namespace of ['alfa', 'bravo']) {
		const documents = [inside(namespace), trust(namespace)]
		const applied = made<{ revision: number }>(ask('POST', '/v1/apply', { body: JSON.stringify(documents) }))
		revisions[namespace] = (await applied).revision
		const lease = JSON.stringify({ url: `http://127.0.0.1:9/${namespace}` })
		await made(ask('PUT', `${SHOP(namespace)}/endpoints/${namespace}-endpoint`, { body: lease }))
		await made(ask('POST', '/v1/identity/join-tokens', { body: JSON.stringify({ namespace, workload: 'worker' }) }))
	}
})
afterAll(stopAdmin)

async function answers(method: string, path: string, one: Case, namespace: string): Promise<Response[]> {
	const responses: Response[] = []
	for (const who of WHO) {
		const body = one.body === undefined ? {} : { body: JSON.stringify(one.body(namespace)) }
		const headers = { 'content-type': 'application/json' }
		responses.push(await ask(method, one.path?.(namespace) ?? path, { token: held[who], headers, ...body }))
	}
	return responses
}

describe('every row of the API', () => {
	it('is listed here, and nothing else is', () => {
		expect(Object.keys(CASES).sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort())
	})

	it.each(routes)(
		'$method $path answers each as it should, and tells those of alfa nothing of bravo',
		async (route) => {
			const one = CASES[`${route.method} ${route.path}`]!
			for (const [namespace, expected] of Object.entries({ alfa: one.alfa, bravo: one.bravo })) {
				if (expected === undefined) continue
				const responses = await answers(route.method, route.path, one, namespace)
				const statuses = responses.map(({ status }, i) => [WHO[i], status])
				expect([namespace, statuses]).toEqual([namespace, WHO.map((who, i) => [who, expected[i]])])
				if (namespace === 'bravo') continue
				for (const who of [3, 4]) expect(await responses[who]!.text(), WHO[who]!).not.toContain('bravo')
			}
		},
	)
})

describe('those of alfa', () => {
	const asAlfa = (method: string, path: string, body?: unknown) =>
		ask(method, path, {
			token: held.operatorOfAlfa,
			headers: { 'content-type': 'application/json' },
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		})

	it('see what is theirs in every list', async () => {
		const lists = ['/v1/resources/Service', '/v1/resources/WorkloadTrust', '/v1/revisions', '/v1/audit', '/v1/services']
		for (const path of [...lists, '/v1/discovery/prometheus', '/v1/identity/join-tokens']) {
			const text = await (await asAlfa('GET', path)).text()
			expect([path, text.includes('alfa'), text.includes('bravo')]).toEqual([path, true, false])
			expect([path, await (await ask('GET', path)).text()]).toEqual([path, expect.stringContaining('bravo')])
		}
	})

	it.each(kinds.filter(({ clusterWide }) => clusterWide).map(({ kind }) => kind))('see no %s', async (kind) => {
		expect(await (await asAlfa('GET', `/v1/resources/${kind}`)).json()).toEqual({ items: [] })
		expect((await asAlfa('GET', `/v1/resources/${kind}/-/default`)).status).toBe(403)
	})

	it('are answered the same for what is there and for what is not', async () => {
		const pairs = [
			['/v1/resources/Service/bravo/bravo-service', '/v1/resources/Service/bravo/nothing'],
			['/v1/services/bravo/bravo-service', '/v1/services/nothing/nothing'],
			[`/v1/revisions/${revisions.bravo}`, '/v1/revisions/999999'],
			[`/v1/revisions/${revisions.bravo}/rollout`, '/v1/revisions/999999/rollout'],
		]
		for (const [there, absent] of pairs) {
			const [one, other] = await Promise.all([asAlfa('GET', there!), asAlfa('GET', absent!)])
			expect([there, one.status, await one.text()]).toEqual([there, 403, await other.text()])
		}
		const explain = async (host: string) => {
			const response = await asAlfa('POST', '/v1/explain', { url: `http://${host}/` })
			return [response.status, await response.text()]
		}
		expect(await explain('bravo-service--bravo.mesh.localhost')).toEqual(await explain('nothing.mesh.localhost'))
	})

	it('cannot slip a document of bravo between their own', async () => {
		const before = await (await ask('GET', '/v1/revisions?limit=1')).text()
		const response = await asAlfa('POST', '/v1/apply', [inside('alfa', 'new'), inside('bravo', 'new')])
		expect(response.status).toBe(403)
		expect(await (await ask('GET', '/v1/revisions?limit=1')).text()).toBe(before)
	})

	it('roll back what is all theirs, and not what is bravo’s too', async () => {
		const body = JSON.stringify(inside('bravo', 'bravo-service', 'http://127.0.0.1:9/second'))
		const { revision } = await made<{ revision: number }>(ask('POST', '/v1/apply', { body }))
		const refused = await asAlfa('POST', `/v1/revisions/${revision - 1}/rollback`)
		expect([refused.status, await refused.text()]).toEqual([403, expect.not.stringContaining('bravo')])
		await made(asAlfa('POST', '/v1/apply', [inside('alfa', 'alfa-service', 'http://127.0.0.1:9/second')]))
		await made(asAlfa('POST', `/v1/revisions/${revision}/rollback`))
	})

	it('delete join tokens of alfa’s workloads, and not those of bravo’s', async () => {
		const { items } = await made<{ items: { id: string; workload: { namespace: string } }[] }>(
			ask('GET', '/v1/identity/join-tokens'),
		)
		for (const [namespace, status] of [
			['alfa', 204],
			['bravo', 403],
		] as const) {
			const { id } = items.find(({ workload }) => workload.namespace === namespace)!
			expect([namespace, (await asAlfa('DELETE', `/v1/identity/join-tokens/${id}`)).status]).toEqual([
				namespace,
				status,
			])
		}
	})
})
