/** Sessions on the real data path: a client stays with its endpoint, in every region, whatever changes around it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Backend, startBackend, valuesOf } from './backend.ts'
import { eventually } from './client.ts'
import { service } from './documents.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'
import { prefix, responseHeaders, ruled, to } from './rules.ts'

const REGIONS = ['weur', 'enam'] as const
const ENDPOINTS = ['e0', 'e1', 'e2', 'e3']

let mesh: Mesh
let backend: Backend
/** Endpoints that fail now. */
let failing = new Set<string>()

const endpoints = (ids: readonly string[], weightOf: (id: string) => number = () => 1) => ({
	...service('sticky', []),
	spec: { endpoints: ids.map((id) => ({ id, url: `${backend.url}/${id}`, weight: weightOf(id) })) },
})

beforeAll(async () => {
	backend = await startBackend((request, response) => {
		const endpoint = request.url?.split('/')[1] ?? ''
		response.setHeader('set-cookie', ['theirs=1', 'theirs-too=2'])
		response.statusCode = failing.has(endpoint) ? 503 : 200
		response.end(endpoint)
	})
	mesh = await startMesh({ regions: REGIONS })
	const byCookie = { sessionPersistence: { sessionName: 'stay' } }
	await mesh.apply(
		endpoints(ENDPOINTS),
		service('other', `${backend.url}/other`),
		...ruled('cookie', { ...byCookie, ...to('sticky') }),
		...ruled('header', { sessionPersistence: { type: 'Header', sessionName: 'X-Stay' }, ...to('sticky') }),
		...ruled('scoped', {
			...prefix('/shop'),
			sessionPersistence: {
				sessionName: 'shop',
				absoluteTimeout: '1h',
				cookieConfig: { lifetimeType: 'Permanent' },
			},
			filters: [responseHeaders({ set: [{ name: 'x-edited', value: 'yes' }] })],
			...to('sticky'),
		}),
		...ruled('weighted', {
			...byCookie,
			backendRefs: [
				{ name: 'sticky', port: 80 },
				{ name: 'other', port: 80 },
			],
		}),
		...ruled('retried', { ...byCookie, retry: { codes: [503], attempts: 3, backoff: '1ms' }, ...to('sticky') }),
	)
})
afterAll(async () => {
	await mesh?.stop()
	await backend?.stop()
})

beforeEach(() => {
	failing = new Set()
})

interface Visit {
	readonly endpoint: string
	/** What the client sends from now on. */
	readonly session: Record<string, string>
	/** The Set-Cookie line, or the header, that the mesh sent. */
	readonly told: string | undefined
}

async function visit(host: string, session: Record<string, string> = {}, region: string = REGIONS[0]): Promise<Visit> {
	const { status, text, headers, rawHeaders } = await mesh.via(host, '/shop', { headers: session, region })
	expect(status, text).toBe(200)
	const cookies = valuesOf(rawHeaders, 'set-cookie')
	expect(cookies.slice(0, 2)).toEqual(['theirs=1', 'theirs-too=2'])
	const header = headers['x-stay'] as string | undefined
	const cookie = cookies[2]?.split(';')[0]
	return {
		endpoint: text,
		told: cookies[2] ?? header,
		session: {
			...session,
			...(header === undefined ? {} : { 'x-stay': header }),
			...(cookie === undefined ? {} : { cookie: `a=b; ${cookie}; c=d` }),
		},
	}
}

/** Clients of their own, one at each endpoint, once those of the last revision are gone. */
async function clients(host: string): Promise<Visit[]> {
	const visits = new Map<string, Visit>()
	const meetOne = async () => {
		const one = await visit(host)
		if (!ENDPOINTS.includes(one.endpoint)) visits.clear()
		else if (!visits.has(one.endpoint)) visits.set(one.endpoint, one)
		return visits.size
	}
	await eventually(meetOne, (met) => met === ENDPOINTS.length)
	return [...visits.values()]
}

