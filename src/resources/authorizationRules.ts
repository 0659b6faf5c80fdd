/** What requests an AuthorizationPolicy is about: from whom, to do what, and when. The fields, and their checks, are Istio's. */
import { z } from 'zod'
import { parseKey } from '../authorization/accessKey.ts'
import { checkCidr } from '../authorization/ipBlock.ts'
import { checkPathPattern } from '../authorization/pathPattern.ts'
import { checkTimeWindow } from '../authorization/timeWindow.ts'

const MAX_ENTRIES = 64
const MAX_SERVICE_ACCOUNTS = 16

/** Undefined, or what would be right. */
type Check = (text: string) => string | undefined

const text = (check: Check) =>
	z
		.string()
		.min(1)
		.max(2_048)
		.superRefine((value, context) => {
			const message = value === '' ? undefined : check(value)
			if (message !== undefined) context.addIssue({ code: 'custom', message })
		})
const listOf = (entry: z.ZodType<string>) => z.array(entry).min(1).max(MAX_ENTRIES).exactOptional()

/** Elsewhere a `*` would be a letter, and a rule that nobody meets looks like one that somebody does. */
const checkText: Check = (value) =>
	/^(\*|\*?[^*]+|[^*]+\*)$/.test(value) ? undefined : "must be exact, 'abc*', '*abc' or '*': one '*', at an end"

const checkPrincipal: Check = (value) =>
	value.startsWith('spiffe://')
		? "must be without 'spiffe://': <trust domain>/ns/<namespace>/sa/<workload>"
		: checkText(value)

const checkMethod: Check = (value) =>
	value === value.toUpperCase() ? checkText(value) : 'must be in upper case: methods are compared letter by letter'

const checkPort: Check = (value) =>
	/^[1-9]\d{0,4}$/.test(value) && Number(value) <= 65_535 ? undefined : "must be a port from '1' to '65535'"

const checkServiceAccount: Check = (value) =>
	value.length < 320 && /^([a-z0-9]([-a-z0-9]*[a-z0-9])?\/)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(value)
		? undefined
		: "must be <namespace>/<workload>, or <workload> of the policy's own namespace, without '*'"

const texts = listOf(text(checkText))
const principals = listOf(text(checkPrincipal))
const blocks = listOf(text(checkCidr)).meta({
	description:
		'Addresses and CIDR blocks. A client whose address is not known is refused: DENY and CUSTOM match it whatever is listed, ALLOW does not; to AUDIT it is in no block. source.ip and remote.ip do the same.',
})
const serviceAccounts = z.array(text(checkServiceAccount)).min(1).max(MAX_SERVICE_ACCOUNTS).exactOptional()

const Source = z
	.strictObject({
		principals,
		notPrincipals: principals,
		requestPrincipals: texts,
		notRequestPrincipals: texts,
		namespaces: texts,
		notNamespaces: texts,
		serviceAccounts,
		notServiceAccounts: serviceAccounts,
		trustDomains: texts,
		notTrustDomains: texts,
		ipBlocks: blocks,
		notIpBlocks: blocks,
		remoteIpBlocks: blocks,
		notRemoteIpBlocks: blocks,
	})
	.superRefine((source, context) => {
		const refuse = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message })
		if (Object.keys(source).length === 0)
			context.addIssue({ code: 'custom', message: 'must have at least one field: leave from out for everybody' })
		if (source.ipBlocks !== undefined && source.remoteIpBlocks !== undefined)
			refuse('remoteIpBlocks', 'must be left out beside ipBlocks: the edge knows one address of a client')
		const others = (['principals', 'notPrincipals', 'namespaces', 'notNamespaces'] as const).filter(
			(field) => source[field] !== undefined,
		)
		for (const field of ['serviceAccounts', 'notServiceAccounts'] as const)
			if (source[field] !== undefined && others.length > 0)
				refuse(field, `must be left out beside ${others.join(' and ')}`)
	})
export type Source = z.infer<typeof Source>

const ports = listOf(text(checkPort)).meta({
	description:
		"The port that the client's Host names, else the one of its scheme: the edge sees no listener. destination.port means the same.",
})
const methods = listOf(text(checkMethod))
const paths = listOf(text(checkPathPattern)).meta({
	description:
		"As the service will see them, without the query: exact, '/abc*', '*abc', '*', or a template of {*} and {**}.",
})

