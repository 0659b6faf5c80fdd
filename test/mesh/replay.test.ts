/** A change of policies tried out on real requests: what a replay says is what then happens to the same requests. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Change, pathGroup } from '../../src/replay/groups.ts'
import type { Replayed } from '../../src/replay/replay.ts'
import { seeded } from '../random.ts'
import { type Backend, echo, startBackend } from './backend.ts'
import { eventually } from './client.ts'
import { service } from './documents.ts'
import { adminOf, type Identity, joined } from './identities.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'
import { requestAuthentication, startUserIssuer, type UserIssuer } from './userIssuer.ts'
import { proofOf, workloadTrust } from './workload.ts'

const SEED = 7
const REGIONS = ['weur', 'enam', 'apac', 'eeur']
/** As many of an isolate's as it remembers at once. */
const REQUESTS_PER_REGION = 75
const HOST = `shop.${DOMAIN}`

let backend: Backend
let issuer: UserIssuer
let mesh: Mesh
const callers = new Map<string, Identity>()
const tokens = new Map<string, string>()

interface Sent {
	readonly region: string
	readonly caller: string
	readonly user: string
	readonly method: string
	readonly path: string
	readonly tenant: string
}

const policy = (name: string, action: string, rules: readonly object[]) => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'AuthorizationPolicy',
	metadata: { name },
	spec: { targetRefs: [{ group: 'selvedge.dev', kind: 'Service', name: 'shop' }], action, rules },
})

const principal = (workload: string) => `${DOMAIN}/ns/default/sa/${workload}`

const old = policy('old', 'DENY', [
	{ from: [{ source: { notRequestPrincipals: ['*'] } }], to: [{ operation: { methods: ['DELETE'] } }] },
])

/** Of all that policies look at something: who calls, for whom, what, and with which fields. */
const candidate = () => [
	policy('admins', 'DENY', [
		{ from: [{ source: { notPrincipals: [principal('web')] } }], to: [{ operation: { paths: ['/admin*'] } }] },
		{ when: [{ key: 'request.headers[x-tenant]', values: ['acme'] }], to: [{ operation: { methods: ['PUT'] } }] },
	]),
	policy('readers', 'ALLOW', [
		{ when: [{ key: 'request.auth.claims[role]', values: ['admin'] }] },
		{ from: [{ source: { requestPrincipals: [`${issuer.url}/bob`] } }], to: [{ operation: { methods: ['GET'] } }] },
		{ from: [{ source: { principals: [principal('web'), principal('batch')] } }] },
		{ to: [{ operation: { paths: ['/public', '/orders/{*}'] } }] },
	]),
]

const all: readonly Sent[] = (() => {
	const random = seeded(SEED)
	const pick = <T>(among: readonly T[]): T => among[Math.floor(random() * among.length)]!
	return REGIONS.flatMap((region) =>
		Array.from({ length: REQUESTS_PER_REGION }, () => ({
			region,
			caller: pick(['', '', 'web', 'batch']),
			user: pick(['', 'alice', 'bob']),
			method: pick(['GET', 'PUT', 'DELETE']),
			path: pick(['/public', '/orders/1', '/orders/2/lines', '/admin/users', '/x']),
			tenant: pick(['', 'acme', 'other']),
		})),
	)
})()

async function send({ region, caller, user, method, path, tenant }: Sent): Promise<number> {
	const headers: Record<string, string> = { 'cf-connecting-ip': '192.0.2.7' }
	const token = tokens.get(user)
	if (token !== undefined) headers.authorization = `Bearer ${token}`
	const identity = callers.get(caller)
	if (identity !== undefined) {
		const ath = token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') }
		Object.assign(headers, await proofOf(identity.wit, identity.key, `http://${HOST}`, ath))
	}
	if (tenant !== '') headers['x-tenant'] = tenant
	return (await mesh.via(HOST, `${path}?secret=s3cret`, { region, method, headers })).status
}

/** Isolates that have just begun may not have the keys yet. A proof that is for another place tells, and is never sampled. */
async function believes(region: string): Promise<void> {
	const { wit, key } = callers.get('web')!
	const misled = async () => mesh.via(HOST, '/', { region, headers: await proofOf(wit, key, 'http://elsewhere.test') })
	await eventually(misled, ({ text }) => text.includes('"invalid_proof"'))
}

/** What the proxy answers by itself names the revision that it runs. */
const inForce = (region: string, revision: number) =>
	eventually(
		async () => (JSON.parse((await mesh.via('nowhere.test', '/', { region })).text) as { revision: number }).revision,
		(running) => running >= revision,
	)

const sendAll = () => Promise.all(all.map(send))

/** One of the groups of a replay, as the requests themselves make them. */
const groupOf = ({ caller, user, method, path }: Sent) =>
	JSON.stringify([
		caller === '' ? null : `spiffe://${principal(caller)}`,
		user === '' ? null : issuer.url,
		method,
		pathGroup(path),
	])

const told = (changes: readonly Change[]) => {
	const counts = new Map<string, number>()
	for (const { source, user, method, path, count } of changes) {
		const key = JSON.stringify([source, user?.issuer ?? null, method, path])
		counts.set(key, (counts.get(key) ?? 0) + count)
	}
	return counts
}

function happened(before: readonly number[], after: readonly number[], from: number, to: number) {
	const counts = new Map<string, number>()
	for (const [i, sent] of all.entries())
		if (before[i] === from && after[i] === to) counts.set(groupOf(sent), (counts.get(groupOf(sent)) ?? 0) + 1)
	return counts
}

const sorted = (counts: ReadonlyMap<string, number>) => [...counts].sort(([a], [b]) => (a < b ? -1 : 1))

