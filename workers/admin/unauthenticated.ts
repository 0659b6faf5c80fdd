/** What those are told who are not let in: what was wrong with what they sent, as far as it helps nobody to guess. */
import type { AuthenticationFailure } from './authenticate.ts'
import { problem } from './problem.ts'

const REALM = 'Bearer realm="selvedge"'

export function unauthenticated(failure: AuthenticationFailure): Response {
	switch (failure.reason) {
		// RFC 6750 §3.1: no error code where no token was sent.
		case 'no_credential':
			return problem('unauthenticated', 'Send Authorization: Bearer <token>', {
				headers: { 'www-authenticate': REALM },
			})
		case 'unknown_token':
			return invalid('The token is unknown, has expired or has been revoked')
		case 'invalid_login':
			return invalid(failure.detail)
		case 'too_many_attempts': {
			const { retryAfterSeconds } = failure
			const detail = `Too many credentials from here were not good: try again in ${retryAfterSeconds} s`
			return problem('too-many-attempts', detail, { headers: { 'retry-after': String(retryAfterSeconds) } })
		}
		case 'no_access':
			return problem('forbidden', `No AdminAccess names ${failure.name}`)
		case 'cross_site':
			return problem('forbidden', "A login counts for changes that this API's own pages ask for; programs send a token")
		case 'keys_unavailable':
			return problem('unavailable', failure.detail, { headers: { 'retry-after': '10' } })
	}
}

const invalid = (detail: string): Response =>
	problem('unauthenticated', detail, { headers: { 'www-authenticate': `${REALM}, error="invalid_token"` } })