const Operation = z
	.strictObject({
		hosts: texts,
		notHosts: texts,
		ports,
		notPorts: ports,
		methods,
		notMethods: methods,
		paths,
		notPaths: paths,
	})
	.refine((operation) => Object.keys(operation).length > 0, {
		error: 'must have at least one field: leave to out for every operation',
	})

/** Those that Istio has and the edge cannot answer, and why. */
const UNKNOWABLE: readonly (readonly [pattern: RegExp, reason: string])[] = [
	[/^destination\.ip$/, 'a Service of the mesh has no address of its own; attach the policy to the Service'],
	[/^connection\.sni$/, 'the platform ends TLS and does not tell which name was asked for; use hosts'],
	[/^experimental\.envoy\.filters\./, "it is about filters of Envoy's, and there are none here"],
]
const KNOWN = [
	...['request.headers[<name>]', 'request.auth.principal', 'request.auth.audiences', 'request.auth.presenter'],
	...['request.auth.claims[<name>]', 'request.time', 'source.ip', 'remote.ip', 'source.namespace'],
	...['source.principal', 'source.serviceAccount', 'source.trustDomain', 'destination.port'],
]

/** Of those known, what speaks of the end user and of nothing else. */
const OF_USERS: readonly (string | undefined)[] = ['claim', 'requestPrincipal', 'audiences', 'presenter']

const checkUserKey: Check = (key) =>
	OF_USERS.includes(parseKey(key)?.of)
		? undefined
		: `must be one of ${KNOWN.filter((known) => known.startsWith('request.auth.')).join(', ')}`

function checkKey(key: string): string | undefined {
	if (parseKey(key) !== undefined) return undefined
	const reason = UNKNOWABLE.find(([pattern]) => pattern.test(key))?.[1]
	return reason === undefined ? `must be one of ${KNOWN.join(', ')}` : `must not be ${key}: ${reason}`
}

/** What values of a key must be. */
function checkOf(key: string): Check {
	switch (parseKey(key)?.of) {
		case 'address':
			return checkCidr
		case 'port':
			return checkPort
		case 'time':
			return checkTimeWindow
		case 'serviceAccount':
			return checkServiceAccount
		case 'principal':
			return checkPrincipal
		default:
			return checkText
	}
}

const values = z.array(z.string().min(1).max(2_048)).min(1).max(MAX_ENTRIES).exactOptional()

const conditionOn = (checkKey: Check) =>
	z.strictObject({ key: text(checkKey), values, notValues: values }).superRefine((condition, context) => {
		const refuse = (path: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path, message })
		if (condition.values === undefined && condition.notValues === undefined)
			refuse([], 'must have at least one of values and notValues')
		if (checkKey(condition.key) !== undefined) return
		const check = checkOf(condition.key)
		for (const field of ['values', 'notValues'] as const)
			for (const [index, value] of (condition[field] ?? []).entries()) {
				const message = value === '' ? undefined : check(value)
				if (message !== undefined) refuse([field, index], message)
			}
	})
const conditions = (checkKey: Check) => z.array(conditionOn(checkKey)).min(1).max(MAX_ENTRIES).exactOptional()

/** On the end user alone. */
export const UserConditions = conditions(checkUserKey)

const From = z.strictObject({ source: Source })
const To = z.strictObject({ operation: Operation })

const AuthorizationRule = z
	.strictObject({
		from: z.array(From).min(1).max(MAX_ENTRIES).exactOptional().meta({
			description: 'One of them must match; everybody when left out.',
		}),
		to: z.array(To).min(1).max(MAX_ENTRIES).exactOptional().meta({
			description: 'One of them must match; every operation when left out.',
		}),
		when: conditions(checkKey).meta({
			description:
				"All of them must hold. A field that comes several times is one value, joined as 'a, b' as in Envoy: a DENY of a request.headers[<name>] should list 'a*' and '*a' beside 'a', or be an ALLOW of the others.",
		}),
	})
	.meta({ description: 'Whatever is there must hold. An empty rule matches every request.' })
export type AuthorizationRule = z.infer<typeof AuthorizationRule>

export const AuthorizationRules = z.array(AuthorizationRule).max(512)
