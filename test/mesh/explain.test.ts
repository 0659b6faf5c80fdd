/** What the admin API explains is what the proxies then do, with every Worker and object in between. */
import { SignJWT } from 'jose'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Explanation } from '../../src/explain/explanation.ts'
import { type Backend, type Echoed, echo, startBackend, valuesOf } from './backend.ts'
import { eventually } from './client.ts'
import { service } from './documents.ts'
import { type Mesh, startMesh } from './meshHarness.ts'
import { prefix, requestHeaders, responseHeaders, ruled } from './rules.ts'
import { requestAuthentication } from './userIssuer.ts'
import { newKey } from './workload.ts'

const SECRET = 'sk_live_1111111111'
let mesh: Mesh
let backend: Backend

beforeAll(async () => {
	backend = await startBackend(echo)
	mesh = await startMesh({ regions: ['local'] })
	const rewrite = { type: 'URLRewrite', urlRewrite: { hostname: 'inner.test', path: replacePrefix('/v2') } }
	await mesh.apply(
		service('shop', backend.url),
		{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'pay' }, stringData: { key: SECRET } },
		{
			...service('pay', backend.url),
			spec: {
				external: true,
				endpoints: [{ url: backend.url }],
				credential: { apiKey: { in: 'query', name: 'key', secretRef: { name: 'pay', key: 'key' } } },
			},
		},
		...ruled('split', {
			...prefix('/v1'),
			filters: [
				rewrite,
				requestHeaders({ set: [{ name: 'x-stage', value: 'beta' }], remove: ['x-gone'] }),
				responseHeaders({ add: [{ name: 'x-served-by', value: 'the mesh' }] }),
			],
			backendRefs: [
				{ name: 'shop', port: 80, weight: 3 },
				{ name: 'nobody', port: 80, weight: 1 },
			],
		}),
	)
})
afterAll(async () => {
	await mesh?.stop()
	await backend?.stop()
})

const replacePrefix = (replacePrefixMatch: string) => ({ type: 'ReplacePrefixMatch', replacePrefixMatch })
const explain = (question: object) => mesh.api<Explanation>('POST', '/v1/explain', question as object[])

it('odds, refusal and edits are those that requests then meet', async () => {
	const headers = { 'x-gone': 'sent', 'x-stage': 'sent' }
	const explanation = await explain({ url: 'http://split.test/v1/cart?x=1', headers })
	const [sent, refused] = explanation.outcomes.toSorted((a, b) => b.percent - a.percent)
	expect(sent).toMatchObject({ percent: 75, outcome: 'sent', rule: 'default/split/all', service: 'default/shop' })
	expect(refused).toMatchObject({ percent: 25, outcome: 'refused', refusal: { reason: 'invalid_backend' } })
	const [request] = explanation.edits!.request
	const [response] = explanation.edits!.response

	// None of eighty refused: once in 10^10 runs.
	const answers = await Promise.all(
		Array.from({ length: 80 }, () => mesh.via('split.test', '/v1/cart?x=1', { headers })),
	)
	expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 500]))
	for (const { status, text, headers: answered } of answers) {
		if (status === 500) {
			const told = refused?.outcome === 'refused' ? refused.refusal : undefined
			expect(JSON.parse(text)).toMatchObject(told!)
			continue
		}
		const { url, rawHeaders } = JSON.parse(text) as Echoed
		expect(backend.url + url).toBe(request!.url)
		expect(valuesOf(rawHeaders, 'x-forwarded-host')).toEqual([request!.forwardedHost])
		expect(valuesOf(rawHeaders, 'x-stage')).toEqual([request!.headersSet['x-stage']])
		expect(valuesOf(rawHeaders, 'x-gone')).toEqual([])
		expect(answered['x-served-by']).toBe(response!.headersAdded['x-served-by'])
	}
	expect(request!.headersRemoved).toContain('x-gone')
})

