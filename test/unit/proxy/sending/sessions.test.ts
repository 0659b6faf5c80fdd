/** Sessions: who has met an endpoint meets it again (GEP-1619). */
import { describe, expect, it } from 'vitest'
import type { SessionPersistence } from '../../../../src/snapshot/filters.ts'
import type { Backend } from '../../../../src/snapshot/snapshot.ts'
import { type FakeProxy, fakeProxy, START } from '../fakeProxy.ts'
import { head, rule, service, slice } from '../knowledge/fakeReplica.ts'

const cookie: SessionPersistence = { type: 'Cookie', name: 'stay', permanent: false, path: '/' }
const header: SessionPersistence = { type: 'Header', name: 'x-stay', permanent: false, path: '/' }

function proxyWith(session: SessionPersistence, weights = [1, 1]): FakeProxy {
	const proxy = fakeProxy()
	const backends: Backend[] = [
		{ weight: weights[0]!, service: 'd/v1' },
		{ weight: weights[1]!, service: 'd/v2' },
	]
	proxy.replica.change({
		...head('h.test'),
		...slice('h.test', 'r', [{ ...rule('r', ''), backends, session }]),
		...service('d/v1', { id: 'a' }, { id: 'b' }, { id: 'c' }),
		...service('d/v2', { id: 'd' }),
	})
	return proxy
}

/** Asks with the session that the last answer gave; answers the endpoint, and the session that goes on. */
async function ask(proxy: FakeProxy, kind: SessionPersistence['type'], held?: string) {
	const name = kind === 'Cookie' ? 'cookie' : 'x-stay'
	const headers: Record<string, string> = held === undefined ? {} : { [name]: held }
	const response = await proxy.get(new Request('http://h.test/', { headers }))
	const given = response.headers.get(kind === 'Cookie' ? 'set-cookie' : 'x-stay')
	return { endpoint: new URL(proxy.sent.at(-1)!.url).hostname, given: given?.split(';')[0], field: given }
}

describe.each([
	['Cookie', cookie],
	['Header', header],
] as const)('a session by %s', (kind, session) => {
	it('leads to the endpoint that began it, and is told once', async () => {
		const proxy = proxyWith(session)
		const first = await ask(proxy, kind)
		expect(first.given).toBeDefined()
		for (const chance of [0, 0.3, 0.6, 0.99]) {
			proxy.random = () => chance
			expect(await ask(proxy, kind, first.given)).toMatchObject({ endpoint: first.endpoint, given: undefined })
		}
	})

	it('stays with its backend when the weights change, even to none', async () => {
		const proxy = proxyWith(session, [1, 0])
		const first = await ask(proxy, kind)
		const turned: Backend[] = [
			{ weight: 0, service: 'd/v1' },
			{ weight: 1, service: 'd/v2' },
		]
		proxy.replica.change(slice('h.test', 'r', [{ ...rule('r', ''), backends: turned, session }]))
		proxy.now += 1_000
		await ask(proxy, kind)
		expect((await ask(proxy, kind)).endpoint).toBe('d.test')
		expect((await ask(proxy, kind, first.given)).endpoint).toBe(first.endpoint)
	})

	it('survives the coming of other endpoints, and begins anew when its own is gone', async () => {
		const proxy = proxyWith(session, [1, 0])
		const first = await ask(proxy, kind)
		proxy.replica.change(service('d/v1', { id: 'z' }, { id: 'a' }, { id: 'b' }, { id: 'c' }))
		proxy.now += 1_000
		await ask(proxy, kind)
		expect((await ask(proxy, kind, first.given)).endpoint).toBe(first.endpoint)
		proxy.replica.change(service('d/v1', { id: 'z' }))
		proxy.now += 1_000
		await ask(proxy, kind)
		const anew = await ask(proxy, kind, first.given)
		expect(anew.endpoint).toBe('z.test')
		expect(anew.given).toBeDefined()
		expect(anew.given).not.toBe(first.given)
	})

	it('that is made up is none', async () => {
		const proxy = proxyWith(session)
		const made = kind === 'Cookie' ? 'stay=00000000000000.1.1' : '00000000000000.1.1'
		expect((await ask(proxy, kind, made)).given).toBeDefined()
	})
})

describe('a session', () => {
	it('ends after its absolute timeout', async () => {
		const proxy = proxyWith({ ...cookie, absoluteTimeoutSeconds: 60, permanent: true })
		const first = await ask(proxy, 'Cookie')
		expect(first.field).toMatch(/; Path=\/; HttpOnly; SameSite=Lax; Max-Age=60$/)
		proxy.now = START + 59_000
		expect((await ask(proxy, 'Cookie', first.given)).given).toBe(undefined)
		proxy.now = START + 61_000
		expect((await ask(proxy, 'Cookie', first.given)).given).toBeDefined()
	})

	it('moves to another endpoint when a retry does', async () => {
		const proxy = fakeProxy()
		const retry = { attempts: 1, codes: [], backoffMs: 25, methods: [], maxBodyBytes: 0 }
		proxy.replica.change({
			...head('h.test'),
			...slice('h.test', 'r', [{ ...rule('r', '', 'd/v1'), session: cookie, retry }]),
			...service('d/v1', { id: 'a' }, { id: 'b' }),
		})
		const first = await ask(proxy, 'Cookie')
		proxy.answer = ({ url }) => {
			if (new URL(url).hostname === first.endpoint) throw new Error('lost')
			return new Response()
		}
		const second = await ask(proxy, 'Cookie', first.given)
		expect(second.endpoint).not.toBe(first.endpoint)
		proxy.answer = () => new Response()
		expect((await ask(proxy, 'Cookie', second.given)).endpoint).toBe(second.endpoint)
	})
})
