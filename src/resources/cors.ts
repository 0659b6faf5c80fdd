/** Which pages of other origins may read what a rule answers (GEP-1767). */
import { z } from 'zod'
import { HeaderName } from './scalars.ts'
import { firstOfEach } from './unique.ts'

/** As browsers serialise an origin (RFC 6454 §6.2), with `*` for a host or for any number of leading labels. */
const ORIGIN = /^(\*|https?:\/\/(\*|(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*)(:[0-9]{1,5})?)$/
const MAX_PORT = 65_535

/** Of what is no origin at all, this says nothing. */
const hasPossiblePort = (origin: string) => {
	const port = ORIGIN.test(origin) ? /:([0-9]+)$/.exec(origin)?.[1] : undefined
	return port === undefined || (Number(port) >= 1 && Number(port) <= MAX_PORT)
}

const Origin = z
	.string()
	.max(253)
	.toLowerCase()
	.regex(ORIGIN, {
		error: "must be '*' or http(s)://<host>[:<port>], whose host may be '*' or begin with '*.'",
	})
	.refine(hasPossiblePort, { error: 'must have a port from 1 to 65535' })

const aloneWithStar = {
	check: (entries: readonly string[]) => entries.length === 1 || !entries.includes('*'),
	error: "must have no other entry beside '*'",
}

/** At most 64 entries; of equivalent ones the first counts. */
const listOf = <T extends z.ZodType<string>>(Entry: T) =>
	z
		.array(Entry)
		.max(64)
		.default([])
		.overwrite(firstOfEach((entry) => entry.toLowerCase()))

/** https://gateway-api.sigs.k8s.io/reference/spec/#httpcorsfilter */
export const Cors = z.strictObject({
	allowOrigins: listOf(Origin).refine(aloneWithStar.check, aloneWithStar),
	allowCredentials: z.boolean().default(false),
	allowMethods: listOf(
		z.enum(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', '*']),
	).refine(aloneWithStar.check, aloneWithStar),
	allowHeaders: listOf(HeaderName).refine(aloneWithStar.check, aloneWithStar),
	exposeHeaders: listOf(HeaderName),
	maxAge: z.int().min(1).max(2_147_483_647).default(5).meta({ description: 'Seconds for which a preflight holds.' }),
})
export type Cors = z.infer<typeof Cors>
