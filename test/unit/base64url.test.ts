/** Base64url has one spelling for each sequence of bytes, and what is not that spelling is nothing. */
import { describe, expect, it } from 'vitest'
import { fromBase64Url, hashOf, toBase64Url } from '../../src/base64url.ts'
import { seeded } from '../random.ts'

const SEED = 4648
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

describe('base64url', () => {
	it(`is what Node makes of the same bytes, both ways (seed ${SEED})`, () => {
		const random = seeded(SEED)
		for (let length = 0; length < 400; length++) {
			const bytes = Uint8Array.from({ length }, () => Math.floor(random() * 256))
			const text = toBase64Url(bytes)
			expect(text).toBe(Buffer.from(bytes).toString('base64url'))
			expect(fromBase64Url(text)).toEqual(bytes)
		}
	})

	it('is decoded from one spelling only, whatever the last letters are', () => {
		for (const one of LETTERS)
			for (const text of [`AAA${one}`, `AA${one}`, `A${one}`, one]) {
				const bytes = fromBase64Url(text)
				const canonical = text.length > 1 && Buffer.from(text, 'base64url').toString('base64url') === text
				expect(bytes !== undefined, text).toBe(canonical)
			}
	})

	it.each([
		'Zg==',
		'Zg=',
		'Zm9v\n',
		' Zm9v',
		'Zm 9v',
		'Zm+v',
		'Zm/v',
		'Zm9vÿ',
		'Zm9v\u{1f511}',
		'Zm9v.',
		'Z',
		'Zm9vZ',
		'Zm%3D',
	])('is not %j', (text) => expect(fromBase64Url(text)).toBeUndefined())

	it('of a hash is that of RFC 9449 §7', async () => {
		const token = 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU'
		expect(await hashOf(token)).toBe('fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo')
	})
})
