/** Two whole meshes: workloads of one call services of the other, by keys that are fetched, go stale, rotate, and are given up. */
import {
	createLocalJWKSet,
	decodeJwt,
	decodeProtectedHeader,
	importJWK,
	type JSONWebKeySet,
	type JWK,
	jwtVerify,
	SignJWT,
} from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Fetch } from '../../src/outside/fetchDocument.ts'
import type { KeyRingPort, PolicyStorePort } from '../../src/ports.ts'
import { type OutsideEnv, refreshOutside } from '../../workers/scheduler/outside.ts'
import { type Backend, type Echoed, echo, startBackend, valuesOf } from './backend.ts'
import { type Answer, call, eventually } from './client.ts'
import { service } from './documents.ts'
import { type Mesh, startMesh } from './meshHarness.ts'
import { dpop, exchange, JOIN_TOKEN, JWT, type Key, newId, newKey, proofOf, workloadTrust } from './workload.ts'

const A = 'a.localhost'
const B = 'b.localhost'
const SHOP = `shop.${A}`
const AUD = `http://${SHOP}`
const ORDERS = `spiffe://${B}/ns/default/sa/orders`
const BUNDLE_PATH = '/.well-known/spiffe-bundle.json'

let a: Mesh
let b: Mesh
let backend: Backend
/** The bundle endpoint of b: as b says it, or as the test does. */
let endpoint: Backend
let answered: 'truth' | 'nothing' | { readonly status: number; readonly body: string } = 'truth'
let key: Key
/** How far the clock of a's scheduler is ahead, in ms. */
let ahead = 0

const federated = (trustDomain: string, url: string) => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'FederatedTrustDomain',
	metadata: { name: trustDomain.replaceAll('.', '-') },
	spec: { trustDomain, bundleEndpoint: { url, profile: { type: 'https_web' } } },
})
const withB = () => federated(B, endpoint.url + BUNDLE_PATH)

beforeAll(async () => {
	backend = await startBackend(echo)
	endpoint = await startBackend(async (_, response) => {
		if (answered === 'nothing') return
		const { status, body } = answered === 'truth' ? await bundleOf(b) : answered
		response.writeHead(status, { 'content-type': 'application/json' }).end(body)
	})
	;[a, b] = await Promise.all([
		startMesh({ regions: ['weur'], domain: A }),
		startMesh({ regions: ['weur'], domain: B }),
	])
	const strict = {
		apiVersion: 'selvedge.dev/v1',
		kind: 'PeerAuthentication',
		metadata: { name: 'shop' },
		spec: { targetRefs: [{ group: 'selvedge.dev', kind: 'Service', name: 'shop' }], mode: 'STRICT' },
	}
	const orders = workloadTrust('orders', { workload: 'orders', joinToken: {} })
	for (const mesh of [a, b]) await mesh.apply(service('shop', backend.url), strict, orders)
	// The first minute makes the first keys.
	await Promise.all([a.tick(), b.tick()])
	key = await newKey()
})
afterAll(async () => {
	await Promise.all([a?.stop(), b?.stop()])
	await Promise.all([backend, endpoint].map((each) => each?.stop()))
})

const domainOf = (mesh: Mesh) => (mesh === a ? A : B)

async function admin(mesh: Mesh, method: string, path: string, body?: object, headers: Record<string, string> = {}) {
	const isForm = body instanceof URLSearchParams
	const all = {
		'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json',
		...(isForm ? {} : { authorization: 'Bearer the-first-token' }),
		...headers,
	}
	const sent = body === undefined ? {} : { body: isForm ? String(body) : JSON.stringify(body) }
	return call({ port: mesh.adminPort, host: `admin.${domainOf(mesh)}`, path, method, headers: all, ...sent })
}

async function made(answer: Promise<Answer>): Promise<Record<string, unknown>> {
	const { status, text } = await answer
	if (status >= 300) throw new Error(`${status} ${text}`)
	return JSON.parse(text) as Record<string, unknown>
}

const bundleOf = (mesh: Mesh): Promise<{ status: number; body: string }> =>
	admin(mesh, 'GET', BUNDLE_PATH).then(({ status, text }) => ({ status, body: text }))

/** A WIT, or a JWT-SVID for an audience. */
async function join(mesh: Mesh, audience?: string): Promise<string> {
	const { token } = await made(
		admin(mesh, 'POST', '/v1/identity/join-tokens', { namespace: 'default', workload: 'orders' }),
	)
	const asked = audience === undefined ? {} : { requested_token_type: JWT, audience }
	const form = new URLSearchParams(exchange(String(token), JOIN_TOKEN, asked))
	const htu = `https://admin.${domainOf(mesh)}/v1/identity/token`
	const proof: Record<string, string> = audience === undefined ? { dpop: await dpop(key, { htu }) } : {}
	return String((await made(admin(mesh, 'POST', '/v1/identity/token', form, proof))).access_token)
}

