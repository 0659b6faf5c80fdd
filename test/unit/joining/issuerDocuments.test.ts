/** What is believed of the documents of an issuer. */
import { describe, expect, it } from 'vitest'
import { discoveryUrl, keysName, readDiscovery, readKeySet } from '../../../src/joining/issuerDocuments.ts'

describe('discovery', () => {
	it.each([
		['https://ci.example', 'https://ci.example/.well-known/openid-configuration'],
		['https://ci.example/', 'https://ci.example/.well-known/openid-configuration'],
		['https://ci.example/org/one', 'https://ci.example/org/one/.well-known/openid-configuration'],
	])('of %s is at %s', (issuer, url) => expect(discoveryUrl(issuer)).toBe(url))

	it('is believed of the very issuer only', () => {
		const read = (document: unknown) => readDiscovery(JSON.stringify(document), 'https://ci.example')
		expect(read({ issuer: 'https://ci.example', jwks_uri: 'https://keys.example' })).toEqual({
			ok: true,
			value: 'https://keys.example',
		})
		for (const document of [
			{ issuer: 'https://ci.example/', jwks_uri: 'https://keys.example' },
			{ jwks_uri: 'https://keys.example' },
			{ issuer: 'https://ci.example' },
			{ issuer: 'https://ci.example', jwks_uri: 7 },
			[],
			null,
			'https://ci.example',
		])
			expect(read(document).ok).toBe(false)
		expect(readDiscovery('{', 'https://ci.example').ok).toBe(false)
	})
})

describe('a key set', () => {
	const ec = { kty: 'EC', kid: 'one', crv: 'P-256', x: 'x', y: 'y' }
	it('is read without symmetric, private and unknown keys', () => {
		const keys = [ec, { kty: 'oct', k: 'secret' }, { ...ec, d: 'private' }, { kty: 'AKP' }, null, 'key', {}]
		expect(readKeySet(JSON.stringify({ keys }))).toEqual({ ok: true, value: [ec] })
	})

	it('has a list of at most a hundred keys', () => {
		const many = (count: number) => JSON.stringify({ keys: Array.from({ length: count }, () => ec) })
		expect(readKeySet(many(100)).ok).toBe(true)
		for (const text of [many(101), '{}', '[]', 'null', '{"keys":{}}', '']) expect(readKeySet(text).ok).toBe(false)
	})
})

it('keys that are found in two ways are kept under two names', () => {
	const issuer = 'https://ci.example'
	const names = [{ issuer }, { issuer, jwksUri: 'https://a.example' }, { issuer, jwksUri: 'https://b.example' }]
	expect(new Set(names.map(keysName)).size).toBe(3)
})
