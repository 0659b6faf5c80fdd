/** The textual form: one block in, its bytes out. */
import { X509Certificate } from 'node:crypto'
import { expect, it } from 'vitest'
import { bytesOf, derOf, x5cOf } from '../../../src/certificates/pem.ts'
import { newRoot } from './authorities.ts'

const { certificate } = await newRoot()
const known = new X509Certificate(certificate)

it('the DER of a certificate is the one that Node reads from it', () => {
	expect(Buffer.from(derOf(certificate)).equals(known.raw)).toBe(true)
})

it('x5c is the Base64 of the DER, without line breaks', () => {
	expect(x5cOf(certificate)).toBe(known.raw.toString('base64'))
})

it('lines may end as on Windows, and blank space may stand around the block', () => {
	expect(derOf(`\r\n ${certificate.replaceAll('\n', '\r\n')} \r\n`)).toEqual(derOf(certificate))
})

it.each([
	['nothing', ''],
	['no PEM', 'certificate'],
	['DER in Base64 without its frame', x5cOf(certificate)],
	['two blocks', certificate + certificate],
	['text before the block', `subject: x\n${certificate}`],
	['text after the block', `${certificate}x`],
	['a block that ends as another', certificate.replace('END CERTIFICATE', 'END X509 CRL')],
	['a block without an end', certificate.slice(0, -30)],
	['a block of another kind', certificate.replaceAll('CERTIFICATE', 'PUBLIC KEY')],
	['headers within the block (RFC 1421)', certificate.replace('-----\n', '-----\nProc-Type: 4,ENCRYPTED\n\n')],
	['characters that are not Base64', certificate.replace('\nMII', '\nM*I')],
	['Base64 that was cut off', certificate.replace('\nMII', '\n')],
])('%s is not a certificate', (_, text) => {
	expect(bytesOf(text, 'CERTIFICATE')).toBeUndefined()
	expect(() => derOf(text)).toThrow('this is not one certificate as PEM')
})
