/** A JWS is believed when its key says so: the key's own algorithm, the one spelling, nothing that a stranger put in the header. */
import {
	CompactSign,
	calculateJwkThumbprint,
	compactVerify,
	generateKeyPair,
	importJWK,
	jwtVerify,
	SignJWT,
} from 'jose'
import { describe, expect, it, vi } from 'vitest'
import { mediaTypeOf, parseCompact, parseJws, signJws, verifyJws } from '../../../src/identity/jws.ts'
import { importPublicKey, thumbprint } from '../../../src/identity/publicKey.ts'
import { seeded } from '../../random.ts'
import { forge, type Key, makeKey, part, signText } from './world.ts'

const SEED = 7515
const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'EdDSA']
const key = makeKey()

async function verifies(token: string, { jwk }: Pick<Key, 'jwk'>): Promise<boolean> {
	const parsed = parseJws(token)
	const imported = await importPublicKey(jwk)
	if (!imported.ok) throw new Error(imported.error)
	return parsed.ok && verifyJws(parsed.value, imported.value)
}

/** Claims of any shape, with texts beyond ASCII. */
function randomClaims(random: () => number, depth = 0): Record<string, unknown> {
	const text = () =>
		Array.from({ length: Math.floor(random() * 12) }, () =>
			String.fromCodePoint(32 + Math.floor(random() ** 3 * 0xd700)),
		).join('')
	const kinds: (() => unknown)[] = [
		text,
		() => Math.floor(random() * 1e12),
		() => random() < 0.5,
		() => null,
		() => [text(), random()],
		() => randomClaims(random, depth + 1),
	]
	const value = () => kinds[Math.floor(random() * (depth > 2 ? 4 : 6))]!()
	return Object.fromEntries(Array.from({ length: Math.floor(random() * 6) }, () => [`x${text()}`, value()]))
}

describe.each(ALGORITHMS)('%s', (alg) => {
	it(`verifies what jose signed, and jose verifies what the mesh signed (seed ${SEED})`, async () => {
		const random = seeded(SEED)
		const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
		const jwk = { ...(await crypto.subtle.exportKey('jwk', publicKey)), alg } as unknown as Key['jwk']
		for (let round = 0; round < 12; round++) {
			const claims = randomClaims(random)
			const theirs = await new SignJWT(claims).setProtectedHeader({ alg }).sign(privateKey)
			expect(await verifies(theirs, { jwk })).toBe(true)
			const parsed = parseJws(theirs)
			expect(parsed.ok && parsed.value.claims).toEqual(claims)
			const ours = await signJws({ alg, kid: 'k' }, claims, privateKey)
			const { payload, protectedHeader } = await jwtVerify(ours, publicKey)
			expect(payload).toEqual(claims)
			expect(protectedHeader).toEqual({ alg, kid: 'k' })
		}
		expect(await thumbprint(jwk)).toBe(await calculateJwkThumbprint(jwk as never))
	})
})

