/** What a condition looks at has one spelling where it is told, whichever of its names a document used. */
import { describe, expect, it } from 'vitest'
import { keyText, parseKey } from '../../../src/authorization/accessKey.ts'

describe('a key', () => {
	it.each([
		...['source.ip', 'source.namespace', 'source.principal', 'source.serviceAccount', 'source.trustDomain'],
		...['request.auth.principal', 'request.auth.audiences', 'request.auth.presenter', 'request.time'],
		...['destination.port', 'request.headers[x-token]', 'request.auth.claims[realm_access][roles]'],
		'request.auth.claims[https://example.com/roles][a.b]',
	])('is told as documents write it: %s', (text) => {
		expect(keyText(parseKey(text)!)).toBe(text)
	})

	it.each([
		['remote.ip', 'source.ip'],
		['request.headers[X-Token]', 'request.headers[x-token]'],
	])('%s is told as %s', (text, told) => {
		expect(keyText(parseKey(text)!)).toBe(told)
	})
})
