/** How the token endpoint says no: RFC 6749 §5.2, with the codes of RFC 8693 and RFC 9449. */
import { err, type Result } from '../../../src/result.ts'

const STATUSES = {
	invalid_request: 400,
	invalid_client: 401,
	unauthorized_client: 400,
	unsupported_grant_type: 400,
	/** RFC 8693 §2.2.2. */
	invalid_target: 400,
	/** RFC 9449 §5. */
	invalid_dpop_proof: 400,
	slow_down: 429,
	temporarily_unavailable: 503,
} as const

export interface Refused {
	readonly error: keyof typeof STATUSES
	/** For who asks: what would be right. Nothing of what was sent is in it. */
	readonly description: string
	/** For audit, where it is more than that: what strangers need not know. */
	readonly why?: string
	/** For audit: who tried, as far as they said. No secret. */
	readonly subject?: string
	readonly status?: number
	readonly retryAfterSeconds?: number
}

export const refuse = (
	error: Refused['error'],
	description: string,
	more: Omit<Refused, 'error' | 'description'> = {},
): Result<never, Refused> => err({ error, description, ...more })

export function refusedReply({ error, description, status = STATUSES[error], retryAfterSeconds }: Refused): Response {
	const headers = new Headers({ 'content-type': 'application/json', pragma: 'no-cache' })
	if (retryAfterSeconds !== undefined) headers.set('retry-after', String(retryAfterSeconds))
	// RFC 9110 §15.5.2: a 401 names a scheme.
	if (status === 401) headers.set('www-authenticate', `Bearer realm="selvedge", error="${error}"`)
	// RFC 6749 §5.2 knows neither quotes nor backslashes in a description.
	const error_description = description.replaceAll('"', "'").replace(/[^\x20-\x7e]|\\/g, '?')
	return new Response(JSON.stringify({ error, error_description }), { status, headers })
}
