/** Rules that send HTTP requests to services, attached to a Gateway's listeners or to a Service (Gateway API, GAMMA). */
import { z } from 'zod'
import { GatewayApiVersion } from './apiVersions.ts'
import { Metadata, Status, withoutStatus } from './metadata.ts'
import { BackendRef, checkParentRefs, ParentRef } from './references.ts'
import { RouteMatch } from './routeMatch.ts'
import { Hostname, SubdomainName } from './scalars.ts'
import { unique } from './unique.ts'
import { notOffered, unsupported } from './unsupported.ts'

export { BackendRef, ParentRef } from './references.ts'

const MAX_MATCHES_PER_ROUTE = 128

const Rule = z
	.strictObject({
		name: SubdomainName.exactOptional(),
		matches: z
			.array(RouteMatch)
			.max(64)
			.prefault([{}])
			.overwrite((matches) => (matches.length === 0 ? [RouteMatch.parse({})] : matches))
			.meta({ description: 'The rule applies when any of these holds; without any, always.' }),
		backendRefs: z.array(BackendRef).max(16).default([]),
	})
	.register(unsupported, {
		filters: notOffered('filters'),
		timeouts: notOffered('timeouts'),
		retry: notOffered('retry'),
		sessionPersistence: notOffered('sessionPersistence'),
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
