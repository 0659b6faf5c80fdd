/** Whom a token is for. URIs are compared in the one form that URL parsing gives them. */

/**
 * Whether the one audience of a proof is among those that we are. A list is refused: of several audiences, one could show the proof
 * to the others.
 */
export function isMeantFor(aud: unknown, audiences: readonly string[]): boolean {
	if (typeof aud !== 'string') return false
	const wanted = audienceKey(aud)
	return audiences.some((audience) => audienceKey(audience) === wanted)
}

/** Whether one of the audiences, a text or a list (RFC 7519 §4.1.3), is among those that we are. */
export function includesOneOf(aud: unknown, audiences: readonly string[]): boolean {
	const listed: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
	return listed.every((each) => typeof each === 'string') && listed.some((each) => isMeantFor(each, audiences))
}

/** Scheme and host in lower case, no port that is the scheme's own, no query or fragment; an origin ends in `/`. */
function audienceKey(audience: string): string {
	const url = /^https?:\/\//i.test(audience) && URL.canParse(audience) ? new URL(audience) : undefined
	return url === undefined || url.username !== '' || url.password !== '' ? audience : url.origin + url.pathname
}
