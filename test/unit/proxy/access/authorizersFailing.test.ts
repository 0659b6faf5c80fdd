/** CUSTOM policies whose authorizers cannot be asked, and bodies that authorizers look at. */
import { describe, expect, it } from 'vitest'
import type { PartBody, ServiceTarget } from '../../../../src/snapshot/snapshot.ts'
import { problem } from '../callers/identified.ts'
import type { FakeProxy } from '../fakeProxy.ts'
import { service } from '../knowledge/fakeReplica.ts'
import { type Answering, checks, isCheck, OPA, ok, type Parts, proxyAsking, received } from './asking.ts'
import { ask, custom, guarding, outcome } from './guarded.ts'

describe('an authorizer that cannot be asked', () => {
	const silent: Answering = () => Promise.reject(Object.assign(new Error('late'), { name: 'TimeoutError' }))
	const lost: Answering = () => Promise.reject(new Error('Network connection lost.'))
	const failing: Answering = () => new Response(null, { status: 503 })
	const gone: Parts = { 'service/default/opa': { kind: 'service', service: 'default/opa', endpoints: [] } }
	const broken: Answering = () =>
		new Response(new ReadableStream({ pull: (controller) => controller.error(new Error('broken')) }), { status: 403 })

	it.each<[string, Answering, Parts, string]>([
		['because it is silent', silent, {}, 'request_timeout'],
		['because its connection is lost', lost, {}, 'upstream_failed'],
		['because it fails', failing, {}, 'it answered 503'],
		['because it has no endpoint', () => ok(), gone, 'no_endpoint'],
		['because its refusal breaks off', broken, {}, 'its answer broke off'],
	])('%s refuses, unless it fails open', async (_, answer, parts, detail) => {
		const refusing = proxyAsking({ statusOnError: 418 }, answer, parts)
		expect(await problem(ask(refusing))).toMatchObject({
			...{ status: 418, reason: 'authorizer_unavailable', owner: 'upstream' },
			detail: `authorizer opa cannot be asked: ${detail}`,
		})
		expect(received(refusing)).toEqual([])
		const open = proxyAsking({ failOpen: true, headersToUpstreamOnAllow: ['x-user'] }, answer, parts)
		// What only an authorizer may say, nobody says now.
		const opened = guarding([custom({ failOpen: true, headersToUpstreamOnAllow: ['x-user'] })])
		open.replica.change(opened)
		expect(await outcome(ask(open, '/', { headers: { 'x-user': 'root' } }))).toBe('200')
		expect(received(open)[0]!.headers.has('x-user')).toBe(false)
	})

	it('because there is none of its name refuses whatever else is said', async () => {
		const proxy = proxyAsking({ invalid: 'the Mesh has no extensionProvider named opa', failOpen: true })
		expect(await problem(ask(proxy))).toMatchObject({ status: 403, reason: 'authorizer_unavailable' })
	})

	it('because of what the client has chosen does not fail open', async () => {
		const service: Partial<ServiceTarget> = {
			external: true,
			credential: { in: 'header', name: 'x-key', value: { before: '', secret: 's' } },
		}
		const [[name, target]] = Object.entries(OPA) as [[string, PartBody]]
		const changes = { failOpen: true, includeRequestHeaders: ['content-type'] }
		const proxy = proxyAsking(changes, undefined, { [name]: { ...target, ...service } as PartBody })
		const init = { method: 'POST', headers: { 'content-type': 'application/grpc' }, body: 'x' }
		expect(await outcome(ask(proxy, '/', init))).toBe('authorizer_unavailable by default/custom')
		expect(proxy.sent).toEqual([])
	})

	it('is tried at another endpoint when the connection is lost, whatever the method', async () => {
		const two = service('default/opa', { id: 'opa1' }, { id: 'opa2' })
		let lostAt = ''
		const proxy = proxyAsking(
			{},
			({ url }) => {
				lostAt ||= url
				return url === lostAt ? Promise.reject(new Error('Network connection lost.')) : ok()
			},
			two,
		)
		expect(await outcome(ask(proxy, '/', { method: 'POST' }))).toBe('200')
		expect(new Set(checks(proxy).map(({ url }) => url)).size).toBe(2)
	})

	it('has no longer than its timeout', async () => {
		const proxy = proxyAsking({ timeoutMs: 250 })
		await ask(proxy)
		expect(proxy.timeouts).toEqual([250, undefined])
	})
})

