/** No token survives a flipped bit, wherever it is. */
import { describe, expect, it } from 'vitest'
import { verifyJwtSvid } from '../../../src/identity/jwtSvid.ts'
import { verifyWit } from '../../../src/identity/wit.ts'
import { verifyWpt } from '../../../src/identity/wpt.ts'
import { jwtSvid, NOW, store, verifiedWit, WIT, wpt } from './world.ts'

const trust = store()
const verified = await verifiedWit()
const target = ['https://orders.mesh.example.com/v1/orders']

const tokens: readonly [string, string, (token: string) => Promise<{ ok: boolean }>][] = [
	['WIT', WIT, (token) => verifyWit(trust, token, NOW)],
	['WPT', wpt(), (token) => verifyWpt(verified, token, { audiences: target, header: () => null }, NOW)],
	['JWT-SVID', jwtSvid(), (token) => verifyJwtSvid(trust, token, ['https://orders.mesh.example.com'], NOW)],
]

describe.each(tokens)('a %s', (_, token, verify) => {
	it('verifies as it is', async () => expect(await verify(token)).toMatchObject({ ok: true }))

	it('with any bit of any character flipped does not', async () => {
		for (let at = 0; at < token.length; at++)
			for (let bit = 0; bit < 8; bit++) {
				const flipped = String.fromCharCode(token.charCodeAt(at) ^ (1 << bit))
				const altered = token.slice(0, at) + flipped + token.slice(at + 1)
				expect((await verify(altered)).ok, `bit ${bit} at ${at}`).toBe(false)
			}
	})

	it('with a character left out, doubled or swapped does not', async () => {
		for (let at = 0; at < token.length; at++) {
			const without = token.slice(0, at) + token.slice(at + 1)
			const doubled = token.slice(0, at) + token[at] + token.slice(at)
			const swapped = token.slice(0, at) + (token[at + 1] ?? '') + token[at] + token.slice(at + 2)
			for (const altered of [without, doubled, swapped])
				if (altered !== token) expect((await verify(altered)).ok, altered).toBe(false)
		}
	})
})
