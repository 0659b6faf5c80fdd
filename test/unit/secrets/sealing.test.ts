/** What sealing promises: only the right key opens, only for the right entry, and only what nobody touched. */
import { describe, expect, it } from 'vitest'
import { createKeyring, isSealed, type Keyring, open, seal } from '../../../src/secrets/sealing.ts'
import { seeded } from '../../random.ts'

const SEED = 11
const OLD = 'the-old-master-key-of-32-characters'
const NEW = 'the-new-master-key-of-32-characters'
const ENTRY = 'Secret/default/stripe/token'

async function keyring(...keys: string[]): Promise<Keyring> {
	const made = await createKeyring(keys.join(','))
	if (!made.ok) throw new Error(made.error)
	return made.value
}

/** A text of any length and any characters, half of them beyond ASCII. */
function randomText(random: () => number): string {
	const length = 1 + Math.floor(random() ** 3 * 8_000)
	return Array.from({ length }, () =>
		String.fromCodePoint(Math.floor(random() * (random() < 0.5 ? 128 : 0xd7ff))),
	).join('')
}

describe('a sealed text', () => {
	it(`opens to what was sealed, whatever it was (seed ${SEED})`, async () => {
		const random = seeded(SEED)
		const ring = await keyring(NEW)
		for (let i = 0; i < 300; i++) {
			const text = randomText(random)
			const sealed = await seal(ring, ENTRY, text)
			expect(isSealed(sealed)).toBe(true)
			expect(await open(ring, ENTRY, sealed)).toEqual({ ok: true, value: text })
		}
	})

	it('keeps a byte order mark', async () => {
		const ring = await keyring(NEW)
		expect(await open(ring, ENTRY, await seal(ring, ENTRY, '\ufeffx'))).toEqual({ ok: true, value: '\ufeffx' })
	})

	it('shows nothing of the text but its length', async () => {
		const ring = await keyring(NEW)
		const sealed = await seal(ring, ENTRY, 'sk_live_4242')
		expect(sealed).toMatch(/^sealed:v1:[0-9a-f]{8}:[\w-]{16}:[\w-]{38}$/)
		expect(sealed).not.toContain('4242')
		expect(atob(sealed.split(':')[4]!.replaceAll('-', '+').replaceAll('_', '/'))).not.toContain('live')
	})

	it('is equal for an equal text of the same entry, in every isolate', async () => {
		expect(await seal(await keyring(NEW), ENTRY, 'a')).toBe(await seal(await keyring(NEW), ENTRY, 'a'))
	})

	it('is another, under another IV, for another text, entry or key', async () => {
		const ring = await keyring(NEW)
		const sealed = await Promise.all([
			seal(ring, ENTRY, 'a'),
			seal(ring, ENTRY, 'b'),
			seal(ring, ENTRY, 'a\0'),
			seal(ring, 'Secret/default/stripe/tokena', ''),
			seal(ring, 'Secret/other/stripe/token', 'a'),
			seal(ring, 'Secret/default/stripe/nekot', 'a'),
			seal(await keyring(OLD), ENTRY, 'a'),
		])
		const ivs = sealed.map((text) => text.split(':')[3])
		expect(new Set(ivs).size).toBe(sealed.length)
		expect(new Set(sealed.map((text) => text.split(':')[4])).size).toBe(sealed.length)
	})

	it('does not open when any character of it is another', async () => {
		const ring = await keyring(NEW)
		const sealed = await seal(ring, ENTRY, 'sk_live')
		for (let at = 0; at < sealed.length; at++)
			for (const other of ['A', 'z', '0', ':', '=']) {
				if (sealed[at] === other) continue
				const altered = sealed.slice(0, at) + other + sealed.slice(at + 1)
				expect((await open(ring, ENTRY, altered)).ok, `${other} at ${at} of ${sealed}`).toBe(false)
			}
	})

	it('does not open when it spells the same bytes otherwise', async () => {
		const ring = await keyring(NEW)
		const sealed = await seal(ring, ENTRY, 'sk_live')
		const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
		const opening = await Promise.all([...letters].map((letter) => open(ring, ENTRY, sealed.slice(0, -1) + letter)))
		expect(opening.filter(({ ok }) => ok)).toHaveLength(1)
		// Of 23 bytes the last letter has two bits to spare: all but one letter in four are no spelling at all.
		expect(opening.filter((opened) => !opened.ok && opened.error === 'malformed')).toHaveLength(48)
	})

	it('does not open when bytes are missing, doubled or added', async () => {
		const ring = await keyring(NEW)
		const sealed = await seal(ring, ENTRY, 'sk_live')
		for (let end = 0; end < sealed.length; end++)
			expect((await open(ring, ENTRY, sealed.slice(0, end))).ok, String(end)).toBe(false)
		for (const altered of [`${sealed}A`, `${sealed}AAAA`, sealed + sealed, ` ${sealed}`, `${sealed}\n`])
			expect((await open(ring, ENTRY, altered)).ok, altered).toBe(false)
	})

	it('does not open with the IV or the text of another', async () => {
		const ring = await keyring(NEW)
		const [one, other] = [(await seal(ring, ENTRY, 'a')).split(':'), (await seal(ring, ENTRY, 'b')).split(':')]
		const mixed = [...one.slice(0, 4), other[4]].join(':')
		expect(await open(ring, ENTRY, mixed)).toEqual({ ok: false, error: 'altered' })
	})

	it.each(['Secret/default/stripe/other', 'Secret/default/other/token', 'Secret/team/stripe/token', ''])(
		'does not open for %j, which it was not sealed for',
		async (entry) => {
			const ring = await keyring(NEW)
			const sealed = await seal(ring, ENTRY, 'a')
			expect(await open(ring, entry, sealed)).toEqual({ ok: false, error: 'altered' })
		},
	)

	it.each(['', 'plain', 'sealed:v1:', 'sealed:v2:00000000:AAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAA'])(
		'is not %j',
		async (text) => {
			expect(isSealed(text)).toBe(false)
			expect(await open(await keyring(NEW), ENTRY, text)).toEqual({ ok: false, error: 'malformed' })
		},
	)
})

