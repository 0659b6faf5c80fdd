/** Certification requests (PKCS #10, RFC 2986): what strangers send to have their key certified. */
import { err, ok, type Result } from '../result.ts'
import {
	BasicConstraintsExtension,
	type Extension,
	ExtensionsAttribute,
	Pkcs10CertificateRequest,
	SubjectAlternativeNameExtension,
} from './library.ts'
import { bytesOf } from './pem.ts'

/** A request for a P-256 key has about 450. */
const MAX_CHARACTERS = 8192
/** What an error repeats of a request. */
const MAX_NAMES = 4
const MAX_NAME_CHARACTERS = 100
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14'

/** An algorithm as WebCrypto describes it: the two fields that matter here. */
interface Algorithm {
	readonly name?: string
	readonly namedCurve?: string
	readonly hash?: { readonly name: string }
}

interface Asked {
	readonly request: Pkcs10CertificateRequest
	readonly isP256: boolean
	readonly isSignedWithSha256: boolean
	readonly extensions: readonly Extension[]
}

/**
 * The key that the sender has proven to hold. Nothing else of the request gets into a certificate; it is refused where it asks in so
 * many words for what it would not get: another name, or to be an authority. Its subject and its other extensions are ignored,
 * because common tools write some unasked (`openssl req` a subject and key usages). The error says what is wrong, for the sender.
 */
export async function provenKey(csr: string, spiffeId: string): Promise<Result<CryptoKey, string>> {
	if (csr.length > MAX_CHARACTERS) return err(`has ${csr.length} characters; it may have at most ${MAX_CHARACTERS}`)
	// The second label is that of older tools (RFC 7468 §7).
	const der = bytesOf(csr, 'CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST')
	if (der === undefined) return err('must be one PEM block CERTIFICATE REQUEST, and nothing else')
	const asked = read(der)
	if (asked === undefined) return err('is not a certification request (PKCS #10, RFC 2986)')
	if (!asked.isP256) return err('must be for an ECDSA key on the curve P-256')
	if (!asked.isSignedWithSha256) return err('must be signed with ECDSA and SHA-256')
	const key = await provenKeyOf(asked.request)
	if (key === undefined) return err('is not signed by the key that it is for')
	const excess = excessOf(asked.extensions, spiffeId)
	return excess === undefined ? ok(key) : err(excess)
}

function read(der: Uint8Array<ArrayBuffer>): Asked | undefined {
	try {
		const request = new Pkcs10CertificateRequest(der)
		const key: Algorithm = request.publicKey.algorithm
		const signature: Algorithm = request.signatureAlgorithm
		return {
			request,
			isP256: key.name === 'ECDSA' && key.namedCurve === 'P-256',
			isSignedWithSha256: signature.name === 'ECDSA' && signature.hash?.name === 'SHA-256',
			extensions: request
				.getAttributes(EXTENSION_REQUEST)
				.flatMap((attribute) => (attribute instanceof ExtensionsAttribute ? attribute.items : [])),
		}
	} catch {
		// The library throws for whatever it cannot read.
		return undefined
	}
}

async function provenKeyOf(request: Pkcs10CertificateRequest): Promise<CryptoKey | undefined> {
	try {
		if (!(await request.verify(crypto))) return undefined
		return await request.publicKey.export({ name: 'ECDSA', namedCurve: 'P-256' }, ['verify'], crypto)
	} catch {
		// A point that is not on the curve, or a signature that is none.
		return undefined
	}
}

/** What the request asks for beyond its due. */
function excessOf(extensions: readonly Extension[], spiffeId: string): string | undefined {
	if (extensions.some((each) => each instanceof BasicConstraintsExtension && each.ca))
		return 'asks to be a certificate authority, which no workload can be'
	const lists = extensions.filter((each) => each instanceof SubjectAlternativeNameExtension)
	// As bytes: what the library cannot read in a list, it leaves out.
	const own = hexOf(new SubjectAlternativeNameExtension([{ type: 'url', value: spiffeId }]))
	if (lists.length === 0 || (lists.length === 1 && hexOf(lists[0]!) === own)) return undefined
	const names = lists.flatMap((list) => list.names.items)
	const told = names.slice(0, MAX_NAMES).map(({ type, value }) => quote(`${type}:${value}`))
	const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : ''
	const asked = `[${told.join(', ')}${more}]`
	return `asks for the names ${asked}, as far as they can be read; it may ask for the URI ${spiffeId} only, or for no name`
}

const hexOf = ({ value }: Extension): string =>
	Array.from(new Uint8Array(value), (byte) => byte.toString(16).padStart(2, '0')).join('')

/** In a form without control characters, whatever the sender wrote. */
function quote(name: string): string {
	const shown = name.length > MAX_NAME_CHARACTERS ? `${name.slice(0, MAX_NAME_CHARACTERS)}…` : name
	return JSON.stringify(shown)
}
