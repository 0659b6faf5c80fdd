/** The stages that find a request's backend and endpoint. */
import { describe, expect, it } from 'vitest'
import type { Backend } from '../../../../src/snapshot/snapshot.ts'
import { fakeProxy, verdict } from '../fakeProxy.ts'
import { head, rule, service, slice } from '../knowledge/fakeReplica.ts'

function proxyTo(...backends: Backend[]) {
	const proxy = fakeProxy()
	const one = { ...rule('r', ''), backends }
	proxy.replica.change({
		...head('h.test'),
		...slice('h.test', 'r', [one]),
		...service('d/a', { id: 'a', url: 'http://a.test/base/' }),
		...service('d/idle'),
	})
	return proxy
}

describe('a request', () => {
	it('goes to the endpoint, below its base path', async () => {
		const proxy = proxyTo({ weight: 1, service: 'd/a' })
		await proxy.get('http://h.test/x?y=1')
		expect(proxy.sent[0]?.url).toBe('http://a.test/base/x?y=1')
	})

	it.each([
		['d/idle', 'no_endpoint', 'Service d/idle has no endpoint that takes traffic'],
		['d/none', 'no_endpoint', 'Service d/none has no endpoint that takes traffic'],
	])('for %s is refused', async (name, reason, detail) => {
		const response = await proxyTo({ weight: 1, service: name }).get('http://h.test/')
		expect(await response.json()).toMatchObject({ reason, detail, rule: 'r' })
	})

	it('for a backend that cannot be used is refused, with what the build said of it', async () => {
		const proxy = proxyTo({ weight: 1, invalid: 'spec.rules[0].backendRefs[0]: no such Service' })
		const response = await proxy.get('http://h.test/')
		expect([response.status, proxy.sent.length]).toEqual([500, 0])
		expect(await response.json()).toMatchObject({
			reason: 'invalid_backend',
			detail: 'spec.rules[0].backendRefs[0]: no such Service',
		})
	})

	it('draws from chance which backend it goes to', async () => {
		const proxy = proxyTo({ weight: 1, service: 'd/a' }, { weight: 1, invalid: 'x' })
		const outcomes = new Set<string | number>()
		for (const random of [0.1, 0.9]) {
			proxy.random = () => random
			outcomes.add(await verdict(proxy.get('http://h.test/')))
		}
		expect(outcomes).toEqual(new Set([200, 'invalid_backend']))
	})
})
