/** The data path as a whole: every way out of it, each observed once. */
import { describe, expect, it } from 'vitest'
import { fakeProxy, verdict, warm } from './fakeProxy.ts'

describe('every exchange is observed once,', () => {
	it('answered or refused', async () => {
		const proxy = await warm()
		await proxy.get('http://none.test/')
		await proxy.get({ url: 'http://h.test*', method: 'OPTIONS', headers: new Headers(), body: null } as Request)
		expect(proxy.refusals).toEqual([
			undefined,
			{ reason: 'unknown_host', host: 'none.test' },
			{ reason: 'malformed_url' },
		])
	})

	it('and a mistake of the mesh is refused, reported to those who can mend it, and told to nobody else', async () => {
		const proxy = await warm()
		proxy.random = () => {
			throw new TypeError('secret inside')
		}
		proxy.replica.change({})
		const response = await proxy.get('http://shop.test/')
		expect(response.status).toBe(500)
		const text = await response.text()
		expect(JSON.parse(text)).toMatchObject({ reason: 'bug', owner: 'mesh' })
		expect(text).not.toContain('secret')
		expect(proxy.bugs.map(String)).toEqual(['TypeError: secret inside'])
		expect(proxy.refusals.at(-1)).toEqual({ reason: 'bug' })
	})
})

it('an unparsable URL is refused without asking the control plane', async () => {
	const proxy = fakeProxy()
	const request = { url: 'http://[::1/', method: 'GET', headers: new Headers(), body: null } as Request
	expect(await verdict(proxy.get(request))).toBe('malformed_url')
	expect(proxy.replica.loads).toEqual([])
})

it('hosts are found in any spelling of theirs', async () => {
	const proxy = await warm()
	for (const host of ['SHOP.TEST', 'shop.test.', 'shop.test:8080', 'user@shop.test'])
		expect(
			await verdict(proxy.get({ url: `http://${host}/`, method: 'GET', headers: new Headers() } as Request)),
		).not.toBe('unknown_host')
})
