/** Which fields are for one hop only. */
import { describe, expect, it } from 'vitest'
import { fieldsNamedBy, withoutHopByHop } from '../../../../src/proxy/sending/hopByHop.ts'

describe('a Connection field', () => {
	it.each([
		[null, undefined],
		['keep-alive', undefined],
		['close', undefined],
		['Upgrade', undefined],
		['x-foo', ['x-foo']],
		['close, X-Foo , x-bar', ['x-foo', 'x-bar']],
		['Keep-Alive,X-Foo', ['x-foo']],
		['host, HOST', []],
		['upgrade,close', []],
		['', []],
		[', ,', []],
		['x foo, "x", x(y)', []],
	])('of %j names %j', (connection, named) => expect(fieldsNamedBy(connection)).toEqual(named))
})

describe('a response', () => {
	it.each([undefined, 'keep-alive', 'close', 'host', ''])(
		'with Connection: %s is the very same object',
		(connection) => {
			const response = new Response('body', connection === undefined ? {} : { headers: { connection } })
			expect(withoutHopByHop(response)).toBe(response)
		},
	)

	it('loses the fields that its Connection names, and nothing else', async () => {
		const headers = [
			['connection', 'close, X-Hop, set-cookie-not'],
			['x-hop', '1'],
			['x-stays', '2'],
			['set-cookie', 'a=1'],
			['set-cookie', 'b=2'],
		] as [string, string][]
		const response = withoutHopByHop(new Response('body', { status: 418, headers }))
		expect(response.status).toBe(418)
		expect(response.headers.get('x-hop')).toBe(null)
		expect(response.headers.get('x-stays')).toBe('2')
		expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
		expect(await response.text()).toBe('body')
	})

	it.each([204, 304])('without a body may be a %i', (status) => {
		const response = withoutHopByHop(new Response(null, { status, headers: { connection: 'x-hop', 'x-hop': '1' } }))
		expect([response.status, response.headers.get('x-hop'), response.body]).toEqual([status, null, null])
	})

	it('that switches protocols is untouched: a copy would lose its socket', () => {
		const headers = new Headers({ connection: 'upgrade, x-hop', 'x-hop': '1' })
		const response = { status: 101, headers } as Response
		expect(withoutHopByHop(response)).toBe(response)
		expect(headers.get('x-hop')).toBe('1')
	})
})
