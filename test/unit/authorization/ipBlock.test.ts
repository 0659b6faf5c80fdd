/** Addresses and CIDR blocks, in every spelling that there is. */
import { describe, expect, it } from 'vitest'
import { checkCidr, isInBlock, parseAddress, parseBlock } from '../../../src/authorization/ipBlock.ts'
import type { AccessRule } from '../../../src/snapshot/authorization.ts'
import { ask, caller, custom, matches, policy } from './asked.ts'

const holds = (block: string, address: string) => isInBlock(parseBlock(block)!, parseAddress(address)!)

describe('a block', () => {
	it.each([
		[
			'192.0.2.1',
			['192.0.2.1', '::ffff:192.0.2.1', '::FFFF:c000:201', '0:0:0:0:0:ffff:192.0.2.1'],
			['192.0.2.2', '::192.0.2.1'],
		],
		['192.0.2.0/24', ['192.0.2.0', '192.0.2.255'], ['192.0.3.0', '192.0.1.255', '2001:db8::1']],
		['192.0.2.77/24', ['192.0.2.1'], ['192.0.3.1']],
		['192.0.2.128/25', ['192.0.2.128', '192.0.2.255'], ['192.0.2.127']],
		['10.0.0.0/8', ['10.255.255.255'], ['11.0.0.0', '9.255.255.255']],
		['128.0.0.0/1', ['128.0.0.0', '255.255.255.255'], ['127.255.255.255']],
		['0.0.0.0/0', ['0.0.0.0', '255.255.255.255', '::ffff:1.2.3.4'], ['::', '2001:db8::1']],
		['255.255.255.255/32', ['255.255.255.255'], ['255.255.255.254']],
		['2001:db8::/32', ['2001:db8::', '2001:DB8:ffff:ffff:ffff:ffff:ffff:ffff'], ['2001:db9::', '2001:db7:ffff::']],
		['2001:db8::1', ['2001:db8::1', '2001:db8:0:0:0:0:0:1', '2001:0db8:0000::0001'], ['2001:db8::2', '2001:db8:1::']],
		['2001:db8:0:8000::/49', ['2001:db8:0:8000::1', '2001:db8:0:ffff::1'], ['2001:db8:0:7fff::1']],
		['2001:db8::/127', ['2001:db8::1'], ['2001:db8::2']],
		['::/0', ['::', 'ffff::', '::1'], ['0.0.0.0', '::ffff:0.0.0.0']],
		['::ffff:10.0.0.0/64', ['::1', '::fffe:0:0'], ['10.0.0.0', '192.0.2.1', '0:0:0:1::']],
		['::1', ['::1', '0:0:0:0:0:0:0:1'], ['::', '0.0.0.1']],
		['::ffff:10.0.0.0/104', ['10.1.2.3', '::ffff:10.1.2.3'], ['11.0.0.0']],
		['::ffff:0:0/96', ['1.2.3.4'], ['::1']],
		['1:2:3:4:5:6:7::', ['1:2:3:4:5:6:7:0'], ['1:2:3:4:5:6:7:1']],
		['::2:3:4:5:6:7:8', ['0:2:3:4:5:6:7:8'], []],
		['64:ff9b::192.0.2.1', ['64:ff9b::c000:201'], ['192.0.2.1']],
	])('%s holds %j and not %j', (block, inside, outside) => {
		expect(inside.filter((address) => !holds(block, address))).toEqual([])
		expect(outside.filter((address) => holds(block, address))).toEqual([])
		expect(checkCidr(block)).toBeUndefined()
	})

	it.each([
		'',
		'*',
		'10',
		'10.0.0',
		'10.0.0.0.0',
		'10.0.0.256',
		'10.0.0.01',
		'010.0.0.1',
		'0x0a.0.0.1',
		'10.0.0.-1',
		'10.0.0.1 ',
		'10.0.0.0/33',
		'10.0.0.0/',
		'10.0.0.0/08',
		'10.0.0.0/-1',
		'10.0.0.0/8/8',
		'10.0.0.0/1e1',
		'10.0.0.0/255.0.0.0',
		':',
		':::',
		'1::2::3',
		'1:2:3:4:5:6:7',
		'1:2:3:4:5:6:7:8:9',
		'1:2:3:4::5:6:7:8',
		'12345::',
		'g::',
		'::1/129',
		'fe80::1%eth0',
		'fe80::%25eth0/64',
		'::ffff:1.2.3',
		'::1.2.3.4:5',
		'1.2.3.4::',
		'1:2:3:4:5:6:7:1.2.3.4',
		'[::1]',
		'localhost',
	])('is not %j', (text) => {
		expect(parseBlock(text)).toBeUndefined()
		expect(checkCidr(text)).toMatch(/^must be an IPv4 or IPv6 address/)
	})
})

describe('a client whose address is not known', () => {
	const all = ['0.0.0.0/0', '::/0']
	const key = { of: 'address' } as const
	const rules: readonly (readonly [says: string, rule: AccessRule])[] = [
		['ipBlocks', { from: [{ ipBlocks: all }] }],
		['notIpBlocks', { from: [{ notIpBlocks: all }] }],
		['both', { from: [{ ipBlocks: ['10.0.0.0/8'], notIpBlocks: ['10.0.0.1'] }] }],
		['values of source.ip', { when: [{ key, values: ['10.0.0.1'] }] }],
		['notValues of source.ip', { when: [{ key, notValues: ['10.0.0.1'] }] }],
	]

	describe.each(['', 'unknown', '10.0.0.1.', 'fe80::1%eth0'])('because it is %j', (clientAddress) => {
		it.each(rules)('is refused, and nowhere let in, by %s', (_, rule) => {
			expect(matches(rule, { clientAddress })).toEqual({ admits: false, refuses: true })
			expect(ask([[custom('opa', [rule])]], { clientAddress }).authorizers).toHaveLength(1)
		})

		it('is in no block to AUDIT', () => {
			const audited = rules.filter(([, rule]) => ask([[policy('AUDIT', [rule])]], { clientAddress }).audited.length > 0)
			expect(audited.map(([says]) => says)).toEqual(['notIpBlocks', 'notValues of source.ip'])
		})

		it('is what another side of a rule says, where that speaks of other things', () => {
			const rule = { from: [{ ipBlocks: all }, { namespaces: ['shop'] }], to: [{ methods: ['GET'] }] }
			expect(matches(rule, { clientAddress, caller: caller('shop', 'cart') }).admits).toBe(true)
			expect(matches(rule, { clientAddress, method: 'PUT' }).refuses).toBe(false)
		})
	})

	it('is met by no empty list, and excluded by none', () => {
		const [empty, none] = [{ from: [{ ipBlocks: [] }] }, { from: [{ notIpBlocks: [] }] }]
		expect(matches(empty, { clientAddress: '' })).toEqual({ admits: false, refuses: false })
		expect(matches(none, { clientAddress: '' })).toEqual({ admits: true, refuses: true })
	})
})

describe('a block that is none', () => {
	it('admits nobody and refuses everybody, as what else is in doubt', () => {
		expect(matches({ from: [{ ipBlocks: ['10.0.0.0/99'] }] })).toEqual({ admits: false, refuses: true })
		expect(matches({ from: [{ notIpBlocks: ['10.0.0.0/99'] }] })).toEqual({ admits: false, refuses: true })
	})
})
