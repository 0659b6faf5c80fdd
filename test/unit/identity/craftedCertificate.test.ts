/** A certificate that is signed well but not in the one form that X.509 and DER give it is refused. */
import { describe, expect, it } from 'vitest'
import { verifyCertificate } from '../../../src/identity/certificate.ts'
import { authorityFor, trusting } from './certificates.ts'
import { authorityKeyId, type Crafted, craft, der, extension, KEY_USAGE, NAME } from './craft.ts'
import { makeKey, NOW, ORDERS, outcome } from './world.ts'

const issuer = makeKey()
const authority = authorityFor(issuer.jwk)
const trust = trusting({}, [authority])
const code = async (fields: Crafted) =>
	outcome(await verifyCertificate(trust, craft(issuer, authority.keyId, fields), NOW))

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const AKI = authorityKeyId(authority.keyId)
const withExtensions = (...more: readonly Uint8Array[]): Crafted => ({ extensions: [KEY_USAGE, NAME, AKI, ...more] })
const constraints = (value: string) => withExtensions(extension('551d13', hex(value), 0xff))
const usage = (value: string) => ({ extensions: [extension('551d0f', hex(value), 0xff), NAME, AKI] })
const names = (...values: readonly Uint8Array[]) => ({
	extensions: [KEY_USAGE, extension('551d11', der(0x30, ...values)), AKI],
})
const between = (from: Uint8Array, to: Uint8Array, ...more: readonly Uint8Array[]) => ({
	validity: der(0x30, from, to, ...more),
})
const [from, to] = [der(0x17, '260101000000Z'), der(0x17, '280101000000Z')]

describe('a certificate made by hand', () => {
	it.each<[string, Crafted]>([
		['as it should be', {}],
		['with empty constraints', constraints('30 00')],
		['with key usage of nine bits', usage('03 03 07 80 00')],
		['with the year 2049 in four digits', between(from, der(0x18, '20490101000000Z'))],
		['with a directory name beside', names(der(0xa4, der(0x30)), der(0x86, ORDERS))],
	])('is taken %s', async (_, fields) => expect(await code(fields)).toBe('ok'))

	it.each<[string, Crafted]>([
		['of version 1, with extensions', { version: hex('') }],
		['of version 1, said so', { version: hex('a0 03 02 01 00') }],
		['of version 2', { version: hex('a0 03 02 01 01') }],
		['of version 4', { version: hex('a0 03 02 01 03') }],
		['with serial number 0', { serial: hex('02 01 00') }],
		['with a negative serial number', { serial: hex('02 01 ff') }],
		['with a serial number of too many bytes', { serial: hex('02 02 00 05') }],
		['with unique ids', { before: hex('81 02 00 ff') }],
		['with something after the extensions', { after: hex('a4 00') }],
		['with something after the signature', { afterSignature: hex('05 00') }],
		['with something in the signature', { bend: (signature) => Buffer.concat([signature, hex('00')]) }],
		[
			'with something in the sequence of the signature',
			{ bend: (signature) => der(0x30, signature.subarray(2), hex('05 00')) },
		],
		['with one number for a signature', { bend: (signature) => der(0x30, signature.subarray(2, 4 + signature[3]!)) }],
		['with signature bits unused', { unusedBits: 1 }],
		['with a subject that is no name', { subject: hex('31 00') }],
		['with no dates', { validity: hex('30 00') }],
		['with three dates', between(from, to, to)],
		['with a date that is a text', between(from, der(0x0c, '280101000000Z'))],
		[
			'with a key of compressed form',
			{
				key: der(
					0x30,
					hex('30 13 06 07 2a 86 48 ce 3d 02 01 06 08 2a 86 48 ce 3d 03 01 07'),
					der(3, Buffer.concat([Buffer.of(0), Buffer.alloc(33, 2)])),
				),
			},
		],
		['with an extension twice', withExtensions(NAME)],
		[
			'with an extension twice that nobody knows',
			withExtensions(extension('2a0304', hex('05 00')), extension('2a0304', hex('05 00'))),
		],
		['with an extension that says it is not critical', withExtensions(extension('2a0304', hex('05 00'), 0))],
		['with an extension that is almost critical', withExtensions(extension('2a0304', hex('05 00'), 1))],
		['with an extension of two values', withExtensions(extension('2a0304', hex('05 00 05 00')))],
		['with an extension of none', withExtensions(extension('2a0304', hex('')))],
		['with constraints that are no sequence', constraints('01 01 ff')],
		['with key usage that is no bits', usage('04 01 80')],
		['with key usage of no bits', usage('03 01 00')],
		['with key usage of more bits than there are', usage('03 02 08 80')],
		['with names that are no sequence', { extensions: [KEY_USAGE, extension('551d11', der(0x86, ORDERS)), AKI] }],
		['with a name beyond ASCII', names(der(0x86, `${ORDERS}\xe9`))],
		['with purposes that are numbers', withExtensions(extension('551d25', hex('30 03 02 01 05')))],
	])('is malformed %s', async (_, fields) => expect(await code(fields)).toBe('malformed'))

	it.each<[string, string, Crafted]>([
		[
			'whose two algorithms differ',
			'unsupported_algorithm',
			{ innerAlgorithm: der(0x30, hex('06 08 2a 86 48 ce 3d 04 03 03')) },
		],
		[
			'whose outer algorithm differs',
			'unsupported_algorithm',
			{ outerAlgorithm: der(0x30, hex('06 08 2a 86 48 ce 3d 04 03 03')) },
		],
		[
			'whose algorithm has parameters',
			'unsupported_algorithm',
			{ outerAlgorithm: der(0x30, hex('06 08 2a 86 48 ce 3d 04 03 02 05 00')) },
		],
		['which says FALSE of what it is not', 'not_a_leaf', constraints('30 03 01 01 00')],
		['with a path length only', 'not_a_leaf', constraints('30 03 02 01 00')],
		['with the same URI twice', 'bad_subject', names(der(0x86, ORDERS), der(0x86, ORDERS))],
		['with a null character in its URI', 'bad_subject', names(der(0x86, `${ORDERS}\0.evil`))],
		['with an empty URI', 'bad_subject', names(der(0x86))],
		['without extensions', 'not_a_leaf', { extensions: [] }],
		['with policy that nobody knows', 'unsupported_extension', withExtensions(extension('551d24', hex('30 00'), 0xff))],
		[
			'with the numbers of its signature swapped',
			'bad_signature',
			{
				bend: (signature) => der(0x30, signature.subarray(4 + signature[3]!), signature.subarray(2, 4 + signature[3]!)),
			},
		],
		['whose signature is of zeros', 'malformed', { bend: () => hex('30 06 02 01 00 02 01 00') }],
		['whose signature is of ones', 'bad_signature', { bend: () => hex('30 06 02 01 01 02 01 01') }],
	])('is refused %s', async (_, expected, fields) => expect(await code(fields)).toBe(expected))
})
