/** Rules that send HTTP requests to services, attached to a Gateway's listeners or to a Service (Gateway API, GAMMA). */
import { z } from 'zod'
import { GatewayApiVersion } from './apiVersions.ts'
import { BackendRef } from './backendRef.ts'
import { type Filter, prefixReplacements, RuleFilters } from './filter.ts'
import { Metadata, Status, withoutStatus } from './metadata.ts'
import { checkParentRefs, ParentRef } from './references.ts'
import { RouteMatch } from './routeMatch.ts'
import { Hostname, SubdomainName } from './scalars.ts'
import { SessionPersistence } from './sessionPersistence.ts'
import { Retry, Timeouts } from './timing.ts'
import { unique } from './unique.ts'
import { notOffered, unsupported } from './unsupported.ts'

export type { ParentRef } from './references.ts'

const MAX_MATCHES_PER_ROUTE = 128

/** The fields of a rule that its filters bear upon. */
interface Filtered {
	readonly matches: readonly RouteMatch[]
	readonly filters: readonly Filter[]
	readonly backendRefs: readonly BackendRef[]
}

function checkRedirect({ filters, backendRefs }: Filtered, context: z.RefinementCtx): void {
	const redirect = filters.findIndex(({ type }) => type === 'RequestRedirect')
	if (redirect < 0 || backendRefs.length === 0) return
	const message = `must be left out beside the RequestRedirect of filter ${redirect}: nothing is forwarded`
	context.addIssue({ code: 'custom', path: ['backendRefs'], message })
}

/** What replaces a prefix must know which: with several matches, or another type, nobody could say. */
function checkPrefixes({ matches, filters, backendRefs }: Filtered, context: z.RefinementCtx): void {
	if (matches.length === 1 && matches[0]?.path.type === 'PathPrefix') return
	const check = (filters: readonly Filter[], at: readonly PropertyKey[]) => {
		for (const { index, field } of prefixReplacements(filters))
			context.addIssue({
				code: 'custom',
				path: [...at, 'filters', index, field, 'path', 'type'],
				message: 'must be ReplaceFullPath unless the rule has exactly one match, of path type PathPrefix',
			})
	}
	check(filters, [])
	for (const [index, backend] of backendRefs.entries()) check(backend.filters, ['backendRefs', index])
}

const Rule = z
	.strictObject({
		name: SubdomainName.exactOptional(),
		matches: z
			.array(RouteMatch)
			.max(64)
			.prefault([{}])
			.overwrite((matches) => (matches.length === 0 ? [RouteMatch.parse({})] : matches))
			.meta({ description: 'The rule applies when any of these holds; without any, always.' }),
		filters: RuleFilters,
		backendRefs: z.array(BackendRef).max(16).default([]),
		timeouts: Timeouts.exactOptional(),
		retry: Retry.exactOptional(),
		sessionPersistence: SessionPersistence.exactOptional(),
	})
	.superRefine((rule, context) => {
		checkRedirect(rule, context)
		checkPrefixes(rule, context)
	})
export type Rule = z.infer<typeof Rule>

const Rules = z
	.array(Rule)
	.min(1)
	.max(16)
	.superRefine(
		unique(
			({ name }) => name,
			(first) => `must be unique: rule ${first} has this name`,
			'name',
		),
	)
	.refine((rules) => rules.reduce((sum, { matches }) => sum + matches.length, 0) <= MAX_MATCHES_PER_ROUTE, {
		error: `must have at most ${MAX_MATCHES_PER_ROUTE} matches in all rules together`,
	})
	.prefault([{}])

const HTTPRouteSpec = z
	.strictObject({
		parentRefs: z.array(ParentRef).max(32).superRefine(checkParentRefs).default([]),
		hostnames: z.array(Hostname).max(16).default([]),
		rules: Rules,
	})
	.register(unsupported, { useDefaultGateways: notOffered('useDefaultGateways') })

/** https://gateway-api.sigs.k8s.io/reference/spec/#httproute */
export const HTTPRoute = z
	.strictObject({
		apiVersion: GatewayApiVersion,
		kind: z.literal('HTTPRoute'),
		metadata: Metadata,
		spec: HTTPRouteSpec,
		status: Status,
	})
	.transform(withoutStatus)
	.meta({
		id: 'HTTPRoute',
		description: 'Rules that match HTTP requests and send them to Services, by weight. The most specific match wins.',
	})
export type HTTPRoute = z.infer<typeof HTTPRoute>