describe('a body', () => {
	/** Nobody's time runs out. */
	const looking = (...asked: Parameters<typeof proxyAsking>) =>
		Object.assign(proxyAsking(...asked), { wait: () => new Promise<void>(() => {}) })
	const post = (body: BodyInit, headers: Record<string, string> = {}): RequestInit =>
		({ method: 'POST', body, headers, duplex: 'half' }) as RequestInit
	const sized = (text: string) => post(text, { 'content-length': String(text.length) })
	const streamed = (...chunks: string[]) =>
		post(
			new ReadableStream({
				start(controller) {
					for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk))
					controller.close()
				},
			}),
		)
	const texts = async (proxy: FakeProxy) => [await checks(proxy)[0]?.text(), await received(proxy)[0]?.text()]

	it('is not shown to who does not ask for it', async () => {
		const proxy = proxyAsking({})
		expect(await outcome(ask(proxy, '/', sized('hello')))).toBe('200')
		expect(await texts(proxy)).toEqual(['', 'hello'])
	})

	it.each([
		['of known length', sized('hello world')],
		['of unknown length', streamed('hel', 'lo wor', 'ld')],
	])('%s is shown as far as is asked for, and sent as a whole', async (_, init) => {
		const proxy = looking({ bodyBytes: 5 })
		expect(await outcome(ask(proxy, '/', init))).toBe('200')
		expect(await texts(proxy)).toEqual(['hello', 'hello world'])
		expect(checks(proxy)[0]!.method).toBe('POST')
	})

	it.each([
		['of known length', sized('hello!')],
		['of unknown length', streamed('hel', 'lo!')],
	])('%s that is too long for who wants all of it is refused', async (_, init) => {
		const proxy = looking({ bodyBytes: 5, wholeBody: true, failOpen: true })
		expect(await problem(ask(proxy, '/', init))).toMatchObject({
			status: 413,
			reason: 'content_too_large',
			owner: 'client',
		})
		expect(proxy.sent).toEqual([])
	})

	it.each([
		['of known length', sized('hello')],
		['of unknown length', streamed('hel', 'lo')],
	])('%s that is just short enough passes', async (_, init) => {
		const proxy = looking({ bodyBytes: 5, wholeBody: true })
		expect(await outcome(ask(proxy, '/', init))).toBe('200')
		expect(await texts(proxy)).toEqual(['hello', 'hello'])
	})

	it('that does not come gets nobody past an authorizer that fails open', async () => {
		const proxy = proxyAsking({ bodyBytes: 5, failOpen: true })
		expect(await outcome(ask(proxy, '/', post(new ReadableStream())))).toBe('request_timeout')
		const impatient = looking({ bodyBytes: 5, failOpen: true })
		const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('gone')) })
		expect(await outcome(ask(impatient, '/', post(broken)))).toBe('request_aborted')
		expect([...proxy.sent, ...impatient.sent]).toEqual([])
	})

	it('is held for as long as it is looked at: when there is no room, nobody gets past', async () => {
		const proxy = looking({ bodyBytes: 1_048_576, failOpen: true })
		const release: (() => void)[] = []
		proxy.answer = (request) =>
			isCheck(request) ? new Promise((resolve) => release.push(() => resolve(ok()))) : new Response()
		const long = () => post('x', { 'content-length': '1048576' })
		const waiting = Array.from({ length: 32 }, () => ask(proxy, '/', long()))
		while (release.length < 32) await new Promise(setImmediate)
		expect(await outcome(ask(proxy, '/', long()))).toBe('authorizer_unavailable by default/custom')
		for (const letGo of release) letGo()
		for (const response of waiting) expect(await outcome(response)).toBe('200')
		const last = ask(proxy, '/', long())
		while (release.length < 33) await new Promise(setImmediate)
		release.at(-1)!()
		expect(await outcome(last)).toBe('200')
	})
})
