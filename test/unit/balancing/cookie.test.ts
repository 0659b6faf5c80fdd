/** Finding a cookie among others, and among garbage. */
import { describe, expect, it } from 'vitest'
import { cookieValue } from '../../../src/balancing/cookie.ts'
import { seeded } from '../../random.ts'

describe('a cookie', () => {
	it.each([
		['s=1', '1'],
		['a=0; s=1; b=2', '1'],
		['a=0;s=1;b=2', '1'],
		['  s=1  ', '1'],
		['\ts = 1 ;', '1'],
		['s="1"', '1'],
		['s=""', ''],
		['s="', '"'],
		['s=', ''],
		['s=a=b', 'a=b'],
		['s=1; s=2', '1'],
		['s=; s=2', ''],
		['S=1', undefined],
		['ss=1', undefined],
		['xs=1', undefined],
		['x=s=1', undefined],
		['s', undefined],
		['s; s=2', '2'],
		['a="s=1', undefined],
		[';;; ;s=1', '1'],
		['', undefined],
		['=1', undefined],
	])('s in %j is %j', (field, expected) => expect(cookieValue(field, 's')).toBe(expected))

	it('is found as a slow reader finds it, in any text', () => {
		const slow = (field: string) => {
			for (const pair of field.split(';')) {
				const [name, ...value] = pair.split('=')
				if (value.length > 0 && name!.trim() === 's') return value.join('=').trim()
			}
			return undefined
		}
		for (let seed = 1; seed <= 20_000; seed++) {
			const random = seeded(seed)
			const length = Math.floor(random() * 12)
			const field = Array.from({ length }, () => 's=; \ta'[Math.floor(random() * 6)]!).join('')
			expect(cookieValue(field, 's'), `seed ${seed}: ${JSON.stringify(field)}`).toBe(slow(field))
		}
	})

	it.each([
		['one long name', 's'.repeat(16_384)],
		['names that begin like it', 'ss;'.repeat(5_461)],
		['semicolons', ';'.repeat(16_384)],
		['spaces', ' '.repeat(16_384)],
		['names and spaces', `s${' '.repeat(16_382)}x`],
		['quotes', '"'.repeat(16_384)],
	])('is looked for once over 16 KB of %s', (_, garbage) => {
		let steps = 0
		const counted = new Proxy(Object(garbage) as object, {
			get: (target, key) => {
				steps++
				const value = Reflect.get(target, key, target)
				return typeof value === 'function' ? value.bind(target) : value
			},
		}) as unknown as string
		expect(cookieValue(counted, 's')).toBe(undefined)
		expect(steps).toBeLessThan(8 * garbage.length)
		expect(cookieValue(`${garbage}; s=1`, 's')).toBe('1')
	})
})
