/** Certificates made by hand, field by field, and signed well: for what no library would make. */
import { sign } from 'node:crypto'
import { type Key, ORDERS, workload } from './world.ts'

/** DER of one value. */
export function der(tag: number, ...contents: readonly (Uint8Array | string)[]): Buffer {
	const content = Buffer.concat(contents.map((each) => Buffer.from(each as string, 'latin1')))
	const { length } = content
	const lengthBytes = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
	return Buffer.concat([Buffer.from([tag, ...lengthBytes]), content])
}
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const sequence = (...contents: readonly (Uint8Array | string)[]) => der(0x30, ...contents)

export const extension = (oid: string, value: Uint8Array, critical?: number): Buffer =>
	sequence(der(6, hex(oid)), critical === undefined ? '' : der(1, Buffer.of(critical)), der(4, value))

const ECDSA_SHA256 = sequence(der(6, hex('2a8648ce3d040302')))
export const KEY_USAGE = extension('551d0f', hex('03 02 07 80'), 0xff)
export const NAME = extension('551d11', sequence(der(0x86, ORDERS)))
export const authorityKeyId = (keyId: string): Buffer => extension('551d23', sequence(der(0x80, hex(keyId))))

const spki = ({ jwk }: Key): Buffer => {
	const point = Buffer.concat([Buffer.of(0, 4), Buffer.from(jwk.x!, 'base64url'), Buffer.from(jwk.y!, 'base64url')])
	return sequence(sequence(der(6, hex('2a8648ce3d0201')), der(6, hex('2a8648ce3d030107'))), der(3, point))
}

export interface Crafted {
	readonly version?: Uint8Array
	readonly serial?: Uint8Array
	readonly innerAlgorithm?: Uint8Array
	readonly outerAlgorithm?: Uint8Array
	readonly validity?: Uint8Array
	readonly subject?: Uint8Array
	readonly key?: Uint8Array
	/** After the key: unique ids. */
	readonly before?: Uint8Array
	readonly extensions?: readonly Uint8Array[]
	readonly after?: Uint8Array
	/** What becomes of the signature's DER. */
	readonly bend?: (signature: Buffer) => Uint8Array
	/** Bits that the signature's last byte is said not to use. */
	readonly unusedBits?: number
	readonly afterSignature?: Uint8Array
}

export function craft(issuer: Key, keyId: string, fields: Crafted = {}): Uint8Array {
	const empty = Buffer.alloc(0)
	const tbs = sequence(
		fields.version ?? hex('a0 03 02 01 02'),
		fields.serial ?? hex('02 01 05'),
		fields.innerAlgorithm ?? ECDSA_SHA256,
		sequence(),
		fields.validity ?? sequence(der(0x17, '260101000000Z'), der(0x17, '280101000000Z')),
		fields.subject ?? sequence(),
		fields.key ?? spki(workload),
		fields.before ?? empty,
		der(0xa3, sequence(...(fields.extensions ?? [KEY_USAGE, NAME, authorityKeyId(keyId)]))),
		fields.after ?? empty,
	)
	const signature = sign('sha256', tbs, issuer.privateKey)
	const bits = Buffer.concat([Buffer.of(fields.unusedBits ?? 0), fields.bend?.(signature) ?? signature])
	return Uint8Array.from(
		sequence(tbs, fields.outerAlgorithm ?? ECDSA_SHA256, der(3, bits), fields.afterSignature ?? empty),
	)
}