describe('a list of keys', () => {
	it('seals with the first and opens with all, so that keys can be rotated', async () => {
		const before = await seal(await keyring(OLD), ENTRY, 'a')
		const rotating = await keyring(NEW, OLD)
		expect(await open(rotating, ENTRY, before)).toEqual({ ok: true, value: 'a' })
		const after = await seal(rotating, ENTRY, 'a')
		expect(after).not.toBe(before)
		expect(await open(await keyring(NEW), ENTRY, after)).toEqual({ ok: true, value: 'a' })
	})

	it('no longer opens what was sealed under a key that left it, and says so', async () => {
		const before = await seal(await keyring(OLD), ENTRY, 'a')
		expect(await open(await keyring(NEW), ENTRY, before)).toEqual({ ok: false, error: 'unknown_key' })
	})

	it('may have blanks around its commas', async () => {
		const spaced = await keyring(` ${NEW} `, ` ${OLD}`)
		expect(await seal(spaced, ENTRY, 'a')).toBe(await seal(await keyring(NEW), ENTRY, 'a'))
	})

	it('is told apart from a forged key id: a text under another key’s name does not open', async () => {
		const ring = await keyring(NEW, OLD)
		const parts = (await seal(await keyring(OLD), ENTRY, 'a')).split(':')
		const name = (await seal(await keyring(NEW), ENTRY, 'a')).split(':')[2]
		expect(await open(ring, ENTRY, [...parts.slice(0, 2), name, ...parts.slice(3)].join(':'))).toMatchObject({
			ok: false,
		})
	})

	it.each([
		['', 'the key has 0 characters; it must have at least 32'],
		['a'.repeat(31), 'the key has 31 characters; it must have at least 32'],
		[`${NEW},short`, 'key 2 of 2 has 5 characters; it must have at least 32'],
		[`${NEW},`, 'key 2 of 2 has 0 characters; it must have at least 32'],
		[Array(9).fill(NEW).join(','), 'there are 9 keys; there may be at most 8'],
	])('%j is refused without being repeated', async (keys, error) => {
		expect(await createKeyring(keys)).toEqual({ ok: false, error })
	})
})
