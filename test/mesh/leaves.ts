/** Certificates that clients show, good ones and others, and what the edge says of them. */
import 'reflect-metadata'
import { X509Certificate } from 'node:crypto'
import {
	AuthorityKeyIdentifierExtension,
	KeyUsageFlags,
	KeyUsagesExtension,
	Pkcs10CertificateRequestGenerator,
	SubjectAlternativeNameExtension,
	X509CertificateGenerator,
} from '@peculiar/x509'
import type { RingKey } from '../../src/keys/ring.ts'
import { createKeyring, open } from '../../src/secrets/sealing.ts'
import { MASTER_KEY, type Mesh } from './meshHarness.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const HOUR_MS = 3_600_000

export const newPair = (): Promise<CryptoKeyPair> => crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])

export async function csr(): Promise<string> {
	const made = await Pkcs10CertificateRequestGenerator.create({ keys: await newPair(), signingAlgorithm: ALGORITHM })
	return made.toString('pem')
}

/** Whose certificate says that it is by `keyId`, and what signs it. */
export interface Signer {
	/** Hex. */
	readonly keyId: string
	readonly key: CryptoKey
}

/** The mesh's own authority, as whoever has its storage and its master key could use it: for leaves that it never issues. */
export async function authorityOf(mesh: Mesh): Promise<Signer> {
	const rows = await mesh.stored<{ key: string; sealed: string }>(
		'KeyRing',
		'mesh',
		'SELECT key, sealed FROM keys JOIN private_keys USING (kid)',
	)
	const found = rows
		.map(({ key, sealed }) => ({ sealed, ...(JSON.parse(key) as RingKey) }))
		.find(({ purpose, state }) => purpose === 'x509-intermediate' && state === 'active')!
	const ring = await createKeyring(MASTER_KEY)
	const opened = ring.ok ? await open(ring.value, `KeyRing/${found.kid}`, found.sealed) : ring
	if (!opened.ok) throw new Error(opened.error)
	const key = await crypto.subtle.importKey('jwk', JSON.parse(opened.value), ALGORITHM, false, ['sign'])
	return { keyId: found.authority!.keyId, key }
}

/** RFC 2253 begins a name with what a certificate has last. */
const backwards = (name: string): string => name.split(',').reverse().join(',')

/** PEM; the subject as RFC 2253 writes it. */
export async function leaf(
	{ keyId, key }: Signer,
	uris: readonly string[],
	{ subject = 'CN=x', dns = [], endedMs = -HOUR_MS }: Partial<{ subject: string; dns: string[]; endedMs: number }> = {},
): Promise<string> {
	const names = [
		...uris.map((value) => ({ type: 'url' as const, value })),
		...dns.map((value) => ({ type: 'dns' as const, value })),
	]
	const certificate = await X509CertificateGenerator.create({
		serialNumber: '5e71',
		issuer: backwards('CN=authority,O=Example'),
		subject: backwards(subject),
		notBefore: new Date(Date.now() - 2 * HOUR_MS),
		notAfter: new Date(Date.now() - endedMs),
		signingAlgorithm: ALGORITHM,
		publicKey: (await newPair()).publicKey,
		signingKey: key,
		extensions: [
			new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
			new SubjectAlternativeNameExtension(names),
			new AuthorityKeyIdentifierExtension(keyId),
		],
	})
	return certificate.toString('pem')
}

/** From Node's lines, of which an empty name has none. */
const nameOf = (lines = ''): string => backwards(lines.replaceAll('\n', ','))

/** `request.cf` of a connection in which a client has shown a certificate (PEM) that the edge found good, but for `more`. */
export function shown(pem: string, more: object = {}) {
	const { raw, subject, issuer, fingerprint256 } = new X509Certificate(pem)
	return {
		tlsClientAuth: {
			certPresented: '1',
			certVerified: 'SUCCESS',
			certRevoked: '0',
			certSubjectDNRFC2253: nameOf(subject),
			certIssuerDNRFC2253: nameOf(issuer),
			certFingerprintSHA256: fingerprint256.replaceAll(':', '').toLowerCase(),
			certRFC9440: `:${raw.toString('base64')}:`,
			certRFC9440TooLarge: false,
			...more,
		},
	}
}
