/** Which Cloudflare Access application stands before this API, as the variables say it. */

export interface AccessSettings {
	/** `https://<team>.cloudflareaccess.com`: issuer of the logins. */
	readonly teamDomain: string
	/** AUD tags of the applications whose logins count. */
	readonly audiences: readonly string[]
}

/** Undefined, and so no login counts, unless both are set and make sense. Plain http is for machines of one's own. */
export function accessSettings(
	teamDomain: string | undefined,
	audience: string | undefined,
	isLocal: boolean,
): AccessSettings | undefined {
	const origin = (teamDomain ?? '').trim().replace(/\/$/, '')
	const audiences = (audience ?? '').split(',').flatMap((tag) => tag.trim() || [])
	if (audiences.length === 0 || !URL.canParse(origin) || new URL(origin).origin !== origin) return undefined
	return isLocal || origin.startsWith('https://') ? { teamDomain: origin, audiences } : undefined
}