const replay = (documents: object[], query = '') =>
	mesh.api<Replayed>('POST', `/v1/authorization/replay?${query}`, documents)

beforeAll(async () => {
	;[backend, issuer] = await Promise.all([startBackend(echo), startUserIssuer('EdDSA')])
	mesh = await startMesh({ regions: REGIONS })
	const [key] = issuer.keys
	await mesh.apply(
		{ apiVersion: 'selvedge.dev/v1', kind: 'Mesh', metadata: { name: 'default' }, spec: { samples: { share: 1 } } },
		service('shop', backend.url),
		...['web', 'batch'].map((workload) => workloadTrust(workload, { workload, joinToken: {} })),
		requestAuthentication('shop', [
			{ issuer: issuer.url, jwks: JSON.stringify({ keys: [{ ...key![1].jwk, kid: key![0] }] }) },
		]),
		old,
	)
	for (const workload of ['web', 'batch']) callers.set(workload, await joined(adminOf(mesh), workload))
	tokens.set('alice', await issuer.token({ sub: 'alice', role: 'admin' }))
	tokens.set('bob', await issuer.token({ sub: 'bob', role: 'reader' }))
	await Promise.all(REGIONS.map(believes))
})
afterAll(async () => {
	await mesh?.stop()
	await Promise.all([backend, issuer].map((each) => each?.stop()))
})

describe('a replay', () => {
	it(`says of ${all.length} mixed requests what a change then does to each (seed ${SEED})`, async () => {
		const before = await sendAll()
		expect(new Set(before)).toEqual(new Set([200, 403]))
		const result = await eventually(
			() => replay(candidate(), 'remove=AuthorizationPolicy/default/old'),
			({ samples }) => samples >= all.length,
		)
		expect(result).toMatchObject({ samples: all.length, undecided: [], leftOut: 0, otherThen: 0 })
		await mesh.apply(...candidate())
		const revision = await mesh.remove(old)
		await Promise.all(REGIONS.map((region) => inForce(region, revision)))
		const after = await sendAll()
		expect(sorted(told(result.newlyRefused))).toEqual(sorted(happened(before, after, 200, 403)))
		expect(sorted(told(result.newlyAdmitted))).toEqual(sorted(happened(before, after, 403, 200)))
		expect([result.newlyRefused.length, result.newlyAdmitted.length].every((count) => count > 5)).toBe(true)
	})

	it('names what it cannot tell', async () => {
		const unsure = policy('unsure', 'DENY', [{ when: [{ key: 'request.headers[x-tenant]', values: ['ac*'] }] }])
		const { undecided } = await replay([unsure])
		expect(undecided).toMatchObject([{ condition: 'request.headers[x-tenant]', policy: 'default/unsure' }])
	})

	it('keeps nothing of what was private', async () => {
		const stored = await Promise.all(
			REGIONS.map(async (region) => {
				const store = (
					await mesh.objects<{ samples(region: string, request: object): Promise<unknown> }>('TELEMETRY_STORE')
				).getByName(region)
				return JSON.stringify(await store.samples(region, { since: 0, limit: 10_000 }))
			}),
		)
		const text = stored.join()
		expect(text).toContain('/orders/2/lines')
		for (const secret of ['s3cret', 'acme', 'alice', 'admin"', '192.0.2.7', tokens.get('bob')!])
			expect(text).not.toContain(secret)
	})
})

it('requests whose token is refused are remembered, too: what would admit them is told, or that one cannot tell', async () => {
	const stranger = await startUserIssuer()
	const token = await stranger.token()
	await stranger.stop()
	const headers = { authorization: `Bearer ${token}`, 'cf-connecting-ip': '192.0.2.7' }
	for (let i = 0; i < 3; i++) expect((await mesh.via(HOST, '/public', { region: 'weur', headers })).status).toBe(401)
	const removed = await eventually(
		() => replay([], 'remove=RequestAuthentication/default/shop'),
		({ newlyAdmitted }) => newlyAdmitted.some(({ count }) => count === 3),
		20_000,
	)
	expect(removed.newlyAdmitted.filter(({ count }) => count === 3)).toMatchObject([
		{ source: null, path: '/public', by: 'default/readers' },
	])
	const [key] = issuer.keys
	const rule = { issuer: issuer.url, jwks: JSON.stringify({ keys: [{ ...key![1].jwk, kid: key![0] }] }) }
	const believing = (url: string) => replay([requestAuthentication('shop', [rule, { issuer: url }])])
	expect((await believing(stranger.url)).undecided).toContainEqual({
		...{ condition: 'RequestAuthentication', policy: null },
		count: expect.any(Number),
	})
	const told = async (url: string) => {
		const { undecided } = await believing(url)
		return undecided.find(({ condition }) => condition === 'RequestAuthentication')?.count ?? 0
	}
	expect((await told(stranger.url)) - (await told('https://nobody.example'))).toBe(3)
})

it('a path that policies cannot be sure of is counted apart', async () => {
	expect((await mesh.via(HOST, '/admin//users', { region: 'weur' })).status).toBe(400)
	await eventually(
		() => mesh.metrics(),
		(page) =>
			/selvedge_authorization_total\{region="weur",service="shop",namespace="default",policy="",rule="",effect="ambiguous"\} [1-9]/.test(
				page,
			),
		20_000,
	)
})

it('what policies refused is counted, by policy and rule', async () => {
	const metrics = await eventually(
		() => mesh.metrics(),
		(page) => page.includes('selvedge_authorization_total{') && page.includes('policy="default/admins"'),
		20_000,
	)
	expect(metrics).toMatch(
		/selvedge_authorization_total\{region="weur",service="shop",namespace="default",policy="default\/old",rule="",effect="denied"\} [1-9]/,
	)
})
