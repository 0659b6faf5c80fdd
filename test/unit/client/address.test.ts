import { describe, expect, it } from 'vitest'
import { addressOf, isOfMesh, originsOf, readService } from '../../../src/client/address.ts'

const production = addressOf('https://admin.mesh.example.com/')
const local = addressOf('http://admin.mesh.localhost:8787')

describe('the address of a mesh', () => {
	it('says the mesh domain, unless the admin API has another name', () => {
		expect(production).toMatchObject({ admin: 'https://admin.mesh.example.com', domain: 'mesh.example.com', port: '' })
		expect(local).toMatchObject({ admin: 'http://admin.mesh.localhost:8787', domain: 'mesh.localhost', port: ':8787' })
		expect(addressOf('https://control.example.com', 'mesh.example.com').domain).toBe('mesh.example.com')
		expect(() => addressOf('https://control.example.com')).toThrow('give domain')
		expect(() => addressOf('ftp://admin.mesh.example.com')).toThrow('http')
	})

	it.each([
		['https://orders.mesh.example.com/', true],
		['https://orders--shop.mesh.example.com:8443/x', true],
		['https://shop.example.com/', true],
		['https://mesh.example.com@evil.test/', false],
		['https://user@orders.mesh.example.com/', false],
		['https://:secret@orders.mesh.example.com/', false],
		['http://orders.mesh.example.com/', false],
		['wss://orders.mesh.example.com/', false],
		['https://ordersmesh.example.com/', false],
		['https://orders.mesh.example.com.evil.test/', false],
	])('tells whether %s is of the mesh: %s', (url, expected) => {
		expect(isOfMesh(production, new URL(url), ['shop.example.com'])).toBe(expected)
	})

	it('takes plain http where the mesh itself is reached so', () => {
		expect(isOfMesh(local, new URL('http://orders.mesh.localhost:8787/'))).toBe(true)
		expect(isOfMesh(local, new URL('http://evil.test:8787/'))).toBe(false)
	})
})

describe('a service', () => {
	it('is called by its mesh host, with and without the port of the mesh', () => {
		expect(originsOf(production, readService('orders'))).toEqual(['https://orders.mesh.example.com'])
		expect(originsOf(local, readService('shop/orders'))).toEqual([
			'http://orders--shop.mesh.localhost',
			'http://orders--shop.mesh.localhost:8787',
		])
	})

	it.each(['', 'a/b/c', '/orders', 'orders/', 'Orders', 'a_b', 'spiffe://x'])('is not called %j', (text) => {
		expect(() => readService(text)).toThrow('DNS label')
	})
})
