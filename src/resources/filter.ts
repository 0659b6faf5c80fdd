/** What a rule, or one of its backends, does to a request besides choosing where it goes (Gateway API, HTTPRouteFilter). */
import { z } from 'zod'
import { Cors } from './cors.ts'
import type { ErrorReason } from './documentError.ts'
import { RequestHeaderEdits, ResponseHeaderEdits } from './headerEdits.ts'
import { PathModifier } from './pathModifier.ts'
import { BackendObjectRef } from './references.ts'
import { Group, KindName, ObjectName, Port, PreciseHostname } from './scalars.ts'
import { checkShare, share } from './share.ts'
import { repeats } from './unique.ts'
import { notOffered } from './unsupported.ts'

const RequestRedirect = z.strictObject({
	scheme: z.enum(['http', 'https']).exactOptional(),
	hostname: PreciseHostname.exactOptional(),
	path: PathModifier.exactOptional(),
	port: Port.exactOptional(),
	statusCode: z.literal([301, 302, 303, 307, 308]).default(302),
})

const UrlRewrite = z.strictObject({
	hostname: PreciseHostname.exactOptional().meta({
		description: 'Reaches the backend as X-Forwarded-Host: a Worker cannot choose Host.',
	}),
	path: PathModifier.exactOptional(),
})

const RequestMirror = z.strictObject({ backendRef: BackendObjectRef, ...share }).superRefine(checkShare)

/** Another group or kind than the mesh's own is told so in the route's status; requests of the rule are refused. */
const ExtensionRef = z.strictObject({ group: Group, kind: KindName, name: ObjectName }).meta({
	description: 'FaultInjection, DirectResponse, TrafficMatch or RetryPolicy of selvedge.dev, in this namespace.',
})

/** https://gateway-api.sigs.k8s.io/reference/spec/#httproutefilter — exactly the one field that `type` names. */
const Filter = z.discriminatedUnion(
	'type',
	[
		z.strictObject({ type: z.literal('RequestHeaderModifier'), requestHeaderModifier: RequestHeaderEdits }),
		z.strictObject({ type: z.literal('ResponseHeaderModifier'), responseHeaderModifier: ResponseHeaderEdits }),
		z.strictObject({ type: z.literal('RequestRedirect'), requestRedirect: RequestRedirect }),
		z.strictObject({ type: z.literal('URLRewrite'), urlRewrite: UrlRewrite }),
		z.strictObject({ type: z.literal('RequestMirror'), requestMirror: RequestMirror }),
		z.strictObject({ type: z.literal('CORS'), cors: Cors }),
		z.strictObject({ type: z.literal('ExtensionRef'), extensionRef: ExtensionRef }),
	],
	{
		error: ({ code, input }) =>
			code === 'invalid_union' && (input as { type?: unknown }).type === 'ExternalAuth'
				? notOffered('ExternalAuth')
				: undefined,
	},
)
export type Filter = z.infer<typeof Filter>

const MAX_FILTERS = 16
const MAY_REPEAT: readonly Filter['type'][] = ['RequestMirror', 'ExtensionRef']

function checkTogether(filters: readonly Filter[], context: z.RefinementCtx): void {
	const refuse = (index: number, message: string) =>
		context.addIssue({ code: 'custom', path: [index], message, params: reasonOf('IncompatibleFilters') })
	for (const { index, first } of repeats(filters, ({ type }) => (MAY_REPEAT.includes(type) ? undefined : type)))
		refuse(index, `must be the only ${filters[index]?.type} filter: filter ${first} is one`)
	const redirect = filters.findIndex(({ type }) => type === 'RequestRedirect')
	const rewrite = filters.findIndex(({ type }) => type === 'URLRewrite')
	if (redirect >= 0 && rewrite >= 0)
		refuse(rewrite, `must not be URLRewrite beside the RequestRedirect of filter ${redirect}: nothing is forwarded`)
}

function checkOfBackend(filters: readonly Filter[], context: z.RefinementCtx): void {
	const index = filters.findIndex(({ type }) => type === 'CORS')
	if (index < 0) return
	const message = 'must be a filter of the rule: a preflight has no backend'
	context.addIssue({ code: 'custom', path: [index], message, params: reasonOf('UnsupportedValue') })
}

/** How an issue carries Gateway API's reason to the error that people see. */
const reasonOf = (reason: ErrorReason) => ({ reason })

const Filters = z.array(Filter).max(MAX_FILTERS).superRefine(checkTogether)

export const RuleFilters = Filters.default([])
export const BackendFilters = Filters.superRefine(checkOfBackend).default([])

/** Index of each filter that replaces the prefix of a rule's match, with its field. */
export function prefixReplacements(
	filters: readonly Filter[] = [],
): { readonly index: number; readonly field: string }[] {
	return filters.flatMap((filter, index) => {
		if (filter.type === 'RequestRedirect' && filter.requestRedirect.path?.type === 'ReplacePrefixMatch')
			return [{ index, field: 'requestRedirect' }]
		if (filter.type === 'URLRewrite' && filter.urlRewrite.path?.type === 'ReplacePrefixMatch')
			return [{ index, field: 'urlRewrite' }]
		return []
	})
}