describe('a key', () => {
	const keys = new Map(ALGORITHMS.map((alg) => [alg, makeKey(alg)]))

	it('verifies for its own algorithm only, whatever the header says', async () => {
		for (const [alg, { privateKey, jwk }] of keys)
			for (const said of [
				...ALGORITHMS,
				'none',
				'HS256',
				'HS384',
				'HS512',
				'es256',
				'ES256 ',
				'',
				'ES256K',
				'Ed25519',
			]) {
				// Signed by the right key in the right way: only the header lies.
				const token = forge({ alg: said }, { a: 1 }, { privateKey, jwk })
				expect(await verifies(token, { jwk }), `${said} by a key for ${alg}`).toBe(said === alg)
			}
	})

	it('for RS256 does not verify PS256 or RS512 by the same key', async () => {
		const { privateKey, jwk } = keys.get('RS256')!
		for (const alg of ['PS256', 'RS384', 'RS512'])
			expect(await verifies(forge({ alg: 'RS256' }, {}, { privateKey, jwk }, alg), { jwk })).toBe(false)
	})

	it('does not sign for another algorithm: that is a bug of ours', async () => {
		const { privateKey } = await generateKeyPair('ES256')
		await expect(signJws({ alg: 'ES384' }, {}, privateKey)).rejects.toThrow('the key is not for ES384')
		await expect(signJws({ alg: 'none' }, {}, privateKey)).rejects.toThrow('the key is not for none')
	})

	it('takes a signature of its exact length only: no DER, no padding, nothing cut off', async () => {
		const text = `${part({ alg: 'ES256' })}.${part({})}`
		const signature = Buffer.from(signText(text, key.privateKey).split('.')[2]!, 'base64url')
		const half = (bytes: Buffer) => Buffer.concat([Buffer.from([2, bytes.length]), bytes])
		const body = Buffer.concat([half(signature.subarray(0, 32)), half(signature.subarray(32))])
		const der = Buffer.concat([Buffer.from([0x30, body.length]), body])
		const zeros = Buffer.alloc(1)
		const others = [
			der,
			signature.subarray(1),
			Buffer.concat([zeros, signature]),
			Buffer.concat([signature, zeros]),
			zeros,
			Buffer.alloc(0),
			Buffer.alloc(64),
		]
		expect(await verifies(`${text}.${signature.toString('base64url')}`, key)).toBe(true)
		for (const other of others) expect(await verifies(`${text}.${other.toString('base64url')}`, key)).toBe(false)
	})

	it('takes no signature of another length, whatever the runtime thinks of it', async () => {
		const lenient = vi.spyOn(crypto.subtle, 'verify').mockResolvedValue(true)
		for (const [alg, { jwk }] of keys) {
			const bytes = alg === 'EdDSA' ? 64 : ({ ES256: 64, ES384: 96, ES512: 132 }[alg] ?? 256)
			const lengths = [bytes - 1, bytes, bytes + 1, 0]
			const token = (length: number) => `${part({ alg })}.${part({})}.${Buffer.alloc(length).toString('base64url')}`
			expect(await Promise.all(lengths.map((length) => verifies(token(length), { jwk }))), alg).toEqual([
				false,
				true,
				false,
				false,
			])
		}
		lenient.mockRestore()
	})

	it('from the header is never used', async () => {
		const attacker = makeKey()
		for (const header of [
			{ jwk: attacker.jwk },
			{ jku: 'https://attacker.example/jwks' },
			{ x5u: 'https://attacker.example' },
			{ x5c: ['AA=='] },
		])
			expect(await verifies(forge({ alg: 'ES256', ...header }, {}, attacker), key)).toBe(false)
	})
})

