/** What a replay says of policies that look at addresses, of which samples have the network alone. */
import { describe, expect, it } from 'vitest'
import { ofService, policy, request, verdict } from './remembered.ts'

describe('a client’s network', () => {
	it.each<[string, unknown]>([
		['192.0.2.0/24', ['refused', 'shop/deny']],
		['192.0.0.0/16', ['refused', 'shop/deny']],
		['198.51.100.0/25', 'unchanged'],
		// Its first address is in the block, and the client's may not be.
		['192.0.2.0/25', 'source.ip'],
		['192.0.2.77', 'source.ip'],
		['::ffff:192.0.2.0/121', 'source.ip'],
	])('is in %s, or it is open', async (block, expected) => {
		expect(await verdict(ofService(policy('DENY', [{ from: [{ ipBlocks: [block] }] }])))).toEqual(expected)
	})

	it('that is in a block is not outside of it', async () => {
		const not = (block: string) => ofService(policy('DENY', [{ from: [{ notIpBlocks: [block] }] }]))
		expect(await verdict(not('192.0.0.0/16'))).toBe('unchanged')
		expect(await verdict(not('192.0.2.0/25'))).toBe('source.ip')
	})
})

it.each([
	['DENY', { ipBlocks: ['10.0.0.1/32'] }],
	['DENY', { notIpBlocks: ['10.0.0.1/32'] }],
	['ALLOW', { ipBlocks: ['10.0.0.1/32'] }],
	['ALLOW', { notIpBlocks: ['10.0.0.1/32'] }],
] as const)(
	'an address that is not known is refused by a %s of a block, however narrow: %j',
	async (action, source) => {
		const unknown = request({ clientAddress: '' })
		expect(await verdict(ofService(policy(action, [{ from: [source] }])), unknown)).toEqual([
			'refused',
			action === 'DENY' ? 'shop/deny' : null,
		])
	},
)
