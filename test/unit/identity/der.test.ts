/** The DER reader takes one encoding of each value, and never a byte beyond its bounds. */
import { describe, expect, it } from 'vitest'
import { childrenOf, type DerValue, positiveInteger, readDer, timeOf, wholeBits } from '../../../src/identity/der.ts'
import { parseCertificate } from '../../../src/identity/x509.ts'
import { seeded } from '../../random.ts'

const SEED = 690
const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
const whole = (hex: string): [Uint8Array, DerValue | undefined] => {
	const bytes = bytesOf(hex)
	const value = readDer(bytes, 0, bytes.length)
	return [bytes, value?.to === bytes.length ? value : undefined]
}

describe('a value', () => {
	it.each([
		['02 01 05', 2, 3],
		['30 00', 2, 2],
		[`04 81 80 ${'00'.repeat(128)}`, 3, 131],
		[`04 82 01 00 ${'00'.repeat(256)}`, 4, 260],
	])('is read: %s', (hex, from, to) => expect(whole(hex)[1]).toMatchObject({ start: 0, from, to }))

	it.each([
		['nothing', ''],
		['only a tag', '02'],
		['a tag above 30', '1f 81 00 00'],
		['an indefinite length', '30 80 00 00'],
		['less than it says', '04 02 00'],
		['a length cut off', '04 82 01'],
		['a length of more bytes than needed', '04 81 05 00 00 00 00 00'],
		['a length with a leading zero', `04 82 00 80 ${'00'.repeat(128)}`],
		['a length of four bytes', '04 84 00 00 00 01 00'],
		['a length of 127 bytes', 'ff ff'],
	])('with %s is none', (_, hex) => expect(whole(hex)[1]).toBeUndefined())

	it('ends where its parent ends', () => {
		const bytes = bytesOf('30 03 02 02 01 ff')
		expect(childrenOf(bytes, readDer(bytes, 0, 6))).toBeUndefined()
		expect(readDer(bytes, 2, 7)).toBeUndefined()
	})

	it('has at most 64 children', () => {
		const children = (count: number) => whole(`30 81 ${(count * 2).toString(16)} ${'05 00'.repeat(count)}`)
		expect(childrenOf(...children(64))).toHaveLength(64)
		expect(childrenOf(...children(65))).toBeUndefined()
	})
})

describe('an integer', () => {
	it.each([
		['02 01 05', '05'],
		['02 01 7f', '7f'],
		['02 02 00 80', '80'],
		['02 03 01 00 00', '010000'],
	])('%s is read', (hex, content) => expect(Buffer.from(positiveInteger(...whole(hex))!).toString('hex')).toBe(content))

	it.each(['02 00', '02 01 00', '02 01 80', '02 02 00 7f', '02 02 ff 00', '02 03 00 00 80', '03 01 05'])(
		'%s is none',
		(hex) => {
			expect(positiveInteger(...whole(hex))).toBeUndefined()
		},
	)
})

it('bits fill their bytes', () => {
	expect(wholeBits(...whole('03 02 00 ff'))).toEqual(Uint8Array.of(255))
	for (const hex of ['03 00', '03 02 01 fe', '03 02 08 00', '04 02 00 ff'])
		expect(wholeBits(...whole(hex))).toBeUndefined()
})

describe('a time', () => {
	const time = (text: string) =>
		timeOf(
			...whole(
				`${text.length === 13 ? '17' : '18'}${text.length.toString(16).padStart(2, '0')}${Buffer.from(text, 'latin1').toString('hex')}`,
			),
		)

	it.each([
		['270115080000Z', '2027-01-15T08:00:00Z'],
		['491231235959Z', '2049-12-31T23:59:59Z'],
		['500101000000Z', '1950-01-01T00:00:00Z'],
		['240229120000Z', '2024-02-29T12:00:00Z'],
		['20500101000000Z', '2050-01-01T00:00:00Z'],
		['99991231235959Z', '9999-12-31T23:59:59Z'],
		['00990101000000Z', undefined],
	])('%s is %s', (text, date) => expect(time(text)).toBe(date === undefined ? undefined : Date.parse(date)))

	it.each([
		'270229080000Z',
		'270431000000Z',
		'271301000000Z',
		'270001000000Z',
		'270100000000Z',
		'270115240000Z',
		'270115086000Z',
		'270115080060Z',
		'270115080000z',
		'27011508000 Z',
		'2701150800+01',
		'20270115080000.5Z',
		'202701150800Z0',
		'2027011508000Z',
		'',
	])('%s is none', (text) => expect(time(text)).toBeUndefined())

	it('is no text of another type', () =>
		expect(timeOf(...whole(`0c 0d ${Buffer.from('270115080000Z').toString('hex')}`))).toBeUndefined())
})

it(`whatever comes, reading a certificate ends with an answer (seed ${SEED})`, () => {
	const random = seeded(SEED)
	const tags = [0x02, 0x03, 0x04, 0x05, 0x06, 0x17, 0x18, 0x30, 0x31, 0xa0, 0xa3, 0x86, 0x1f]
	const value = (depth: number): number[] => {
		const count = Math.floor(random() * 10)
		const content =
			depth > 0 && random() < 0.7
				? Array.from({ length: count }, () => value(depth - 1)).flat()
				: Array.from({ length: count }, () => Math.floor(random() * 256))
		const length = content.length < 128 ? [content.length] : [0x82, content.length >> 8, content.length & 255]
		return [tags[Math.floor(random() * tags.length)]!, ...length, ...content]
	}
	for (let round = 0; round < 2_000; round++) {
		const read = parseCertificate(Uint8Array.from(value(4)))
		expect(['malformed', 'too_large', 'unsupported_algorithm', 'unsupported_extension']).toContain(read)
	}
})
