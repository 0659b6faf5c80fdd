/** The shapes of everything small that clients send: path and query parameters, endpoints, tokens. */

import { z } from 'zod'
import { durationMs } from '../../src/resources/duration.ts'
import { parsePlain } from '../../src/resources/problems.ts'
import { durationBetween, LabelName } from '../../src/resources/scalars.ts'
import { EndpointId, Locality } from '../../src/resources/service.ts'
import { err, type Result } from '../../src/result.ts'
import type { ProblemError } from './problem.ts'

export const nothing = z.strictObject({})

// === paths ===

const label = z
	.string()
	.max(63, 'must be at most 63 characters')
	.regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'must be lower-case letters, digits and "-" (RFC 1123)')
const subdomain = z
	.string()
	.max(253, 'must be at most 253 characters')
	.regex(
		/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/,
		'must be lower-case letters, digits, "-" and "." (RFC 1123)',
	)
const meshLabel = label.refine((value) => !value.includes('--'), 'must not contain "--", which separates the namespace')
const kind = z.string().max(63).describe('A kind as documents spell it, such as HTTPRoute')
const namespaceOrNone = z.union([meshLabel, z.literal('-')], {
	error: 'must be a namespace, or - for cluster-wide kinds',
})

export const kindParams = z.object({ kind })
export const resourceParams = z.object({ kind, namespace: namespaceOrNone, name: subdomain })
export const serviceParams = z.object({ namespace: meshLabel, name: meshLabel })
export const endpointParams = serviceParams.extend({ id: EndpointId })
export const tokenParams = z.object({
	id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be the id of a token, as GET /v1/tokens lists them'),
})
const revision = z
	.string()
	.regex(/^[1-9]\d{0,14}$/, 'must be the number of a revision, from 1')
	.transform(Number)
export const revisionParams = z.object({ revision })

// === queries ===

const limit = z
	.string()
	.regex(/^\d{1,3}$/, 'must be a number from 1 to 500')
	.transform(Number)
	.refine((value) => value >= 1 && value <= 500, 'must be a number from 1 to 500')
	.default(100)
	.describe('Most items in one answer, 1–500')
const after = z.string().min(1).max(512).optional().describe("Where to go on: the last answer's `next`")

const MAX_WAIT_MS = 60_000
const waitUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 }
const wait = z
	.string()
	.regex(/^\d{1,5}(ms|s|m)$/, 'must be a duration up to 60s, such as 30s or 500ms')
	.transform((value) => Number.parseInt(value, 10) * (waitUnits[value.replace(/\d+/, '')] ?? 0))
	.refine((ms) => ms <= MAX_WAIT_MS, 'must be a duration up to 60s, such as 30s or 500ms')
	.default(0)
	.describe('With If-None-Match: how long to wait for a change, up to 60s')

export const pageQuery = z.strictObject({ limit, after })
/** Revisions and audit entries are numbered. */
export const historyQuery = z.strictObject({
	limit,
	after: z
		.string()
		.regex(/^\d{1,15}$/, "must be the last answer's next")
		.optional(),
})
export const resourcesQuery = z.strictObject({ limit, after, namespace: namespaceOrNone.optional() })
export const waitQuery = z.strictObject({ wait })
export const servicesQuery = z.strictObject({ limit, after, wait })
export const rolloutQuery = z.strictObject({ wait: wait.describe('How long to wait until it is live, up to 60s') })
const flag = z
	.enum(['true', 'false'], 'must be true or false')
	.default('false')
	.transform((value) => value === 'true')
export const applyQuery = z.strictObject({
	dryRun: flag.describe('Answer what would happen, its effect included, and change nothing'),
})
export const diffQuery = z.strictObject({
	delete: flag.describe('Compare with a mesh without the resources that the documents name'),
})

const removedRef = z
	.string()
	.regex(
		/^[A-Za-z]{1,63}\/[a-z0-9.-]{1,253}\/[a-z0-9.-]{1,253}$/,
		'must be <kind>/<namespace>/<name>, with commas in between',
	)
	.transform((text) => {
		const [kind = '', namespace = '', name = ''] = text.split('/')
		return { apiVersion: 'selvedge.dev/v1', kind, namespace, name }
	})

export const replayQuery = z.strictObject({
	since: durationBetween('1s', '24h')
		.default('24h')
		.transform((text) => durationMs(text) ?? 0)
		.describe('How far back, up to 24h'),
	limit: z
		.string()
		.regex(/^(?:[1-9]\d{0,3}|10000)$/, 'must be a number from 1 to 10000')
		.default('5000')
		.transform(Number)
		.describe('Most requests that are replayed, the newest, 1–10000'),
	namespace: LabelName.optional().describe('Only requests to services of this namespace'),
	remove: z
		.string()
		.max(8_192)
		.default('')
		.transform((text) => (text === '' ? [] : text.split(',')))
		.pipe(z.array(removedRef).max(100))
		.describe('Policies to do without, beside what the body holds: <kind>/<namespace>/<name>, with commas in between'),
})

/** A page request as the stores take it: absent, not undefined. */
export const pageOf = ({
	limit,
	after,
}: {
	limit: number
	after?: string | undefined
}): { limit: number; after?: string } => (after === undefined ? { limit } : { limit, after })

// === bodies ===

const MAX_LABELS = 32
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const printable = /^[^\x00-\x1f\x7f]*$/

