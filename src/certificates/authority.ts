/** Certificates of the mesh's certificate authorities: roots, intermediates, and the bridge from an old root to a new one. */
import { authorityKeyId } from './keyId.ts'
import {
	BasicConstraintsExtension,
	type Extension,
	KeyUsageFlags,
	KeyUsagesExtension,
	Name,
	SubjectAlternativeNameExtension,
	X509Certificate,
} from './library.ts'
import { authorityName, authorityOf, type Issuer, pemOf, selfSign, sign, type Validity } from './sign.ts'

/** The longest organization name that a certificate may have (RFC 5280 Appendix A.1, ub-organization-name). */
const MAX_ORGANIZATION = 64

/** A self-signed root. Its private key signs intermediates, and cross certificates for the roots that follow it. */
export async function createRoot(
	input: { readonly trustDomain: string; readonly keys: CryptoKeyPair } & Validity,
): Promise<string> {
	const { trustDomain, keys, ...validity } = input
	const subject = await subjectOf(trustDomain, 'root', keys.publicKey)
	const extensions = authorityExtensions(`spiffe://${trustDomain}`)
	return pemOf(await selfSign({ ...validity, subject, publicKey: keys.publicKey, extensions }, keys.privateKey))
}

/** An authority below a root, which signs leaves and no further authorities (pathLenConstraint 0). */
export async function createIntermediate(
	input: { readonly trustDomain: string; readonly publicKey: CryptoKey; readonly issuer: Issuer } & Validity,
): Promise<string> {
	const { trustDomain, publicKey, issuer, ...validity } = input
	const authority = authorityOf(issuer)
	const spiffeId = `spiffe://${trustDomain}`
	expectSame(authority.spiffeId, spiffeId)
	const subject = await subjectOf(trustDomain, 'intermediate', publicKey)
	const extensions = authorityExtensions(spiffeId, 0)
	return pemOf(await sign({ ...validity, subject, publicKey, extensions }, authority))
}

/**
 * The new root as the old one sees it: its name and key, signed by the old one. With it in the chain, who knows only the old root
 * believes what the new one signed (RFC 4210 §4.4, "NewWithOld"). It ends with either root at the latest.
 */
export async function crossSign(
	input: { /** PEM. */ readonly root: string; readonly issuer: Issuer } & Validity,
): Promise<string> {
	const { root: pem, issuer, ...validity } = input
	const root = new X509Certificate(pem)
	const authority = authorityOf(issuer)
	// Signed for another trust domain, it would hand over our own.
	expectSame(authorityName(root), authority.spiffeId)
	if (!(await root.isSelfSigned(crypto))) throw new Error('only a root can be cross-signed')
	const contents = {
		...validity,
		notAfter: Math.min(validity.notAfter, root.notAfter.getTime()),
		subject: root.subjectName,
		publicKey: await root.publicKey.export(crypto),
		extensions: authorityExtensions(authority.spiffeId),
	}
	return pemOf(await sign(contents, authority))
}

/** The name tells authorities of one trust domain apart. A domain too long for a name stands in the URI alone. */
async function subjectOf(trustDomain: string, what: 'root' | 'intermediate', key: CryptoKey): Promise<Name> {
	const name = { CN: [{ utf8String: `Selvedge ${what} ${(await authorityKeyId(key)).slice(0, 8)}` }] }
	return new Name(trustDomain.length > MAX_ORGANIZATION ? [name] : [{ O: [{ utf8String: trustDomain }] }, name])
}

/**
 * As X509-SVID §4 wants them. No name constraints: libraries that do not know them for URIs refuse the chain (§4.2). No extended
 * key usage: some libraries hold leaves to it and others do not (§4.4).
 */
const authorityExtensions = (spiffeId: string, pathLength?: number): readonly Extension[] => [
	new BasicConstraintsExtension(true, pathLength, true),
	new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
	new SubjectAlternativeNameExtension([{ type: 'url', value: spiffeId }]),
]

function expectSame(one: string, other: string): void {
	if (one !== other) throw new Error(`${one} and ${other} are not the same trust domain`)
}
