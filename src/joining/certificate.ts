/** What a client certificate must say of its holder, and whether it says it. */

/** Every field given must hold. */
export interface CertificateRules {
	/** As RFC 2253 writes it. */
	readonly subject?: string
	readonly issuer?: string
	/** Lower-case hex: one of them. */
	readonly fingerprintsSha256?: readonly string[]
	readonly uriSan?: string
	/** Lower case. */
	readonly dnsSan?: string
}

/** Of a certificate that the edge has verified, and found not to be revoked. */
export interface PresentedCertificate {
	/** As RFC 2253 writes it, e.g. Cloudflare's `certSubjectDNRFC2253`. */
	readonly subject: string
	readonly issuer: string
	/** Hex. */
	readonly fingerprintSha256: string
	readonly uriSans: readonly string[]
	readonly dnsSans: readonly string[]
}

/** The first rule that does not hold, by its path in the WorkloadTrust's spec. Rules that say nothing let nobody in. */
export function unmetRule(rules: CertificateRules, presented: PresentedCertificate): string | undefined {
	const { subject, issuer, fingerprintsSha256, uriSan, dnsSan } = rules
	const holds: readonly (readonly [field: keyof CertificateRules, holds: boolean | undefined])[] = [
		['subject', subject === undefined ? undefined : subject === presented.subject],
		['issuer', issuer === undefined ? undefined : issuer === presented.issuer],
		['fingerprintsSha256', fingerprintsSha256?.includes(presented.fingerprintSha256.toLowerCase())],
		['uriSan', uriSan === undefined ? undefined : presented.uriSans.includes(uriSan)],
		['dnsSan', dnsSan === undefined ? undefined : presented.dnsSans.some((name) => name.toLowerCase() === dnsSan)],
	]
	const asked = holds.filter(([, isMet]) => isMet !== undefined)
	if (asked.length === 0) return 'clientCertificate'
	const unmet = asked.find(([, isMet]) => isMet === false)
	return unmet && `clientCertificate.${unmet[0]}`
}
