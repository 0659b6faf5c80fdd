/** Certificate authorities, keys and certification requests for tests. */
import 'reflect-metadata'
import {
	type Extension,
	Pkcs10CertificateRequestGenerator,
	SubjectAlternativeNameExtension,
	type X509Certificate,
} from '@peculiar/x509'
import { createIntermediate, createRoot, crossSign } from '../../../src/certificates/authority.ts'
import { issueLeaf, type Leaf } from '../../../src/certificates/leaf.ts'
import type { Issuer, Validity } from '../../../src/certificates/sign.ts'

export const TRUST_DOMAIN = 'mesh.example.com'
export const ORDERS = `spiffe://${TRUST_DOMAIN}/ns/shop/sa/orders`

const DAY_MS = 86_400_000
/** 2026-11-23T00:00:00Z. Nothing here asks what time it is. */
export const NOW = 1_795_392_000_000
export const validFor = (days: number, serialNumber = '5e71', from = NOW): Validity => ({
	notBefore: from - 60_000,
	notAfter: from + days * DAY_MS,
	serialNumber,
})

export interface Authority extends Issuer {
	readonly keys: CryptoKeyPair
}

export const REVOCATION_LISTS = 'https://admin.mesh.example.com/v1/identity/crl'
const issuerOf = (keys: CryptoKeyPair, certificate: string): Authority => ({
	keys,
	privateKey: keys.privateKey,
	certificate,
	revocationLists: REVOCATION_LISTS,
})

export const newKeys = (namedCurve = 'P-256'): Promise<CryptoKeyPair> =>
	crypto.subtle.generateKey({ name: 'ECDSA', namedCurve }, true, ['sign', 'verify'])

export async function newRoot(trustDomain = TRUST_DOMAIN, validity = validFor(730, '100')): Promise<Authority> {
	const keys = await newKeys()
	return issuerOf(keys, await createRoot({ trustDomain, keys, ...validity }))
}

export async function newIntermediate(
	issuer: Issuer,
	trustDomain = TRUST_DOMAIN,
	validity = validFor(60, '200'),
): Promise<Authority> {
	const keys = await newKeys()
	const input = { trustDomain, publicKey: keys.publicKey, issuer, ...validity }
	return issuerOf(keys, await createIntermediate(input))
}

/** The certificate that another root gives to the same key. */
export const recertified = ({ keys }: Authority, issuer: Issuer, validity: Validity): Promise<string> =>
	createIntermediate({ trustDomain: TRUST_DOMAIN, publicKey: keys.publicKey, issuer, ...validity })

export const bridge = (from: Issuer, to: Issuer, validity = validFor(365, '300')): Promise<string> =>
	crossSign({ root: to.certificate, issuer: from, ...validity })

/** A request as its sender's tool makes it. */
export async function request(extensions: Extension[] = [], given?: CryptoKeyPair, hash = 'SHA-256'): Promise<string> {
	const keys = given ?? (await newKeys())
	const signingAlgorithm = { hash, ...keys.privateKey.algorithm }
	const csr = await Pkcs10CertificateRequestGenerator.create({ name: 'CN=x', keys, extensions, signingAlgorithm })
	return `${csr.toString('pem')}\n`
}

export const names = (...uris: string[]): SubjectAlternativeNameExtension =>
	new SubjectAlternativeNameExtension(uris.map((value) => ({ type: 'url' as const, value })))

export async function issued(issuer: Issuer, csr: string, spiffeId = ORDERS, validity = validFor(1)): Promise<Leaf> {
	const leaf = await issueLeaf({ spiffeId, csr, issuer, ...validity })
	if (!leaf.ok) throw new Error(leaf.error)
	return leaf.value
}

/** `<OID>` of each extension, with `!` where it is critical, in alphabetical order. */
export const extensionsOf = (certificate: X509Certificate): string[] =>
	certificate.extensions.map(({ type, critical }) => `${type}${critical ? '!' : ''}`).sort()