describe('a compact JWS', () => {
	const good = forge({ alg: 'ES256' }, { a: 1 }, key)
	const [header, payload, signature] = good.split('.') as [string, string, string]
	const parse = (token: string) => {
		const parsed = parseJws(token)
		return parsed.ok ? 'ok' : parsed.error
	}
	const raw = (json: string) => Buffer.from(json).toString('base64url')

	it.each([
		['nothing', ''],
		['two parts', `${header}.${payload}`],
		['four parts', `${good}.`],
		['five parts, as in a JWE', `${good}.a.b`],
		['no header', `.${payload}.${signature}`],
		['a blank before', ` ${good}`],
		['a line break after', `${good}\n`],
		['padding', `${header}.${payload}=.${signature}`],
		['letters of plain base64', `${header}.${payload}.${signature.slice(0, -1)}+`],
		['bits left over', `${header}.${payload}.${signature.slice(0, -1)}${signature.endsWith('B') ? 'C' : 'B'}`],
		['a header that is no JSON', `${raw('{')}.${payload}.${signature}`],
		['a header that is a list', `${raw('[]')}.${payload}.${signature}`],
		['a header that is null', `${raw('null')}.${payload}.${signature}`],
		['a header without alg', `${raw('{}')}.${payload}.${signature}`],
		['an alg that is a list', `${raw('{"alg":["ES256"]}')}.${payload}.${signature}`],
		['a kid that is a number', `${raw('{"alg":"ES256","kid":1}')}.${payload}.${signature}`],
		['a typ that is a number', `${raw('{"alg":"ES256","typ":1}')}.${payload}.${signature}`],
		['claims that are a list', `${header}.${raw('[]')}.${signature}`],
		['claims that are a text', `${header}.${raw('"a"')}.${signature}`],
		['claims that are null', `${header}.${raw('null')}.${signature}`],
		['no claims', `${header}..${signature}`],
		['a byte order mark', `${header}.${raw('\ufeff{}')}.${signature}`],
		[
			'claims that are not UTF-8',
			`${header}.${Buffer.from('{"a":"\xff"}', 'latin1').toString('base64url')}.${signature}`,
		],
		['the JSON serialisation', JSON.stringify({ payload, protected: header, signature })],
	])('with %s is malformed', (_, token) => expect(parse(token)).toBe('malformed'))

	it('with critical or unencoded extensions is refused, whatever they are', () => {
		for (const more of [
			{ crit: [] },
			{ crit: ['exp'], exp: 1 },
			{ crit: ['b64'], b64: true },
			{ b64: true },
			{ crit: null },
		])
			expect(parse(forge({ alg: 'ES256', ...more }, {}, key))).toBe('unsupported_header')
	})

	it('has at most 8 KiB, or as many bytes as its reader wants', () => {
		const sized = (bytes: number) =>
			`${good.slice(0, -signature.length)}${'A'.repeat(bytes - good.length + signature.length)}`
		expect(parse(sized(8_192))).toBe('ok')
		expect(parse(sized(8_193))).toBe('too_large')
		expect(parseCompact(sized(8_194), 16_384).ok).toBe(true)
	})

	it('with a member given twice means the last one', () => {
		const parsed = parseJws(`${raw('{"alg":"none","alg":"ES256"}')}.${raw('{"sub":"a","sub":"b"}')}.`)
		expect(parsed.ok && [parsed.value.header.alg, parsed.value.claims.sub]).toEqual(['ES256', 'b'])
	})

	it('cannot give objects a prototype of its own', () => {
		const parsed = parseJws(`${header}.${raw('{"__proto__":{"sub":"a"}}')}.`)
		expect(parsed.ok && parsed.value.claims.sub).toBeUndefined()
	})

	it('may have any payload where nobody wants claims', async () => {
		const { publicKey, privateKey } = await generateKeyPair('ES256')
		const token = await new CompactSign(Uint8Array.from([255, 0])).setProtectedHeader({ alg: 'ES256' }).sign(privateKey)
		const parsed = parseCompact(token)
		expect(parsed.ok && parsed.value.payload).toEqual(Uint8Array.from([255, 0]))
		expect(parsed.ok && (await verifyJws(parsed.value, publicKey))).toBe(true)
		expect(parseJws(token)).toEqual({ ok: false, error: 'malformed' })
	})
})

describe('typ', () => {
	it.each([
		['wit+jwt', 'wit+jwt'],
		['WIT+JWT', 'wit+jwt'],
		['application/wit+jwt', 'wit+jwt'],
		['Application/WIT+jwt', 'wit+jwt'],
		['application/a/b', 'application/a/b'],
		['text/wit+jwt', 'text/wit+jwt'],
		[' wit+jwt', ' wit+jwt'],
		[undefined, undefined],
	])('%j is %j', (typ, type) => {
		expect(mediaTypeOf(typ === undefined ? { alg: 'ES256' } : { alg: 'ES256', typ })).toBe(type)
	})
})

it('jose verifies a token by a key that only its JWK names', async () => {
	const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
	const token = await signJws({ alg: 'ES256' }, { a: 'ü' }, privateKey)
	const jwk = await crypto.subtle.exportKey('jwk', publicKey)
	const { payload } = await compactVerify(token, await importJWK(jwk as never, 'ES256'))
	expect(new TextDecoder().decode(payload)).toBe('{"a":"ü"}')
})
