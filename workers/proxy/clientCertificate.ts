/** The certificate that a client has shown to the edge, as the platform tells of it. Nothing that a client sends gets in here. */
import type { ClientCertificate } from '../../src/proxy/ports.ts'

/** https://developers.cloudflare.com/ssl/client-certificates/client-certificate-variables/ */
interface TlsClientAuth {
	readonly certPresented?: string
	readonly certVerified?: string
	/** A revoked certificate is verified all the same. */
	readonly certRevoked?: string
	readonly certFingerprintSHA256?: string
	/** The leaf: `:<base64 of DER>:` (RFC 9440). Empty when it is too large. */
	readonly certRFC9440?: string
}

export function clientCertificate({ cf }: { readonly cf?: unknown }): ClientCertificate | 'unverified' | undefined {
	const auth = (cf as { readonly tlsClientAuth?: TlsClientAuth } | undefined)?.tlsClientAuth
	if (auth?.certPresented !== '1') return undefined
	const leaf = /^:([A-Za-z0-9+/]+={0,2}):$/.exec(auth.certRFC9440 ?? '')?.[1]
	if (auth.certVerified !== 'SUCCESS' || auth.certRevoked !== '0' || leaf === undefined) return 'unverified'
	const fingerprint = auth.certFingerprintSHA256 || leaf
	return { fingerprint, der: () => Uint8Array.from(atob(leaf), (byte) => byte.charCodeAt(0)) }
}
