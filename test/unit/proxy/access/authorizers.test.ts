/** CUSTOM policies: what their authorizers are asked, and what becomes of each of their answers. */
import { describe, expect, it } from 'vitest'
import { userToken } from '../../identity/users.ts'
import { jwtSvid } from '../../identity/world.ts'
import { DOMAIN, head, service } from '../knowledge/fakeReplica.ts'
import { jwtRule } from '../users/signedIn.ts'
import { checks, isCheck, OPA, ok, proxyAsking, received } from './asking.ts'
import {
	ask,
	authorizer,
	custom,
	deny,
	EVERYTHING,
	filtered,
	guarding,
	HOST,
	mesh,
	outcome,
	paths,
	proxyWith,
} from './guarded.ts'

describe('an authorizer', () => {
	it('is asked with the method, path, query and host of the request, and with Authorization', async () => {
		const proxy = proxyAsking({ pathPrefix: '/check' })
		const authorization = 'Basic YTpi'
		const init = { method: 'DELETE', headers: { authorization, cookie: 'a=b', 'x-other': '1' } }
		expect(await outcome(ask(proxy, '/a/b?c=d', init))).toBe('200')
		const [check] = checks(proxy)
		expect([check!.method, check!.url]).toEqual(['DELETE', 'http://opa.test/check/a/b?c=d'])
		const { traceparent, forwarded, 'selvedge-deadline': left, ...fields } = Object.fromEntries(check!.headers)
		expect(fields).toEqual({
			authorization,
			'x-forwarded-for': '192.0.2.1',
			'x-forwarded-host': HOST,
			'x-forwarded-proto': 'http',
		})
		expect([traceparent !== undefined, forwarded !== undefined, left]).toEqual([true, true, '1000'])
	})

	it('gets the fields that it asks for, and those that are the mesh’s own to add', async () => {
		const proxy = proxyAsking({
			includeRequestHeaders: ['cookie', 'x-a-*', '*-end', 'content-length', 'selvedge-*'],
			includeAdditionalHeaders: [
				['x-from', 'mesh'],
				['x-a-1', 'of the mesh'],
			],
		})
		const headers = {
			cookie: 'a=b',
			'x-a-1': '1',
			'x-a-2': '2',
			'the-end': '3',
			'x-b': '4',
			'selvedge-deadline': '900',
		}
		await ask(proxy, '/', { headers })
		const fields = Object.fromEntries(checks(proxy)[0]!.headers)
		expect(fields).toMatchObject({
			cookie: 'a=b',
			'x-a-1': 'of the mesh',
			'x-a-2': '2',
			'the-end': '3',
			'x-from': 'mesh',
		})
		expect([fields['x-b'], fields['selvedge-deadline']]).toEqual([undefined, '1000'])
	})

	it('is asked about the path and host that the service will see', async () => {
		const rewrite = { path: { type: 'full', value: '/new' } as const, hostname: 'new.test' }
		const proxy = proxyAsking({}, undefined, filtered({ rewrite }))
		expect(await outcome(ask(proxy, '/old?a=1'))).toBe('200')
		const [check] = checks(proxy)
		expect([check!.url, check!.headers.get('x-forwarded-host')]).toEqual(['http://opa.test/new?a=1', 'new.test'])
	})

	it('gets the user’s word in the fields in which the service does, and never the client’s', async () => {
		const users = [jwtRule({ outputClaimToHeaders: [{ header: 'x-name', claim: ['sub'] }] })]
		const proxy = proxyAsking({}, undefined, guarding([custom({ includeRequestHeaders: ['x*'] })], { users }))
		const headers = { 'x-name': 'root', X_Name: 'root' }
		await ask(proxy, `/?access_token=${userToken()}`, { headers })
		await ask(proxy, '/', { headers })
		expect(checks(proxy).map(({ headers: told }) => told.get('x-name'))).toEqual(['alice', null])
		expect(checks(proxy).map(({ headers: told }) => told.get('x_name'))).toEqual([null, null])
	})

	it('does not get a workload’s bearer token', async () => {
		const proxy = proxyAsking({})
		const token = jwtSvid({ aud: `http://${HOST}` })
		expect(await outcome(ask(proxy, '/', { headers: { authorization: `Bearer ${token}` } }))).toBe('200')
		expect(checks(proxy)[0]!.headers.has('authorization')).toBe(false)
	})

	it('is asked only about what its policy matches, and not about what is refused already', async () => {
		const proxy = proxyWith(OPA, guarding([custom({}, paths('/ask')), deny('no', { to: [{ methods: ['PUT'] }] })]))
		expect(await outcome(ask(proxy, '/else'))).toBe('200')
		expect(await outcome(ask(proxy, '/ask', { method: 'PUT' }))).toBe('access_denied by default/no')
		expect(checks(proxy)).toEqual([])
		expect(await outcome(ask(proxy, '/ask'))).toBe('200')
		expect(checks(proxy)).toHaveLength(1)
	})

	it('is asked once for a request, however often that is sent', async () => {
		const proxy = proxyAsking(
			{},
			undefined,
			filtered({}, { retry: { attempts: 3, codes: [503], backoffMs: 1, methods: [], maxBodyBytes: 0 } }),
		)
		const answer = proxy.answer
		proxy.answer = (request) => (isCheck(request) ? answer(request) : new Response(null, { status: 503 }))
		await ask(proxy)
		expect([checks(proxy).length, received(proxy).length]).toEqual([1, 4])
	})

	it('that guards itself is not asked about its own questions', async () => {
		const everywhere = mesh([custom()])
		const opa = { ...head(`opa.${DOMAIN}`, 'default/opa'), ...OPA }
		const proxy = proxyWith(opa, everywhere)
		expect(await outcome(ask(proxy))).toBe('200')
		expect(checks(proxy)).toHaveLength(1)
		expect(await outcome(proxy.get(`http://opa.${DOMAIN}/`))).toBe('200')
		expect(checks(proxy)).toHaveLength(3)
	})

	it('is one after another, and all must allow', async () => {
		const opb = service('default/opb', { id: 'opa2' })
		const both = guarding([custom(), { ...custom({ name: 'opb', service: 'default/opb' }), name: 'default/second' }])
		const proxy = proxyAsking({}, undefined, opb, both)
		const deniedBy: string[] = []
		proxy.answer = (request) =>
			new Response(null, { status: deniedBy.includes(new URL(request.url).hostname) ? 401 : 200 })
		expect([await outcome(ask(proxy)), checks(proxy).length]).toEqual(['200', 2])
		deniedBy.push('opa2.test')
		expect([await outcome(ask(proxy)), checks(proxy).length]).toEqual(['401', 4])
		deniedBy.push('opa.test')
		expect([await outcome(ask(proxy)), checks(proxy).length]).toEqual(['401', 5])
	})
})