const shown = async (wit: string, mesh = a) => {
	const host = `shop.${domainOf(mesh)}`
	return mesh.via(host, '/', { headers: await proofOf(wit, key, `http://${host}`) })
}
const verdict = async (wit: string, mesh = a) => {
	const { status, text } = await shown(wit, mesh)
	return status === 200 ? 'good' : `${status} ${(JSON.parse(text) as { detail: string }).detail}`
}
const isGood = (said: string) => said === 'good'
const isRefused = (said: string) => said.startsWith('400 ')
const IN_TIME_MS = 1_500

/** Gives up who never answers. Who does, but while the machine stands still, is waited for. */
const ask: Fetch = (url, init) => fetch(url, answered === 'nothing' ? init : { ...init, signal: null })

/** The scheduler of a, an hour later: its real objects, with a clock that the test holds. */
async function anHourLater(): Promise<string[]> {
	ahead += 3_600_000
	const [rings, stores] = [await a.objects<KeyRingPort>('KEY_RING'), await a.objects<PolicyStorePort>('POLICY_STORE')]
	const env: OutsideEnv = { KEY_RING: rings, POLICY_STORE: stores, MESH_DOMAIN: A, ENDPOINT_ADDRESSES: 'any' }
	const failures: string[] = []
	await refreshOutside(env, { fetch: ask, now: () => Date.now() + ahead }, ({ error }) => failures.push(error))
	return failures
}

describe('a mesh that federates with another', () => {
	it('believes none of its workloads before it has its bundle, and all of them after', async () => {
		const wit = await join(b)
		const known = await eventually(
			() => verdict(wit),
			(said) => said.startsWith('400 '),
		)
		expect(known).toContain('the trust domain must be that of the mesh, or federated with it')
		await a.apply(withB())
		await a.tick()
		await eventually(() => verdict(wit), isGood, IN_TIME_MS)
	})

	it('tells its services who calls, in its own words', async () => {
		const wit = await join(b)
		const { text } = await eventually(
			() => shown(wit),
			({ status, text }) => status === 200 && /selvedge-caller/i.test(text),
		)
		const [assertion] = valuesOf((JSON.parse(text) as Echoed).rawHeaders, 'selvedge-caller')
		const jwks = (await made(admin(a, 'GET', '/.well-known/jwks.json'))) as unknown as JSONWebKeySet
		const { delegation } = decodeProtectedHeader(assertion!) as { delegation: string }
		const issuer = `https://admin.${A}`
		const { payload } = await jwtVerify(delegation, createLocalJWKSet(jwks), { typ: 'selvedge-delegation+jwt', issuer })
		const { jwk } = payload.cnf as { jwk: JWK }
		const options = { typ: 'selvedge-caller+jwt', issuer, audience: AUD }
		expect((await jwtVerify(assertion!, await importJWK(jwk, 'ES256'), options)).payload.sub).toBe(ORDERS)
	})

	it('takes JWT-SVIDs of it too, for the audience that they are for', async () => {
		const bearer = async (audience: string) =>
			(await a.via(SHOP, '/', { headers: { authorization: `Bearer ${await join(b, audience)}` } })).status
		expect(await bearer(AUD)).toBe(200)
		expect(await bearer(`http://shop.${B}`)).toBe(401)
	})

	it('is not believed by it in turn', async () => {
		const wit = await join(a)
		await eventually(() => verdict(wit), isGood)
		expect(await eventually(() => verdict(wit, b), isRefused)).toContain('federated with it')
	})

	it('gives none of its own identities to workloads of the other', async () => {
		const form = new URLSearchParams({ grant_type: 'client_credentials' })
		const url = `https://admin.${A}/v1/identity/token`
		const headers = { ...(await proofOf(await join(b), key, url)), dpop: await dpop(key, { htu: url }) }
		const { text } = await admin(a, 'POST', '/v1/identity/token', form, headers)
		expect(JSON.parse(text)).toMatchObject({
			error: 'invalid_client',
			error_description: expect.stringContaining('must be of the trust domain of this mesh'),
		})
	})
})

