/** How a client keeps reaching the endpoint that served it first (GEP-1619). */
import { z } from 'zod'
import { ownerOfRequestField } from './headerEdits.ts'
import { durationBetween, HeaderName } from './scalars.ts'

/** 400 days: browsers keep no cookie longer (RFC 6265bis §5.5). */
const SessionTime = durationBetween('1s', '9600h')

/** https://gateway-api.sigs.k8s.io/reference/spec/#sessionpersistence */
export const SessionPersistence = z
	.strictObject({
		sessionName: HeaderName.max(128).exactOptional().meta({ description: 'Of the cookie, or of the header.' }),
		absoluteTimeout: SessionTime.exactOptional(),
		idleTimeout: SessionTime.exactOptional(),
		type: z.enum(['Cookie', 'Header']).default('Cookie'),
		cookieConfig: z.strictObject({ lifetimeType: z.enum(['Permanent', 'Session']).default('Session') }).exactOptional(),
	})
	.superRefine(({ sessionName, absoluteTimeout, type, cookieConfig }, context) => {
		const refuse = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message })
		if (type === 'Header') {
			if (cookieConfig !== undefined) refuse('cookieConfig', 'must be left out for type Header')
			const owner = ownerOfRequestField(sessionName ?? '')
			if (owner !== undefined) refuse('sessionName', owner)
		} else if (cookieConfig?.lifetimeType === 'Permanent' && absoluteTimeout === undefined)
			refuse('absoluteTimeout', 'is required for a cookie of lifetimeType Permanent')
	})
