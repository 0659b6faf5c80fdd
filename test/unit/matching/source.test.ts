/** Which callers a rule's sources name. */
import { describe, expect, it } from 'vitest'
import { isFrom } from '../../../src/matching/source.ts'
import { callerOf } from './caller.ts'

const web = callerOf('shop', 'web')

describe('a caller', () => {
	it.each([
		['is of its own workload', [{ namespace: 'shop', workload: 'web' }], true],
		['is of its whole namespace', [{ namespace: 'shop' }], true],
		['is of one source among several', [{ namespace: 'a' }, { namespace: 'shop', workload: 'web' }], true],
		['is not of another workload', [{ namespace: 'shop', workload: 'cart' }], false],
		['is not of a workload of its name elsewhere', [{ namespace: 'bank', workload: 'web' }], false],
		['is not of another namespace', [{ namespace: 'bank' }], false],
		['is not of a workload that begins like it', [{ namespace: 'shop', workload: 'we' }], false],
		[
			'is not of two sources that each fit half',
			[
				{ namespace: 'bank', workload: 'web' },
				{ namespace: 'shop', workload: 'x' },
			],
			false,
		],
		['is of none when there are none', [], false],
	])('%s', (_, sources, expected) => expect(isFrom(sources, web)).toBe(expected))

	it('that proves no identity is of none', () => {
		expect(isFrom([{ namespace: 'shop' }, { namespace: 'default', workload: 'web' }], undefined)).toBe(false)
	})

	it('of another trust domain is of none, whatever its path says', () => {
		const foreign = {
			spiffeId: 'spiffe://partner.test/ns/shop/sa/web',
			method: 'WorkloadProof',
			reused: false,
		} as const
		expect(isFrom([{ namespace: 'shop' }, { namespace: 'shop', workload: 'web' }], foreign)).toBe(false)
	})
})
