/** The line of an AUDIT policy or a dry run: one line, bounded, without queries. */
import { expect, it } from 'vitest'
import { policyLine } from '../../../src/telemetry/policyLine.ts'

const entry = {
	timeMs: 0,
	effect: 'would_refuse' as const,
	policy: 'shop/p',
	method: 'GET',
	authority: 'shop.test',
	path: '/a?token=s3cret',
	region: 'weur',
	leftOut: 0,
}

it('says which policy would do what to which request', () => {
	const more = { service: 'shop/cart', rule: 'shop/r/0', caller: 'spiffe://m/ns/a/sa/b', user: 'https://idp/alice' }
	expect(JSON.parse(policyLine({ ...entry, ...more, leftOut: 3 }))).toEqual({
		...{ event: 'access', time: '1970-01-01T00:00:00.000Z', effect: 'would_refuse', policy: 'shop/p' },
		...{ method: 'GET', authority: 'shop.test', path: '/a', ...more, region: 'weur', leftOut: 3 },
	})
})

it('is one line of bounded length, whatever strangers send', () => {
	const odd = '\u2028\n\u0085'
	const line = policyLine({
		...entry,
		path: `/${odd}${'x'.repeat(10_000)}`,
		user: `${odd}${'y'.repeat(10_000)}`,
		rule: '',
	})
	expect(line).not.toMatch(/[\n\u0085\u2028]/)
	expect(line.length).toBeLessThan(3_000)
	expect(JSON.parse(line)).not.toHaveProperty('rule')
})