it('a secret is named and not told, where requests carry it', async () => {
	const explanation = await explain({ url: 'http://pay.mesh.localhost/charge' })
	expect(explanation.stages).toContainEqual(
		expect.objectContaining({
			stage: 'forward',
			backends: [expect.objectContaining({ service: 'default/pay', credential: { in: 'query', name: 'key' } })],
		}),
	)
	expect(explanation.edits!.request[0]!.url).toBe(`${backend.url}/charge?key=***`)
	expect(JSON.stringify(explanation)).not.toContain(SECRET)
	expect((JSON.parse((await mesh.via('pay.mesh.localhost', '/charge')).text) as Echoed).url).toContain(SECRET)
})

it('a change is explained once it is made, and so is a body that comes with the request', async () => {
	const question = { method: 'POST', url: 'http://late.test/', headers: { 'content-length': '3' } }
	expect((await explain(question)).outcomes).toMatchObject([{ refusal: { reason: 'unknown_host' } }])
	await mesh.apply(...ruled('late', { backendRefs: [{ name: 'shop', port: 80 }], retry: { attempts: 2 } }))
	const explanation = await explain(question)
	expect(explanation.outcome).toBe('The request goes to default/shop (1 endpoint)')
	expect(explanation.stages.find(({ stage }) => stage === 'forward')).toMatchObject({ retry: { tries: 1 } })
	const put = await explain({ ...question, method: 'PUT' })
	expect(put.stages.find(({ stage }) => stage === 'forward')).toMatchObject({ retry: { tries: 3 } })
})

it('users and policies are explained as requests then meet them', async () => {
	const key = await newKey('EdDSA')
	const issuer = 'https://issuer.example'
	const policy = (name: string, spec: object) => ({
		...{ apiVersion: 'selvedge.dev/v1', kind: 'AuthorizationPolicy', metadata: { name } },
		spec: { targetRefs: [{ group: 'selvedge.dev', kind: 'Service', name: 'guarded' }], ...spec },
	})
	await mesh.apply(
		service('guarded', backend.url),
		requestAuthentication('guarded', [{ issuer, jwks: JSON.stringify({ keys: [{ ...key.jwk, kid: 'k' }] }) }]),
		policy('admins', { rules: [{ when: [{ key: 'request.auth.claims[role]', values: ['admin'] }] }] }),
		policy('never', { action: 'DENY', rules: [{ to: [{ operation: { methods: ['DELETE'] } }] }] }),
	)
	const cases: [method: string, role: string | undefined, by: string | undefined, status: number][] = [
		['GET', 'admin', 'default/admins', 200],
		['GET', 'reader', undefined, 403],
		['GET', undefined, undefined, 403],
		['DELETE', 'admin', 'default/never', 403],
	]
	const known = () => mesh.via('guarded.mesh.localhost')
	await eventually(known, ({ status }) => status === 403)
	for (const [method, role, by, status] of cases) {
		const user = role && { issuer, subject: 'alice', claims: { role } }
		const told = await explain({ method, url: 'http://guarded.mesh.localhost/', ...(user && { user }) })
		const authorized = told.stages.find((each) => each.stage === 'authorize')
		expect(authorized!.backends[0]!.by?.policy).toBe(by)
		const exp = Math.floor(Date.now() / 1_000) + 60
		const token = await new SignJWT({ iss: issuer, sub: 'alice', exp, ...(role && { role }) })
			.setProtectedHeader({ alg: 'EdDSA', kid: 'k' })
			.sign(key.privateKey)
		const headers: Record<string, string> = role === undefined ? {} : { authorization: `Bearer ${token}` }
		expect((await mesh.via('guarded.mesh.localhost', '/', { method, headers })).status).toBe(status)
		expect(told.outcomes[0]!.outcome).toBe(status === 200 ? 'sent' : 'refused')
		// The token itself, in the described request's own fields, says the same.
		const shown = await explain({ method, url: 'http://guarded.mesh.localhost/', headers })
		expect(shown.outcomes).toEqual(told.outcomes)
	}
})
