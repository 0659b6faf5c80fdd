/** How a client keeps reaching the endpoint that served it first (GEP-1619). */
import { z } from 'zod'
import { ownerOfRequestField } from './headerEdits.ts'
import { durationBetween, HeaderName } from './scalars.ts'

/** 400 days: browsers keep no cookie longer (RFC 6265bis §5.5). */
const SessionTime = durationBetween('1s', '9600h')

const lifetimeType = z.enum(['Permanent', 'Session']).default('Session')

const CookiePath = z
	.string()
	.max(1_024)
	.regex(/^\/[\x20-\x3a\x3c-\x7e]*$/, {
		error: "must begin with '/' and be printable US-ASCII without ';' (RFC 6265 path-value)",
	})

/**
 * Gateway API says `sessionName` and `cookieConfig` up to 1.6 (`idleTimeout` up to 1.5), `cookie` and `header` after it. A rule
 * says it in either way.
 */
const fields = {
	type: z.enum(['Cookie', 'Header']).default('Cookie'),
	absoluteTimeout: SessionTime.exactOptional(),
	idleTimeout: SessionTime.exactOptional(),
	cookie: z
		.strictObject({ name: HeaderName.exactOptional(), path: CookiePath.default('/'), lifetimeType })
		.exactOptional(),
	header: z.strictObject({ name: HeaderName }).exactOptional(),
	sessionName: HeaderName.max(128).exactOptional().meta({ description: 'Of the cookie, or of the header.' }),
	cookieConfig: z.strictObject({ lifetimeType }).exactOptional(),
}

/** https://gateway-api.sigs.k8s.io/reference/spec/#sessionpersistence */
export const SessionPersistence = z.strictObject(fields).superRefine((session, context) => {
	const { type, absoluteTimeout, cookie, header, sessionName, cookieConfig } = session
	const refuse = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message })
	for (const field of type === 'Header' ? (['cookie', 'cookieConfig'] as const) : (['header'] as const))
		if (session[field] !== undefined) refuse([field], `must be left out for type ${type}`)
	const newer = cookie !== undefined ? 'cookie' : 'header'
	for (const field of ['sessionName', 'cookieConfig'] as const)
		if (session[newer] !== undefined && session[field] !== undefined)
			refuse([field], `must be left out beside ${newer}, which says the same`)
	if (type === 'Header') {
		const owner = ownerOfRequestField(header?.name ?? sessionName ?? '')
		if (owner !== undefined) refuse(header === undefined ? ['sessionName'] : ['header', 'name'], owner)
	} else if ((cookie ?? cookieConfig)?.lifetimeType === 'Permanent' && absoluteTimeout === undefined)
		refuse(['absoluteTimeout'], 'is required for a cookie of lifetimeType Permanent')
})
