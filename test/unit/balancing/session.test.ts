/** Sessions: how endpoints are named in them, when they end, and what clients are told. */
import { describe, expect, it } from 'vitest'
import { endpointToken, readSession, type Session, writeSession } from '../../../src/balancing/session.ts'
import type { SessionPersistence } from '../../../src/snapshot/filters.ts'
import { seeded } from '../../random.ts'

const NOW = 1_800_000_000
const TOKEN = endpointToken('shop/cart', 'one')

const rule = (changes: Partial<SessionPersistence> = {}): SessionPersistence => ({
	type: 'Cookie',
	name: 'sticky',
	permanent: false,
	path: '/',
	...changes,
})
const textOf = (startedAt: number, lastUsedAt = startedAt, token = TOKEN) =>
	`${token}.${startedAt.toString(36)}.${lastUsedAt.toString(36)}`
const sessionOf = (startedAtSeconds: number, lastUsedAtSeconds = startedAtSeconds): Session => ({
	token: TOKEN,
	startedAtSeconds,
	lastUsedAtSeconds,
})
const read = (value: string, changes: Partial<SessionPersistence> = {}, now = NOW) =>
	readSession(rule(changes), `other=1; sticky=${value}`, null, now)

describe('the token of an endpoint', () => {
	it.each([
		['shop/cart', 'one'],
		['default/a', ''],
		['default/ü', '€'],
	])('of %s %s is its 64-bit FNV-1a, as plain arithmetic has it', (service, id) => {
		let hash = 0xcbf29ce484222325n
		for (const byte of Buffer.from(`${service}/${id}`)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) % 2n ** 64n
		const half = (word: bigint) => word.toString(36).padStart(7, '0')
		expect(endpointToken(service, id)).toBe(half(hash >> 32n) + half(hash & 0xffffffffn))
	})

	it('is another for each of 100,000 endpoints, be they numbered, random or of many services', () => {
		const random = seeded(1)
		const tokens = new Set<string>()
		for (let i = 0; i < 50_000; i++) tokens.add(endpointToken('shop/cart', `endpoint-${i}`))
		for (let i = 0; i < 25_000; i++)
			tokens.add(endpointToken('shop/cart', `https://10.0.${i >> 8}.${i & 255}:8080/${random()}`))
		for (let i = 0; i < 25_000; i++) tokens.add(endpointToken(`shop/cart-${i}`, 'one'))
		expect(tokens.size).toBe(100_000)
		for (const token of tokens) if (!/^[0-9a-z]{14}$/.test(token)) expect.fail(token)
	})
})

describe('a session', () => {
	it('is read from the cookie that the rule names, and from no header', () => {
		expect(read(textOf(NOW - 10, NOW - 5))).toEqual(sessionOf(NOW - 10, NOW - 5))
		expect(readSession(rule(), null, textOf(NOW), NOW)).toBe(undefined)
		expect(readSession(rule(), undefined, null, NOW)).toBe(undefined)
		expect(readSession(rule({ name: 'Sticky' }), `sticky=${textOf(NOW)}`, null, NOW)).toBe(undefined)
	})

	it('is read from the header, and from no cookie, when the rule says so', () => {
		const header = rule({ type: 'Header', name: 'x-sticky' })
		expect(readSession(header, null, textOf(NOW), NOW)).toEqual(sessionOf(NOW))
		expect(readSession(header, `x-sticky=${textOf(NOW)}`, null, NOW)).toBe(undefined)
	})

	it('is read through quotes, and from the first of two cookies of its name', () => {
		expect(read(`"${textOf(NOW)}"`)).toEqual(sessionOf(NOW))
		expect(read(`${textOf(NOW - 1)}; sticky=${textOf(NOW)}`)).toEqual(sessionOf(NOW - 1))
		expect(read(`nonsense; sticky=${textOf(NOW)}`)).toBe(undefined)
	})

	it.each([
		['', 'empty'],
		['nonsense', 'no session'],
		[TOKEN, 'a token without times'],
		[`${TOKEN}.abc`, 'one time'],
		[`${textOf(NOW)}.1`, 'too many parts'],
		[`${TOKEN.slice(1)}.1.1`, 'a short token'],
		[`${TOKEN.toUpperCase()}.1.1`, 'another alphabet'],
		[`${TOKEN}.-1.1`, 'a negative time'],
		[`${TOKEN}.zzzzzzzz.1`, 'a time of too many digits'],
		[textOf(NOW + 61), 'a start in the future'],
		[textOf(NOW, NOW + 61), 'a use in the future'],
		[`${textOf(NOW)}, ${textOf(NOW)}`, 'two values in one'],
	])('is not read from %j: %s', (value) => expect(read(value)).toBe(undefined))

	it('may come from a location whose clock is a minute ahead', () => {
		expect(read(textOf(NOW + 60))).toEqual(sessionOf(NOW + 60))
	})

	it.each([
		[{}, 10 ** 9, 10 ** 9, true],
		[{ absoluteTimeoutSeconds: 100 }, 99, 0, true],
		[{ absoluteTimeoutSeconds: 100 }, 100, 0, false],
		[{ idleTimeoutSeconds: 10 }, 10 ** 6, 9, true],
		[{ idleTimeoutSeconds: 10 }, 10 ** 6, 10, false],
		[{ absoluteTimeoutSeconds: 100, idleTimeoutSeconds: 10 }, 99, 9, true],
		[{ absoluteTimeoutSeconds: 100, idleTimeoutSeconds: 10 }, 100, 9, false],
		[{ absoluteTimeoutSeconds: 100, idleTimeoutSeconds: 10 }, 50, 10, false],
	])('under %j, %i s after it began and %i s after its last use, goes on: %s', (timeouts, age, idle, expected) => {
		expect(read(textOf(NOW - age, NOW - idle), timeouts) !== undefined).toBe(expected)
	})
})

