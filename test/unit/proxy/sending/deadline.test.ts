/** Deadlines along a call chain: what a caller's leaves, what a service is told, and what is not believed. */
import { describe, expect, it } from 'vitest'
import type { Timeouts } from '../../../../src/snapshot/filters.ts'
import type { TrafficRules } from '../../../../src/snapshot/trafficPolicy.ts'
import { answers, loses, type Sent, serving, timed } from '../timedProxy.ts'

const withDeadline = (value: string) => new Request('http://h.test/', { headers: { 'selvedge-deadline': value } })
const told = ({ request }: Sent) => request.headers.get('selvedge-deadline')
const service = (traffic: TrafficRules = {}, ofRule = {}) => timed(serving(traffic, ['a', 'b', 'c'], ofRule))

describe.each<[string, (timeouts: Timeouts | undefined) => Promise<Awaited<ReturnType<typeof service>>>]>([
	['the rule', (timeouts) => service({}, timeouts && { timeouts })],
	['the Service', (timeouts) => service(timeouts && { timeouts })],
	['the rule’s policy', (timeouts) => service({}, timeouts && { traffic: { timeouts } })],
])('a caller’s deadline, where %s sets the timeouts', (_, make) => {
	it.each<[string, Timeouts | undefined, string, number | undefined]>([
		['is all that bounds a request without any', undefined, '200', 200],
		['shortens them', { requestMs: 500 }, '200', 200],
		['never lengthens them', { requestMs: 100 }, '200', 100],
		['leaves an attempt’s own', { requestMs: 500, backendRequestMs: 50 }, '200', 50],
		['holds where only an attempt’s is set', { backendRequestMs: 300 }, '200', 200],
	])('%s, and the service is told', async (_, timeouts, value, expected) => {
		const proxy = await make(timeouts)
		await proxy.get(withDeadline(value))
		expect(proxy.sent.map(({ timeoutMs }) => timeoutMs)).toEqual([expected])
		expect(told(proxy.sent[0]!)).toBe(String(expected))
	})

	it.each(['', '0', '-5', '1.5', '1e3', ' ', '99999999999', '100, 200', 'soon', '1500m'])(
		'of %j is none, and is not passed on',
		async (value) => {
			for (const [timeouts, expected] of [
				[undefined, undefined],
				[{ requestMs: 500 }, 500],
			] as const) {
				const proxy = await make(timeouts)
				await proxy.get(withDeadline(value))
				expect(proxy.sent.map(({ timeoutMs }) => timeoutMs)).toEqual([expected])
				expect(told(proxy.sent[0]!)).toBe(expected === undefined ? null : String(expected))
			}
		},
	)
})

describe('the service is told what is left', () => {
	it('by each attempt, after those before it and the pauses between', async () => {
		const proxy = await service({ timeouts: { requestMs: 1_000 } })
		proxy.behave = () => loses(100)
		await proxy.get(withDeadline('400'))
		expect(proxy.sent.length).toBe(3)
		for (const sent of proxy.sent) {
			expect(told(sent)).toBe(String(Math.floor(400 - (sent.atMs - proxy.sent[0]!.atMs))))
			expect(sent.timeoutMs).toBeCloseTo(400 - (sent.atMs - proxy.sent[0]!.atMs), 6)
		}
	})

	it('after waiting for its turn', async () => {
		const proxy = await service({ limits: { maxInFlight: 1, maxPending: 1, maxWaitMs: 5_000 } })
		proxy.behave = () => answers(100)
		void proxy.start()
		await proxy.pass(10)
		const waiting = proxy.start(withDeadline('400'))
		await proxy.settle()
		expect((await waiting).status).toBe(200)
		expect(proxy.sent.map(told)).toEqual([null, '310'])
	})

	it('by hedged requests too', async () => {
		const proxy = await service({ hedging: { after: { ms: 50 }, maxExtra: 1 } })
		proxy.behave = () => answers(80)
		await proxy.get(withDeadline('400'))
		expect(proxy.sent.map(told)).toEqual(['400', '350'])
	})

	it('only where there is a bound: nothing is made up', async () => {
		const proxy = await service()
		await proxy.get()
		expect(told(proxy.sent[0]!)).toBe(null)
	})
})

describe('when the time is up', () => {
	it('the caller hears so, in the mesh’s words: 504', async () => {
		const proxy = await service()
		proxy.behave = () => 'silent'
		expect(await proxy.get(withDeadline('200'))).toMatchObject({ status: 504, reason: 'request_timeout', tookMs: 200 })
	})

	it('nothing is tried again', async () => {
		const proxy = await service()
		proxy.behave = () => loses(190)
		expect((await proxy.get(withDeadline('200'))).attempts).toBe(1)
	})
})