describe('keys of a third trust domain', () => {
	const C = 'c.localhost'
	let ofC: Key
	let endpointOfC: Backend
	const forged = async (sub: string, kid: string) =>
		new SignJWT({ sub, exp: Math.floor(Date.now() / 1000) + 300, jti: newId(), cnf: { jwk: key.jwk } })
			.setProtectedHeader({ typ: 'wit+jwt', alg: 'ES256', kid })
			.sign(ofC.privateKey)

	beforeAll(async () => {
		ofC = await newKey()
		endpointOfC = await startBackend((_, response) =>
			response.end(JSON.stringify({ keys: [{ ...ofC.jwk, kid: 'c1', use: 'wit-svid' }] })),
		)
		await a.apply(federated(C, endpointOfC.url))
		await a.tick()
		const wit = await forged(`spiffe://${C}/billing`, 'c1')
		await eventually(() => verdict(wit), isGood)
	})
	afterAll(async () => {
		await a.remove(federated(C, endpointOfC.url))
		await endpointOfC.stop()
	})

	it.each([
		['the other one', () => b, ORDERS],
		['the mesh itself', () => a, `spiffe://${A}/ns/default/sa/orders`],
	])('make no workload of %s, under their own name or that of its key', async (_, mesh, sub) => {
		const { kid } = decodeProtectedHeader(await join(mesh()))
		expect(await verdict(await forged(sub, 'c1'))).toMatch(/^400 .*one that the trust domain publishes for this use/)
		expect(await verdict(await forged(sub, kid!))).toMatch(/^400 /)
		expect(await verdict(await forged(`spiffe://${C}/billing`, kid!))).toMatch(/^400 /)
	})

	it('are refused for the trust domain of the mesh itself, whoever asks for it', async () => {
		await a.apply(federated(A, endpointOfC.url))
		expect(await anHourLater()).toEqual([])
		expect(await verdict(await forged(`spiffe://${A}/ns/default/sa/orders`, 'c1'))).toMatch(/^400 /)
		expect(await verdict(await join(a))).toBe('good')
		await a.remove(federated(A, endpointOfC.url))
	})
})

describe('a rotation in the other mesh', () => {
	let before: string
	let after: string
	let oldBundle: string

	it('goes unnoticed, since its next key was known before', async () => {
		before = await join(b)
		oldBundle = (await bundleOf(b)).body
		await made(admin(b, 'POST', '/v1/keys/rotate', { purpose: 'wit-svid', compromised: true }))
		after = await join(b)
		expect(decodeProtectedHeader(after).kid).not.toBe(decodeProtectedHeader(before).kid)
		expect([await verdict(before), await verdict(after)]).toEqual(['good', 'good'])
	})

	it('is followed by the next refresh: what the old key signed is refused', async () => {
		await eventually(
			() => bundleOf(b),
			({ body }) => !body.includes(decodeProtectedHeader(before).kid!),
		)
		expect(await anHourLater()).toEqual([])
		await eventually(() => verdict(before), isRefused, IN_TIME_MS)
		expect(await verdict(after)).toBe('good')
	})

	it('is not taken back by an older bundle that is shown again', async () => {
		answered = { status: 200, body: oldBundle }
		expect(await anHourLater()).toEqual([expect.stringContaining('spiffe_sequence went back')])
		expect([await verdict(before), await verdict(after)]).toEqual([expect.stringMatching(/^400 /), 'good'])
	})

	it.each([
		['answers 500', { status: 500, body: '' }],
		['redirects', { status: 302, body: '' }],
		['is no bundle any more', { status: 200, body: '<html>' }],
		['hangs', 'nothing' as const],
	])('is all that ends what was believed: an endpoint that %s leaves a stale bundle', async (_, answer) => {
		answered = answer
		expect(await anHourLater()).toHaveLength(1)
		expect(await verdict(after)).toBe('good')
		answered = 'truth'
	})

	it('to a key that nobody heard of is believed once it is fetched', async () => {
		for (let i = 0; i < 2; i++)
			await made(admin(b, 'POST', '/v1/keys/rotate', { purpose: 'wit-svid', compromised: true }))
		const newest = await join(b)
		expect(await verdict(newest)).toMatch(/^400 .*one that the trust domain publishes for this use/)
		await eventually(
			() => bundleOf(b),
			({ body }) => body.includes(decodeProtectedHeader(newest).kid!),
		)
		expect(await anHourLater()).toEqual([])
		await eventually(() => verdict(newest), isGood, IN_TIME_MS)
	})
})

it('a relationship that is removed ends within a second and a half, and none of its keys stays under another name', async () => {
	const wit = await join(b)
	const token = await join(b, AUD)
	expect(decodeJwt(wit).sub).toBe(ORDERS)
	await a.apply(federated('alias.localhost', endpoint.url + BUNDLE_PATH))
	await anHourLater()
	expect(await verdict(wit)).toBe('good')
	await a.remove(withB())
	await eventually(() => verdict(wit), isRefused, IN_TIME_MS)
	expect((await a.via(SHOP, '/', { headers: { authorization: `Bearer ${token}` } })).status).toBe(401)
	await anHourLater()
	const ring = (await a.objects<KeyRingPort>('KEY_RING')).getByName('mesh')
	expect(await ring.fetchedKeys(B)).toBeNull()
})