describe('its answer', () => {
	const fields = {
		headersToUpstreamOnAllow: ['x-user', 'x-auth-*'],
		headersToDownstreamOnAllow: ['set-cookie', 'x-seen'],
	}

	it('of 200 lets the request pass, with its fields in place of the client’s', async () => {
		const answer = () =>
			ok([
				['x-user', 'alice'],
				['x-auth-level', '2'],
				['x-own', 'secret'],
				['set-cookie', 'a=1'],
				['set-cookie', 'b=2'],
				['x-seen', 'yes'],
			])
		const proxy = proxyAsking(fields, answer)
		const headers = { 'x-user': 'root', 'x-auth-role': 'admin', x_user: 'root', 'x-auth-level': '9', 'x-mine': 'kept' }
		const response = await ask(proxy, '/', { headers })
		const sent = received(proxy)[0]!.headers
		expect(
			['x-user', 'x_user', 'x-auth-level', 'x-auth-role', 'x-mine', 'x-own'].map((name) => sent.get(name)),
		).toEqual(['alice', null, '2', null, 'kept', null])
		expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
		expect([response.headers.get('x-seen'), response.headers.get('x-user')]).toEqual(['yes', null])
	})

	it('is not told to a mirror, which does not hear the client in those fields either', async () => {
		const copied = service('default/copied', { id: 'copied' })
		const mirroring = filtered({ mirrors: [{ service: 'default/copied' }] })
		const proxy = proxyAsking(fields, () => ok({ 'x-user': 'alice' }), copied, mirroring)
		await ask(proxy, '/', { headers: { 'x-user': 'root', 'x-auth-role': 'admin', 'x-mine': 'kept' } })
		const copy = proxy.sent.find(({ url }) => new URL(url).hostname === 'copied.test')!.headers
		expect(['x-user', 'x-auth-role', 'x-mine'].map((name) => copy.get(name))).toEqual([null, null, 'kept'])
	})

	it('may not speak for the mesh', async () => {
		const patterns = ['x-*', 'selvedge-*', 'forward*']
		const answer = () =>
			ok({ 'x-forwarded-for': '10.0.0.1', 'selvedge-caller': 'x', forwarded: 'for=x', 'x-real-ip': '1' })
		const proxy = proxyAsking({ headersToUpstreamOnAllow: patterns }, answer)
		await ask(proxy)
		const sent = received(proxy)[0]!.headers
		expect([
			sent.get('x-forwarded-for'),
			sent.get('x-forwarded-host'),
			sent.get('selvedge-caller'),
			sent.get('x-real-ip'),
		]).toEqual(['192.0.2.1', HOST, null, null])
		expect(sent.get('forwarded')).toContain('for=192.0.2.1')
	})

	it.each([302, 401, 403, 404, 418, 429, 204])('of %i is what the client gets', async (status) => {
		const headers = { location: '/login', 'www-authenticate': 'Basic', 'x-why': 'because', 'content-type': 'text/html' }
		const proxy = proxyAsking({}, () => new Response(status === 204 ? null : '<p>no', { status, headers }))
		const response = await ask(proxy)
		expect([response.status, await response.text()]).toEqual([status, status === 204 ? '' : '<p>no'])
		for (const [name, value] of Object.entries(headers)) expect(response.headers.get(name)).toBe(value)
		expect(response.headers.get('proxy-status')).toContain('details="authorizer_denied"')
		expect(response.headers.get('cache-control')).toBe('no-store')
		expect(received(proxy)).toEqual([])
		expect(proxy.refusals.at(-1)).toMatchObject({ reason: 'authorizer_denied', authorizer: 'opa', status })
	})

	it('of refusal shows the client the fields named, and those without which it means nothing', async () => {
		const headers = { 'x-why': 'because', 'x-secret': 's', location: '/login', 'content-type': 'text/html' }
		const proxy = proxyAsking(
			{ headersToDownstreamOnDeny: ['x-why'] },
			() => new Response('no', { status: 302, headers }),
		)
		const response = await ask(proxy)
		expect(['x-why', 'x-secret', 'location', 'content-type'].map((name) => response.headers.get(name))).toEqual([
			'because',
			null,
			'/login',
			'text/html',
		])
	})

	it('of refusal is cut where it is endless', async () => {
		let made = 0
		const body = new ReadableStream({
			pull(controller) {
				made++
				controller.enqueue(new Uint8Array(10_000))
			},
		})
		const response = await ask(proxyAsking({}, () => new Response(body, { status: 403 })))
		expect([(await response.arrayBuffer()).byteLength, response.headers.get('content-length')]).toEqual([
			65_536,
			'65536',
		])
		expect(made).toBeLessThan(10)
	})

	it('to a HEAD has no body', async () => {
		const response = await ask(
			proxyAsking({}, () => new Response(null, { status: 401 })),
			'/',
			{ method: 'HEAD' },
		)
		expect([response.status, response.body]).toEqual([401, null])
	})
})

it('an authorizer is asked where no service is', async () => {
	const proxy = proxyAsking(
		{},
		() => new Response('no', { status: 401 }),
		filtered({ directResponse: { status: 200, headers: [], body: 'hi' } }, { access: [custom({}, EVERYTHING)] }),
	)
	expect(await outcome(ask(proxy))).toBe('401')
	expect(authorizer().service).toBe('default/opa')
})