/** What a service sends to join; see `LeaseRequest`. The URL is checked further against the mesh's settings. */
export const endpointBody = z.strictObject({
	url: z.string().min(1).max(2048).describe('Absolute http or https URL; a path in it prefixes every request'),
	weight: z.int().min(0).max(1_000_000).default(1).describe("Relative share of the service's traffic; 0 takes none"),
	labels: z
		.record(
			z
				.string()
				.regex(/^[A-Za-z0-9]([A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$/, 'must be a label name such as app.example/zone'),
			z.string().max(256).regex(printable, 'must not contain control characters'),
		)
		.refine((labels) => Object.keys(labels).length <= MAX_LABELS, `must have at most ${MAX_LABELS} entries`)
		.default({}),
	locality: Locality.optional(),
	ttlSeconds: z.int().min(5).max(3600).default(30).describe('Without a heartbeat for this long the endpoint is gone'),
})

const MAX_NAMESPACES = 64
/** In ms. */
const expiresIn = durationBetween('1m', '8760h')
	.transform((text) => durationMs(text) ?? 0)
	.exactOptional()

export const tokenBody = z
	.strictObject({
		name: subdomain
			.max(63)
			.refine((name) => name !== 'bootstrap', 'must not be "bootstrap", the name of the token from the secret'),
		role: z.enum(['viewer', 'operator', 'admin'], 'must be one of viewer, operator, admin'),
		namespaces: z
			.array(LabelName)
			.min(1)
			.max(MAX_NAMESPACES)
			.transform((namespaces) => [...new Set(namespaces)].sort())
			.exactOptional()
			.describe('What may be seen and changed: these namespaces and nothing cluster-wide; everything when left out'),
		expiresIn: expiresIn.describe('Such as 24h, at most 8760h; never when left out'),
	})
	.refine(({ role, namespaces }) => role !== 'admin' || namespaces === undefined, {
		path: ['namespaces'],
		error: 'must be left out: the role admin is for the whole mesh',
	})

export const rotationBody = z.strictObject({
	graceSeconds: z.int().min(0).max(86_400).default(300).describe('How long the old secret is good beside the new one'),
	expiresIn: expiresIn.describe('Such as 24h, at most 8760h; the token ends when it would have when left out'),
})

/** RFC 9110 §5.6.2, token. */
const fieldName = z
	.string()
	.max(256)
	.regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'must be a field name (RFC 9110 §5.1)')
	.refine((name) => name.toLowerCase() !== 'host', 'must be left out: the host is that of url')
	.refine((name) => name.toLowerCase() !== 'cf-connecting-ip', 'must be left out: say it as clientAddress')
const fieldValue = z
	.string()
	.max(16_384)
	.regex(/^(?![\t ])[\t\x20-\x7e\x80-\xff]*(?<![\t ])$/, 'must be a field value (RFC 9110 §5.5)')
const MAX_FIELDS = 128

/** A request to be explained. The URL may be one that the mesh refuses, but not one that no client can send. */
export const explainBody = z.strictObject({
	method: z
		.enum(
			['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
			'must be one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
		)
		.default('GET'),
	url: z
		.string()
		.max(16_384)
		.refine(isRequestUrl, 'must be an absolute http or https URL, without credentials and fragment')
		.describe('Absolute; its host says which virtual host'),
	headers: z
		.record(
			fieldName,
			z.union([fieldValue, z.array(fieldValue).max(64)], {
				error: 'must be a field value (RFC 9110 §5.5), or a list of up to 64',
			}),
		)
		.refine((headers) => Object.keys(headers).length <= MAX_FIELDS, `must have at most ${MAX_FIELDS} entries`)
		.default({})
		.describe('Several lines of one field as a list. Content-Length or Transfer-Encoding says that there is a body'),
	source: z
		.strictObject({ namespace: label, workload: label })
		.optional()
		.describe('Who asks, as if it had been proven'),
	user: z
		.strictObject({
			issuer: z.string().min(1).max(2_048),
			subject: z.string().min(1).max(1_024),
			audiences: z.array(z.string().max(1_024)).max(64).exactOptional().describe('Those of claims.aud when left out'),
			claims: z.record(z.string().max(256), z.unknown()).default({}),
		})
		.superRefine(({ audiences, claims: { aud } }, context) => {
			if (aud === undefined) return
			const message =
				audiences === undefined ? checkAudiences(aud) : 'must be left out beside audiences, which say the same'
			if (message !== undefined) context.addIssue({ code: 'custom', path: ['claims', 'aud'], message })
		})
		.optional()
		.describe('The end user, as if a good token had been shown; left out, tokens in the headers are verified'),
	clientAddress: z.union([z.ipv4(), z.ipv6()], { error: 'must be an IPv4 or IPv6 address' }).optional(),
})

/** RFC 7519 §4.1.3. */
const checkAudiences = (aud: unknown): string | undefined =>
	[aud].flat().every((one) => typeof one === 'string') ? undefined : 'must be a string, or a list of strings'

function isRequestUrl(text: string): boolean {
	if (!/^https?:\/\//i.test(text) || text.includes('#') || !URL.canParse(text)) return false
	const { username, password } = new URL(text)
	return username === '' && password === ''
}

// === what was wrong ===

/** `labels["a b"]`, `errors[0].path`: where in the input an issue is. */
function pathOf(prefix: string, path: readonly PropertyKey[]): string {
	let written = prefix
	for (const step of path) {
		if (typeof step === 'number') written += `[${step}]`
		else if (/^[A-Za-z_][\w-]*$/.test(String(step))) written += written === '' ? String(step) : `.${String(step)}`
		else written += `[${JSON.stringify(String(step).slice(0, 100))}]`
	}
	return written === '' ? 'body' : written
}

/** What the schema makes of input, or what it has against it, in the sentences that documents get. */
export function parseInput<T>(schema: z.ZodType<T>, value: unknown, prefix: string): Result<T, ProblemError[]> {
	const parsed = parsePlain(schema, value)
	if (parsed.ok) return parsed
	return err(parsed.error.slice(0, 100).map(({ path, message }) => ({ path: pathOf(prefix, path), message })))
}