const isThere = (endpoint: string, session: Record<string, string>, region?: string) =>
	visit('cookie.test', session, region).then((again) => again.endpoint === endpoint)

describe.each(['cookie.test', 'header.test'])('a session on %s', (host) => {
	it('keeps each client with its endpoint, in every region, and is told once', async () => {
		for (const { endpoint, session, told } of await clients(host)) {
			expect(told).toBeDefined()
			for (const region of [...REGIONS, ...REGIONS, ...REGIONS])
				expect(await visit(host, session, region)).toEqual({ endpoint, session, told: undefined })
		}
	})

	it('that is none of ours is replaced', async () => {
		const [{ endpoint, session }] = (await clients(host)) as [Visit]
		for (const made of ['', 'x', '0'.repeat(14), `${'z'.repeat(14)}.zzzzzzz.zzzzzzz`]) {
			const forged = host === 'cookie.test' ? { cookie: `stay=${made}` } : { 'x-stay': made }
			expect((await visit(host, forged)).told, made).toBeDefined()
		}
		expect((await visit(host, session)).endpoint).toBe(endpoint)
	})
})

it('a cookie goes only where its rule is, and lives as long as the rule says', async () => {
	const { told } = await visit('scoped.test')
	expect(told).toMatch(/^shop=[0-9a-z.]+; Path=\/shop; HttpOnly; SameSite=Lax; Max-Age=3600$/)
})

it('sessions survive new revisions: other endpoints coming, weights going down to 0', async () => {
	const all = await clients('cookie.test')
	await mesh.apply(endpoints([...ENDPOINTS, 'e4', 'e5']))
	await eventually(
		async () => (await visit('cookie.test')).endpoint,
		(endpoint) => endpoint === 'e5',
	)
	for (const { endpoint, session } of all)
		for (const region of REGIONS) expect(await isThere(endpoint, session, region)).toBe(true)

	// Only e5 takes new clients now; who is elsewhere may stay.
	await mesh.apply(endpoints([...ENDPOINTS, 'e4', 'e5'], (id) => (id === 'e5' ? 1 : 0)))
	await eventually(
		() => Promise.all(Array.from({ length: 12 }, () => visit('cookie.test'))),
		(visits) => visits.every(({ endpoint }) => endpoint === 'e5'),
	)
	for (const { endpoint, session } of all) expect(await isThere(endpoint, session)).toBe(true)
	await mesh.apply(endpoints(ENDPOINTS))
})

it('a client whose endpoint is gone gets another one, and stays there', async () => {
	const mine = (await clients('cookie.test')).find(({ endpoint }) => endpoint === 'e3')!
	await mesh.apply(endpoints(ENDPOINTS.slice(0, 3)))
	const moved = await eventually(
		() => visit('cookie.test', mine.session),
		({ endpoint }) => endpoint !== 'e3',
	)
	expect(moved.told).toBeDefined()
	for (let i = 0; i < 5; i++) expect(await isThere(moved.endpoint, moved.session)).toBe(true)
	await mesh.apply(endpoints(ENDPOINTS))
})

it('a session stays with the service that it began with, among several', async () => {
	for (let i = 0; i < 8; i++) {
		const { endpoint, session } = await visit('weighted.test')
		for (let again = 0; again < 5; again++) expect((await visit('weighted.test', session)).endpoint).toBe(endpoint)
	}
})

it('a client whose endpoint fails is served by another, and stays with that one', async () => {
	const { endpoint, session } = await visit('retried.test')
	failing = new Set([endpoint])
	const moved = await visit('retried.test', session)
	expect(moved.endpoint).not.toBe(endpoint)
	failing = new Set()
	expect((await visit('retried.test', moved.session)).endpoint).toBe(moved.endpoint)
})

it('a service called by its own name knows no session', async () => {
	const { rawHeaders } = await mesh.via(`sticky.${DOMAIN}`)
	expect(valuesOf(rawHeaders, 'set-cookie')).toEqual(['theirs=1', 'theirs-too=2'])
})
