/** Certificates of others to read: those that OpenSSL made, and the authority that is behind them. */
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { TrustStore } from '../../../src/identity/trustStore.ts'
import type { CertificateAuthority, Revocations } from '../../../src/snapshot/trust.ts'
import { store } from './world.ts'

const file = new URL('../../vectors/openssl/certificates.json', import.meta.url)
export const openssl: Readonly<Record<string, string>> = JSON.parse(readFileSync(file, 'utf8'))

export const derOf = (name: string): Uint8Array => Uint8Array.from(Buffer.from(openssl[name]!, 'base64'))
/** As Node reads it. */
export const nodeCertificate = (name: string): X509Certificate => new X509Certificate(derOf(name))

/** SHA-1 of the public key's bits, as OpenSSL and RFC 5280 §4.2.1.2 make the identifier. */
export function authorityFor(jwk: {
	readonly x?: string | undefined
	readonly y?: string | undefined
}): CertificateAuthority {
	const point = Buffer.concat([Buffer.from([4]), Buffer.from(jwk.x!, 'base64url'), Buffer.from(jwk.y!, 'base64url')])
	const keyId = createHash('sha1').update(point).digest('hex')
	return { keyId, jwk: { kty: 'EC', alg: 'ES256', crv: 'P-256', x: jwk.x!, y: jwk.y! } }
}

export const intermediate = authorityFor(nodeCertificate('intermediate').publicKey.export({ format: 'jwk' }))

/** What only the intermediate of the fixtures signs. */
export const trusting = (revocations: Partial<Revocations> = {}, authorities = [intermediate]): TrustStore =>
	store({ authorities }, revocations)
