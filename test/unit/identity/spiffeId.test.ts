/** A SPIFFE ID has one spelling. Every other way of writing it, or of writing nearly it, is refused. */
import { describe, expect, it } from 'vitest'
import { parseSpiffeId, spiffeIdOf, workloadOf } from '../../../src/identity/spiffeId.ts'

const DOMAIN = 'mesh.example.com'
const workload = (path: string, domain = DOMAIN) =>
	workloadOf(parseSpiffeId(`spiffe://${domain}${path}`) ?? { id: '', trustDomain: '', path: '' }, DOMAIN)

describe('a SPIFFE ID', () => {
	it.each([
		['spiffe://mesh.example.com', 'mesh.example.com', ''],
		['spiffe://mesh.example.com/ns/default/sa/orders', 'mesh.example.com', '/ns/default/sa/orders'],
		['spiffe://10.0.0.1/x', '10.0.0.1', '/x'],
		['spiffe://a_b-c.d/A.b_C-9/...', 'a_b-c.d', '/A.b_C-9/...'],
		[`spiffe://${'a'.repeat(255)}/x`, 'a'.repeat(255), '/x'],
	])('%s is read', (id, trustDomain, path) => expect(parseSpiffeId(id)).toEqual({ id, trustDomain, path }))

	it('may have 2048 characters and no more', () => {
		const id = `spiffe://td/${'a'.repeat(2_048 - 12)}`
		expect(parseSpiffeId(id)?.id).toBe(id)
		expect(parseSpiffeId(`${id}a`)).toBeUndefined()
	})

	it.each([
		['an empty text', ''],
		['another scheme', 'https://mesh.example.com/x'],
		['no scheme', 'mesh.example.com/x'],
		['an upper-case scheme', 'SPIFFE://mesh.example.com/x'],
		['an upper-case trust domain', 'spiffe://Mesh.example.com/x'],
		['no trust domain', 'spiffe:///x'],
		['one slash', 'spiffe:/mesh.example.com/x'],
		['a user', 'spiffe://user@mesh.example.com/x'],
		['a port', 'spiffe://mesh.example.com:443/x'],
		['an empty port', 'spiffe://mesh.example.com:/x'],
		['an IPv6 address', 'spiffe://[::1]/x'],
		['a percent in the trust domain', 'spiffe://mesh%2eexample.com/x'],
		['a query', 'spiffe://mesh.example.com/x?y'],
		['an empty query', 'spiffe://mesh.example.com/x?'],
		['a fragment', 'spiffe://mesh.example.com/x#y'],
		['a trailing slash', 'spiffe://mesh.example.com/x/'],
		['a slash as path', 'spiffe://mesh.example.com/'],
		['an empty segment', 'spiffe://mesh.example.com/ns//sa'],
		['a dot segment', 'spiffe://mesh.example.com/ns/./sa'],
		['a last dot segment', 'spiffe://mesh.example.com/ns/.'],
		['a dot-dot segment', 'spiffe://mesh.example.com/ns/a/../default'],
		['a first dot-dot segment', 'spiffe://mesh.example.com/../x'],
		['a last dot-dot segment', 'spiffe://mesh.example.com/ns/..'],
		['a percent in the path', 'spiffe://mesh.example.com/ns/%64efault'],
		['an escaped slash', 'spiffe://mesh.example.com/ns%2fdefault'],
		['a backslash', 'spiffe://mesh.example.com\\x'],
		['a letter beyond ASCII', 'spiffe://mesh.example.com/\u043erders'],
		['a trust domain beyond ASCII', 'spiffe://m\u0435sh.example.com/x'],
		['a line break at the end', 'spiffe://mesh.example.com/x\n'],
		['a blank before', ' spiffe://mesh.example.com/x'],
		['a null character', 'spiffe://mesh.example.com/x\0'],
		['a semicolon', 'spiffe://mesh.example.com/x;y'],
		['a trust domain of 256 characters', `spiffe://${'a'.repeat(256)}/x`],
	])('with %s is refused', (_, id) => expect(parseSpiffeId(id)).toBeUndefined())
})

describe('the workload of an ID', () => {
	it('is the one that the ID was made for', () => {
		const id = parseSpiffeId(spiffeIdOf(DOMAIN, 'shop', 'web-1'))!
		expect(workloadOf(id, DOMAIN)).toEqual({ namespace: 'shop', workload: 'web-1' })
	})

	it('is none of another trust domain', () => {
		for (const domain of [
			'other.example.com',
			'x.mesh.example.com',
			'example.com',
			'mesh.example.com.',
			'mesh.example.comx',
		])
			expect(workload('/ns/default/sa/orders', domain), domain).toBeUndefined()
	})

	it.each([
		'/ns/default/sa/orders/x',
		'/x/ns/default/sa/orders',
		'/NS/default/sa/orders',
		'/ns/default/SA/orders',
		'/ns/Default/sa/orders',
		'/ns/default/sa/Orders',
		'/ns/default/sa/or--ders',
		'/ns/default/sa/-orders',
		'/ns/default/sa/orders-',
		'/ns/default/sa/or.ders',
		'/ns/default/sa/or_ders',
		`/ns/default/sa/${'a'.repeat(64)}`,
		'/sa/default/ns/orders',
		'/ns/default/orders',
		'',
	])('is none with the path %j', (path) => expect(workload(path)).toBeUndefined())

	it('may have names of 1 to 63 characters', () => {
		const longest = 'a'.repeat(63)
		expect(workload(`/ns/a/sa/${longest}`)).toEqual({ namespace: 'a', workload: longest })
	})
})
