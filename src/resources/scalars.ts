/** The scalar fields that several kinds share, with the limits of Kubernetes and Gateway API. */
import { z } from 'zod'
import { durationMs } from './duration.ts'

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const QUALIFIED_NAME =
	/^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$/
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/
const HOSTNAME = /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
/** The last label of a host that URL parsers read as an IPv4 address (https://url.spec.whatwg.org/#ends-in-a-number-checker). */
const NUMERIC_END = /(^|\.)(\d+|0x[0-9a-f]*)$/

const labelShape =
	"must be lower-case letters, digits and '-', beginning and ending with a letter or digit (RFC 1123 label)"
const subdomainShape =
	"must be lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit (RFC 1123 subdomain)"
const qualifiedShape =
	"must be a name of letters, digits, '-', '_' and '.', at most 63 characters, optionally after a DNS prefix and '/'"

/** A namespace, or the name of a Service: 1–63 characters. `--` is refused, since `<service>--<namespace>` is one DNS label. */
export const LabelName = z
	.string()
	.max(63)
	.regex(LABEL, { error: labelShape })
	.refine((name) => !name.includes('--'), {
		error: "must not contain '--', which joins service and namespace in mesh hosts",
	})

/** The name of a resource of any other kind, of a listener or of a rule: 1–253 characters. */
export const SubdomainName = z.string().max(253).regex(SUBDOMAIN, { error: subdomainShape })

/** The name that a reference gives; whether it exists is told in the status. */
export const ObjectName = z.string().min(1).max(253)

/** An API group; the empty string is the core group. */
export const Group = z
	.string()
	.max(253)
	.regex(/^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, {
		error: `must be empty or an API group: it ${subdomainShape}`,
	})

/** The name of a kind, in a reference. */
export const KindName = z
	.string()
	.max(63)
	.regex(/^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/, {
		error: "must be letters, digits and '-', beginning with a letter and ending with a letter or digit",
	})

/** A TCP port. */
export const Port = z.int().min(1).max(65_535)

/** A relative share of traffic: share = weight / sum of weights. 0 takes none. */
export const Weight = z.int().min(0).max(1_000_000)

/** A host, or `*.` and a host: lower case, no IP address, at most 253 characters. `*.a.b` stands for any number of labels. */
export const Hostname = z
	.string()
	.max(253)
	.regex(HOSTNAME, { error: "must be a lower-case DNS name, optionally with '*' as its whole first label" })
	.refine((host) => host.split('.').every((label) => label.length <= 63), {
		error: 'must have labels of at most 63 characters (RFC 1035)',
	})
	.refine((host) => !NUMERIC_END.test(host), { error: 'must be a DNS name, not an IP address' })

/** A host without a wildcard. */
export const PreciseHostname = Hostname.refine((host) => !host.startsWith('*'), {
	error: "must name one host, without '*'",
})

/** The name of an HTTP header or query parameter (RFC 9110 token). */
export const HeaderName = z
	.string()
	.max(256)
	.regex(HEADER_NAME, { error: 'must be an HTTP field name (RFC 9110 token)' })

/** `[prefix/]name`, as Kubernetes writes label and annotation keys. */
export const QualifiedName = z
	.string()
	.regex(QUALIFIED_NAME, { error: qualifiedShape })
	.refine((key) => !key.includes('/') || key.indexOf('/') <= 253, {
		error: 'must have a prefix of at most 253 characters',
	})

export const LabelValue = z.string().max(63).regex(LABEL_VALUE, {
	error: "must be letters, digits, '-', '_' and '.', beginning and ending with a letter or digit, or empty",
})

/** At most 256 labels. */
export const Labels = z.record(QualifiedName, LabelValue).refine((labels) => Object.keys(labels).length <= 256, {
	error: 'must have at most 256 labels',
})

/** Text such as `500ms` or `1h30m` (GEP-2257) that stands for a time between two others, both of them allowed. */
export function durationBetween(least: string, most: string) {
	const [leastMs, mostMs] = [durationMs(least), durationMs(most)]
	return z.string().superRefine((text, context) => {
		const ms = durationMs(text)
		const refuse = (message: string) => context.addIssue({ code: 'custom', message })
		if (ms === undefined) refuse('must be a duration: one to four whole numbers, each with h, m, s or ms, e.g. 1m30s')
		else if (ms < (leastMs ?? 0)) refuse(`must be at least ${least}`)
		else if (ms > (mostMs ?? 0)) refuse(`must be at most ${most}`)
	})
}
