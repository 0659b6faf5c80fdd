/** What is set on each request to a service with a credential. */
import { describe, expect, it } from 'vitest'
import { compileCredential } from '../../../../src/proxy/compile/compileCredential.ts'
import { compileService } from '../../../../src/proxy/compile/compileService.ts'
import type { Credential, SecretText } from '../../../../src/snapshot/snapshot.ts'
import { CONTEXT } from './compiled.ts'

const header = (value: Partial<SecretText> & { secret: string }, name = 'authorization'): Credential => ({
	in: 'header',
	name,
	value: { before: '', ...value },
})

describe('a credential', () => {
	it.each([
		['a bearer token', header({ before: 'Bearer ', secret: 'abc' }), 'Bearer abc'],
		['an API key', header({ secret: 'abc def' }, 'x-key'), 'abc def'],
		// RFC 7617 §2 and §2.1, with the RFC's own examples.
		[
			'user and password',
			header({ before: 'Basic ', basic: { username: 'Aladdin' }, secret: 'open sesame' }),
			'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==',
		],
		[
			'a password beyond ASCII',
			header({ before: 'Basic ', basic: { username: 'test' }, secret: '123£' }),
			'Basic dGVzdDoxMjPCow==',
		],
		[
			'a password with a colon',
			header({ before: 'Basic ', basic: { username: 'a' }, secret: 'b:c' }),
			`Basic ${btoa('a:b:c')}`,
		],
	])('of %s is the finished value', (_, credential, value) => {
		expect(compileCredential(credential)).toEqual({ in: 'header', name: (credential as { name: string }).name, value })
	})

	it('of the longest password is finished too', () => {
		const secret = '\u{10ffff}'.repeat(2_048)
		const compiled = compileCredential(header({ before: 'Basic ', basic: { username: 'a' }, secret }))
		expect(compiled).toEqual({
			in: 'header',
			name: 'authorization',
			value: `Basic ${Buffer.from(`a:${secret}`).toString('base64')}`,
		})
	})

	it('in a query is as it is: the URL encodes it', () => {
		const value = { before: '', secret: 'ä&b=c' }
		expect(compileCredential({ in: 'query', name: 'key', value })).toEqual({ in: 'query', name: 'key', value: 'ä&b=c' })
	})

	it.each(['a\r\nx: y', 'a\nb', 'nul\0', 'pässword', ' x', 'x ', ''])(
		'that a header field would not carry, as %j, is refused and not repeated',
		(secret) => {
			expect(compileCredential(header({ secret }, 'x-key'))).toEqual({
				invalid: 'the secret for x-key is no value of a header field',
			})
		},
	)

	it('that cannot be used says why', () => {
		expect(compileCredential({ invalid: 'no such Secret' })).toEqual({ invalid: 'no such Secret' })
	})
})

describe('a service', () => {
	const compiled = (more: object) =>
		compileService({ kind: 'service', service: 'd/s', endpoints: [], ...more }, new Map(), () => 0, CONTEXT)

	it('is inside the mesh and has no credential unless its target says so', () => {
		expect(compiled({})).toMatchObject({ external: false, credential: undefined })
	})

	it('carries what its target says', () => {
		const credential = header({ before: 'Bearer ', secret: 'abc' })
		expect(compiled({ external: true, credential })).toMatchObject({
			external: true,
			credential: { in: 'header', name: 'authorization', value: 'Bearer abc' },
		})
	})
})
