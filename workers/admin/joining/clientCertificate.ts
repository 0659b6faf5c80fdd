/** Joining by a client certificate that the platform verified (RFC 8705 §2). */
import { SubjectAlternativeNameExtension, X509Certificate } from '../../../src/certificates/library.ts'
import type { PresentedCertificate } from '../../../src/joining/certificate.ts'
import type { WorkloadName } from '../../../src/ports.ts'
import { ok, type Result } from '../../../src/result.ts'
import type { Mesh } from '../mesh.ts'
import { decide, type Joined } from './joined.ts'
import { type Refused, refuse } from './refused.ts'
import { trustsOf } from './trusts.ts'

/** What matters here of `request.cf.tlsClientAuth`. The platform fills it in whatever came of the verification. */
interface TlsClientAuth {
	readonly certPresented?: string
	/** `SUCCESS`, also of a certificate that was revoked. */
	readonly certVerified?: string
	readonly certRevoked?: string
	readonly certSubjectDNRFC2253?: string
	readonly certIssuerDNRFC2253?: string
	readonly certFingerprintSHA256?: string
	/** `:<base64 of the DER>:`; empty where the certificate is larger than 10 KB. */
	readonly certRFC9440?: string
}

const wrong = (description: string, more: Partial<Refused> = {}): Result<never, Refused> =>
	refuse('invalid_client', description, more)

export async function joinByCertificate(
	mesh: Mesh,
	request: Request,
	asked: WorkloadName | undefined,
): Promise<Result<Joined, Refused>> {
	const auth = (request as { cf?: { tlsClientAuth?: TlsClientAuth } }).cf?.tlsClientAuth
	if (auth?.certPresented !== '1')
		return wrong('client_credentials needs a client_assertion, a Workload-Identity-Token or a client certificate')
	const subject = `certificate ${auth.certSubjectDNRFC2253} sha256:${auth.certFingerprintSHA256}`
	if (auth.certVerified !== 'SUCCESS' || auth.certRevoked !== '0')
		return wrong('the client certificate must be verified and not revoked', {
			why: `the platform says ${auth.certVerified}, revoked ${auth.certRevoked}`,
			subject,
		})
	const unfit = (why: string) => wrong('no WorkloadTrust fits the client certificate', { why, subject })
	const trusts = (await trustsOf(mesh)).filter(({ spec }) => spec.clientCertificate !== undefined)
	const evidence = { method: 'clientCertificate', certificate: presented(auth) } as const
	const decided = decide(mesh, trusts, evidence, asked, unfit)
	return decided.ok ? ok({ ...decided.value, subject }) : decided
}

const presented = (auth: TlsClientAuth): PresentedCertificate => ({
	subject: auth.certSubjectDNRFC2253 ?? '',
	issuer: auth.certIssuerDNRFC2253 ?? '',
	fingerprintSha256: auth.certFingerprintSHA256 ?? '',
	...alternativeNames(auth.certRFC9440 ?? ''),
})

/** None where the certificate cannot be read: no rule then holds of its names. */
function alternativeNames(field: string): Pick<PresentedCertificate, 'uriSans' | 'dnsSans'> {
	const base64 = /^:([A-Za-z0-9+/=]+):$/.exec(field)?.[1]
	if (base64 === undefined) return { uriSans: [], dnsSans: [] }
	try {
		const { items = [] } = new X509Certificate(base64).getExtension(SubjectAlternativeNameExtension)?.names ?? {}
		const ofType = (type: string) => items.filter((name) => name.type === type).map(({ value }) => value)
		return { uriSans: ofType('url'), dnsSans: ofType('dns') }
	} catch {
		return { uriSans: [], dnsSans: [] }
	}
}
