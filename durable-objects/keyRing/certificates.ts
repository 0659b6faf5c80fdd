/** The certificates of the ring's own authorities, and the leaves below them. */
import { createIntermediate, createRoot, crossSign } from '../../src/certificates/authority.ts'
import { authorityKeyId } from '../../src/certificates/keyId.ts'
import type { Issuer, Validity } from '../../src/certificates/sign.ts'
import { importPublicKey } from '../../src/identity/publicKey.ts'
import type { Authority, RingKey } from '../../src/keys/ring.ts'
import { INTERMEDIATE_LIFETIME_MS, ROOT_LIFETIME_MS } from '../../src/keys/schedule.ts'

/** Certificates begin a little before they are made: the clocks of those who verify them differ. */
export const BACKDATED_MS = 60_000
const SERIAL_BYTES = 16

/** 128 random bits, lower-case hex without leading zeros: what a certificate and its revocation call it. */
export function newSerialNumber(): string {
	const bytes = crypto.getRandomValues(new Uint8Array(SERIAL_BYTES))
	return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))
		.join('')
		.replace(/^0+/, '')
}

const validFor = (lifetimeMs: number, now: number): Validity => ({
	notBefore: now - BACKDATED_MS,
	notAfter: now + lifetimeMs,
	serialNumber: newSerialNumber(),
})

export async function rootAuthority(trustDomain: string, keys: CryptoKeyPair, now: number): Promise<Authority> {
	const validity = validFor(ROOT_LIFETIME_MS, now)
	const certificate = await createRoot({ trustDomain, keys, ...validity })
	return { keyId: await authorityKeyId(keys.publicKey), certificate, expiresAt: validity.notAfter }
}

/** A standby: its certificate is made when it takes over, by the root that is active then. */
export const standbyAuthority = async (publicKey: CryptoKey): Promise<Authority> => ({
	keyId: await authorityKeyId(publicKey),
})

export interface Root {
	readonly kid: string
	readonly authority: Authority
	readonly privateKey: CryptoKey
}

/** What stands in every certificate. */
export interface Names {
	readonly trustDomain: string
	/** URL of the API, an origin without a final `/`. */
	readonly issuer: string
}

export const issuerOf = (authority: Authority | undefined, privateKey: CryptoKey, { issuer }: Names): Issuer => {
	if (authority?.certificate === undefined) throw new Error('an authority that signs has a certificate')
	return { certificate: authority.certificate, privateKey, revocationLists: `${issuer}/v1/identity/crl` }
}

/** The intermediate with a certificate of this root. */
export async function certified(
	names: Names,
	{ jwk, authority }: Pick<RingKey, 'jwk' | 'authority'>,
	root: Root,
	now: number,
): Promise<Authority> {
	const publicKey = await importPublicKey(jwk)
	if (!publicKey.ok) throw new Error(publicKey.error)
	const validity = validFor(INTERMEDIATE_LIFETIME_MS, now)
	const issuer = issuerOf(root.authority, root.privateKey, names)
	const { trustDomain } = names
	const certificate = await createIntermediate({ trustDomain, publicKey: publicKey.value, issuer, ...validity })
	const expiresAt = Math.min(validity.notAfter, root.authority.expiresAt ?? Infinity)
	return { keyId: authority!.keyId, certificate, expiresAt }
}

/** The next root with what the one before says of it. */
export async function crossCertified(names: Names, next: Authority, before: Root, now: number): Promise<Authority> {
	const issuer = issuerOf(before.authority, before.privateKey, names)
	const certificate = await crossSign({ root: next.certificate!, issuer, ...validFor(ROOT_LIFETIME_MS, now) })
	return { ...next, cross: { certificate, by: before.kid } }
}
