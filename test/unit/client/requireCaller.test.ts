import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Hono } from 'hono'
import { afterEach, describe, expect, it } from 'vitest'
import { type Caller, type RequireCallerOptions, requireCaller } from '../../../src/client/index.ts'
import { ADMIN, assertion, createWorld, delegationKey, down, json, jwks } from './clientWorld.ts'

const WEB = 'spiffe://mesh.example.com/ns/default/sa/web'
const world = createWorld()
world.always('/.well-known/jwks.json', () => json(jwks(['d1', delegationKey])))
const required = (options: Partial<RequireCallerOptions> = {}) =>
	requireCaller({ mesh: ADMIN, audience: 'https://orders.mesh.example.com', ...world.platform, ...options })
const broken = () => {
	const silent = createWorld()
	silent.always('/.well-known/jwks.json', down)
	return silent.platform
}

const stops: (() => void)[] = []
afterEach(() => {
	for (const stop of stops.splice(0)) stop()
})

type Ask = (headers: Record<string, string>) => Promise<Response>

/** The three ways to use it, each as what answers a request with the caller's SPIFFE ID. */
const WAYS: readonly [string, (options?: Partial<RequireCallerOptions>) => Promise<Ask>][] = [
	[
		'a fetch handler',
		async (options) => {
			const handle = required(options).handler((_, { spiffeId }: Caller) => new Response(spiffeId))
			return (headers) => handle(new Request('https://x.test/', { headers }))
		},
	],
	[
		'Hono',
		async (options) => {
			const app = new Hono<{ Variables: { caller: Caller } }>()
			app.use(required(options).hono)
			app.get('/', (context) => context.text(context.get('caller').spiffeId))
			return async (headers) => app.request('/', { headers })
		},
	],
	[
		"Node's http",
		async (options) => {
			const { node } = required(options)
			const server = createServer((request, response) => {
				node(request, response, (error) => {
					if (error !== undefined) throw error
					response.end((request as IncomingMessage & { caller: Caller }).caller.spiffeId)
				})
			})
			await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
			stops.push(() => server.close())
			return (headers) => fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { headers })
		},
	],
]

const told = (token: string) => ({ 'selvedge-caller': token })
const refusalOf = async (response: Response) => {
	expect(response.headers.get('content-type')).toBe('application/problem+json')
	const { status, reason } = (await response.json()) as { status: number; reason: string }
	expect(response.status).toBe(status)
	return [status, reason]
}

describe.each(WAYS)('requireCaller before %s', (_, way) => {
	it('lets in whom the mesh vouches for, and says who it is', async () => {
		const response = await (await way())(told(assertion(world.clock.now())))
		expect([response.status, await response.text()]).toEqual([200, WEB])
	})

	it('refuses who is unknown, who lies, and who is not listed', async () => {
		const now = world.clock.now()
		const ask = await way()
		expect(await refusalOf(await ask({}))).toEqual([403, 'identity_required'])
		expect(await refusalOf(await ask(told('x.y.z')))).toEqual([400, 'invalid_caller'])
		const other = await way({ allow: [WEB.replace('web', 'payments')] })
		expect(await refusalOf(await other(told(assertion(now))))).toEqual([403, 'caller_not_allowed'])
		const listed = await way({ allow: [WEB] })
		expect((await listed(told(assertion(now)))).status).toBe(200)
		const judged = await way({ allow: ({ namespace }) => namespace === 'elsewhere' })
		expect(await refusalOf(await judged(told(assertion(now))))).toEqual([403, 'caller_not_allowed'])
	})

	it('lets nobody in while it cannot tell', async () => {
		const ask = await way(broken())
		expect(await refusalOf(await ask(told(assertion(world.clock.now()))))).toEqual([503, 'keys_unavailable'])
	})
})

it('a list of nobody lets nobody in', async () => {
	const { check } = required({ allow: [] })
	const outcome = await check({ headers: told(assertion(world.clock.now())) })
	expect(outcome).toBeInstanceOf(Response)
})

it('the verifier of a membership will do', async () => {
	const caller: Caller = { spiffeId: WEB, trustDomain: 'mesh.example.com', method: 'JWTSVID' }
	const { check } = requireCaller({ verifyCaller: async () => ({ ok: true, value: caller }) })
	expect(await check({ headers: {} })).toBe(caller)
})
