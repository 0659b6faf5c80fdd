/** How endpoints are chosen, watched and spared: for the mesh, a namespace, Services, routes or single rules. */
import { z } from 'zod'
import { SelvedgeApiVersion } from './apiVersions.ts'
import { Metadata, Status, withoutStatus } from './metadata.ts'
import { checkReach, type TargetRef, TargetRefs } from './policyTarget.ts'
import { Retry, Timeouts } from './timing.ts'
import { LoadBalancer } from './trafficPolicyBalancer.ts'
import { HealthCheck, OutlierDetection, Pushback } from './trafficPolicyHealth.ts'
import { AdaptiveConcurrency, CircuitBreaker, Hedging, RetryBudget } from './trafficPolicyLimits.ts'
import { LocalityPreference, Warmup } from './trafficPolicyLocality.ts'

export type { TargetRef } from './policyTarget.ts'

const sections = {
	loadBalancer: LoadBalancer.exactOptional(),
	warmup: Warmup.exactOptional(),
	locality: LocalityPreference.exactOptional(),
	panicThresholdPercent: z.number().min(0).max(100).exactOptional().meta({
		description: 'With fewer available endpoints all are used. 50 where no policy says it.',
	}),
	outlierDetection: OutlierDetection.exactOptional(),
	circuitBreaker: CircuitBreaker.exactOptional(),
	adaptiveConcurrency: AdaptiveConcurrency.exactOptional(),
	retryBudget: RetryBudget.exactOptional(),
	hedging: Hedging.exactOptional(),
	timeouts: Timeouts.refine((timeouts) => Object.keys(timeouts).length > 0, {
		error: 'must have at least one of request and backendRequest',
	}).exactOptional(),
	retry: Retry.exactOptional(),
	pushback: Pushback.exactOptional(),
	healthCheck: HealthCheck.exactOptional(),
}
const SECTIONS = Object.keys(sections) as readonly (keyof typeof sections)[]

/** Which request goes where, and how often, is a route's business as well; the rest is known of a service as a whole. */
const OF_ROUTES: readonly string[] = ['loadBalancer', 'retryBudget', 'hedging', 'timeouts', 'retry']

function checkSections(spec: { targetRefs: readonly TargetRef[] }, context: z.RefinementCtx): void {
	const given = SECTIONS.filter((section) => section in spec)
	if (given.length === 0)
		context.addIssue({ code: 'custom', message: `must have at least one of ${SECTIONS.join(', ')}` })
	const refuse = (section: string, message: string) =>
		context.addIssue({ code: 'custom', path: [section], message: `must be left out: ${message}` })
	const route = spec.targetRefs.findIndex(({ kind }) => kind === 'HTTPRoute')
	const notService = spec.targetRefs.findIndex(({ kind }) => kind !== 'Service')
	for (const section of given)
		if (section === 'healthCheck' && notService >= 0)
			refuse(section, `its path belongs to a Service, and targetRef ${notService} is none`)
		else if (route >= 0 && !OF_ROUTES.includes(section))
			refuse(section, `it belongs to services, and targetRef ${route} is an HTTPRoute`)
}

const TrafficPolicySpec = z.strictObject({ targetRefs: TargetRefs, ...sections }).superRefine(checkSections)

export const TrafficPolicy = z
	.strictObject({
		apiVersion: SelvedgeApiVersion,
		kind: z.literal('TrafficPolicy'),
		metadata: Metadata,
		spec: TrafficPolicySpec,
		status: Status,
	})
	.superRefine(({ metadata, spec }, context) => checkReach(spec.targetRefs, metadata.namespace, context))
	.transform(withoutStatus)
	.meta({
		id: 'TrafficPolicy',
		description:
			'Load balancing, health, limits, retries and timeouts. Of several policies the nearest decides each section: rule, route, Service, namespace, mesh; at equal distance the oldest, then the first by name.',
	})
export type TrafficPolicy = z.infer<typeof TrafficPolicy>