describe('what a client is told', () => {
	it.each<[string, Partial<SessionPersistence>, boolean, string]>([
		['a new session', {}, false, 'Path=/; HttpOnly; SameSite=Lax'],
		['one over https', {}, true, 'Path=/; HttpOnly; SameSite=Lax; Secure'],
		['one of a path', { path: '/shop/a' }, false, 'Path=/shop/a; HttpOnly; SameSite=Lax'],
		['one of a path that a cookie cannot name', { path: '/a;b' }, false, 'Path=/; HttpOnly; SameSite=Lax'],
		['one of a path outside ASCII', { path: '/€' }, false, 'Path=/; HttpOnly; SameSite=Lax'],
		['one without a path', { path: '' }, false, 'Path=/; HttpOnly; SameSite=Lax'],
		['one with an end', { absoluteTimeoutSeconds: 60 }, false, 'Path=/; HttpOnly; SameSite=Lax'],
		[
			'a permanent one',
			{ permanent: true, absoluteTimeoutSeconds: 60 },
			true,
			'Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60',
		],
		[
			'a permanent one that may lie idle for less',
			{ permanent: true, absoluteTimeoutSeconds: 60, idleTimeoutSeconds: 20 },
			false,
			'Path=/; HttpOnly; SameSite=Lax; Max-Age=20',
		],
		['a permanent one without an end', { permanent: true }, false, 'Path=/; HttpOnly; SameSite=Lax'],
	])('of %s', (_, changes, secure, attributes) => {
		const field = writeSession(rule(changes), TOKEN, NOW, secure)
		expect(field).toEqual(['set-cookie', `sticky=${textOf(NOW)}; ${attributes}`])
		expect(() => new Headers([[...field!]])).not.toThrow()
	})

	it('is a header when the rule says so', () => {
		const header = rule({ type: 'Header', name: 'x-sticky', permanent: true, absoluteTimeoutSeconds: 60 })
		expect(writeSession(header, TOKEN, NOW, true)).toEqual(['x-sticky', textOf(NOW)])
	})

	it('is nothing while a session goes on that no use prolongs', () => {
		for (const type of ['Cookie', 'Header'] as const) {
			const lasting = rule({ type, absoluteTimeoutSeconds: 60, permanent: true })
			expect(writeSession(lasting, sessionOf(NOW - 5), NOW, true)).toBe(undefined)
		}
	})

	it('is the last use, once a second, where idling ends a session; its beginning stays', () => {
		const idle = rule({ idleTimeoutSeconds: 20, absoluteTimeoutSeconds: 60, permanent: true })
		const written = (session: Session) => writeSession(idle, session, NOW + 0.5, false)
		expect(written(sessionOf(NOW - 5, NOW - 1))?.[1]).toBe(
			`sticky=${textOf(NOW - 5, NOW)}; Path=/; HttpOnly; SameSite=Lax; Max-Age=20`,
		)
		expect(written(sessionOf(NOW - 50, NOW - 1))?.[1]).toContain('Max-Age=10')
		expect(written(sessionOf(NOW - 5, NOW))).toBe(undefined)
	})

	it('is what is read again', () => {
		for (let seed = 1; seed <= 2_000; seed++) {
			const random = seeded(seed)
			const seconds = () => 1 + Math.floor(random() * 1_000)
			const timeouts = {
				...(random() < 0.5 && { idleTimeoutSeconds: seconds() }),
				...(random() < 0.5 && { absoluteTimeoutSeconds: seconds() }),
			}
			const sticky = rule({ ...timeouts, permanent: random() < 0.5, type: random() < 0.5 ? 'Cookie' : 'Header' })
			const token = endpointToken('shop/cart', String(seed))
			const value = writeSession(sticky, token, NOW, random() < 0.5)![1].split(';')[0]!
			const later = NOW + Math.floor(random() * 1_000)
			const isOver = later - NOW >= Math.min(timeouts.idleTimeoutSeconds ?? 1e9, timeouts.absoluteTimeoutSeconds ?? 1e9)
			const again =
				sticky.type === 'Cookie' ? readSession(sticky, value, null, later) : readSession(sticky, null, value, later)
			const expected = isOver ? undefined : { token, startedAtSeconds: NOW, lastUsedAtSeconds: NOW }
			expect(again, `seed ${seed}`).toEqual(expected)
		}
	})
})
