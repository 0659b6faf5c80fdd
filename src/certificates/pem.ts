/** The textual form of certificates and certification requests (RFC 7468). */

/** One block, blank space around it, and nothing else: a second block would be silently lost. */
const BLOCK = /^\s*-----BEGIN ([A-Z0-9 ]+)-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END \1-----\s*$/

/** The bytes of the one block in the text, if it is of one of these kinds, e.g. `CERTIFICATE`. */
export function bytesOf(text: string, ...labels: readonly string[]): Uint8Array<ArrayBuffer> | undefined {
	const [, label, base64] = BLOCK.exec(text) ?? []
	if (base64 === undefined || !labels.includes(label!)) return undefined
	try {
		return Uint8Array.from(atob(base64), (one) => one.charCodeAt(0))
	} catch {
		// Not Base64.
		return undefined
	}
}

/** The DER of one of our own certificates. Throws for what is none. */
export function derOf(pem: string): Uint8Array<ArrayBuffer> {
	const der = bytesOf(pem, 'CERTIFICATE')
	if (der === undefined) throw new Error('this is not one certificate as PEM')
	return der
}

/** The one entry of `x5c` that stands for a certificate in a SPIFFE bundle document (X509-SVID §6.1; RFC 7517 §4.7). */
export const x5cOf = (pem: string): string => btoa(String.fromCharCode(...derOf(pem)))
