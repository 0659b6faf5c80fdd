/** How trouble with an endpoint is noticed: by what its requests come to, by what it asks for, and by asking it. */
import { z } from 'zod'
import { durationMs } from './duration.ts'
import { durationBetween } from './scalars.ts'
import { checkPath } from './urlPath.ts'

/** Envoy's default. */
const MAX_EJECTION_TIME = '300s'

const failures = (usual: number) => z.int().min(0).max(10_000).default(usual).meta({ description: '0 is off.' })
const minimumHosts = z.int().min(2).max(10_000).default(5)
const requests = (usual: number) =>
	z.int().min(1).max(1_000_000).default(usual).meta({ description: 'In an interval, of an endpoint to be judged.' })
const Interval = durationBetween('100ms', '1h')
const EjectionTime = durationBetween('100ms', '24h')

/** Refuses the first of two durations when it is longer than the second; either may be left out. */
function checkAtMost(
	context: z.RefinementCtx,
	[field, duration]: readonly [string, string | undefined],
	[other, most]: readonly [string, string | undefined],
): void {
	if (duration === undefined || most === undefined || (durationMs(duration) ?? 0) <= (durationMs(most) ?? 0)) return
	context.addIssue({ code: 'custom', path: [field], message: `must be at most ${other}, which is ${most}` })
}

/** Names of Istio's DestinationRule, detectors and defaults of Envoy's outlier detection. */
export const OutlierDetection = z
	.strictObject({
		consecutive5xxErrors: failures(5),
		consecutiveGatewayErrors: failures(0),
		consecutiveLocalOriginFailures: failures(5),
		interval: Interval.default('10s'),
		baseEjectionTime: EjectionTime.default('30s').meta({ description: 'Times the number of ejections.' }),
		maxEjectionTime: EjectionTime.exactOptional().meta({
			description: '300s when left out, or baseEjectionTime if that is longer.',
		}),
		maxEjectionPercent: z.number().min(0).max(100).default(10),
		successRate: z
			.strictObject({
				minimumHosts,
				minimumRequests: requests(100),
				stdevFactor: z.number().min(0.1).max(10).default(1.9),
			})
			.exactOptional(),
		failurePercentage: z
			.strictObject({
				thresholdPercent: z.number().min(1).max(100).default(85),
				minimumHosts,
				minimumRequests: requests(50),
			})
			.exactOptional(),
	})
	.superRefine(({ baseEjectionTime, maxEjectionTime }, context) =>
		checkAtMost(context, ['baseEjectionTime', baseEjectionTime], ['maxEjectionTime', maxEjectionTime]),
	)
	.transform(({ maxEjectionTime, ...rules }) => {
		const isLonger = (durationMs(rules.baseEjectionTime) ?? 0) > (durationMs(MAX_EJECTION_TIME) ?? 0)
		return { ...rules, maxEjectionTime: maxEjectionTime ?? (isLonger ? rules.baseEjectionTime : MAX_EJECTION_TIME) }
	})
	.meta({ description: 'Who fails again and again is left alone for a while.' })

export const Pushback = z
	.strictObject({
		default: durationBetween('100ms', '1h').default('1s').meta({ description: 'Without a Retry-After.' }),
		max: durationBetween('100ms', '1h').default('300s').meta({ description: 'No Retry-After counts for longer.' }),
	})
	.superRefine((pushback, context) => checkAtMost(context, ['default', pushback.default], ['max', pushback.max]))
	.meta({ description: "429, and 503 with a Retry-After, lower an endpoint's share for that time." })

const STATUSES = /^([2-5]\d\d)(?:-([2-5]\d\d))?$/

/** Both ends are in it; undefined when the text is no status and no range. */
export function statusRange(text: string): readonly [from: number, to: number] | undefined {
	const [, from, to = from] = STATUSES.exec(text) ?? []
	return from === undefined || Number(from) > Number(to) ? undefined : [Number(from), Number(to)]
}

const Path = z
	.string()
	.max(1_024)
	.superRefine((path, context) => {
		const message = checkPath(path)
		if (message !== undefined) context.addIssue({ code: 'custom', message })
	})

const times = (usual: number) => z.int().min(1).max(100).default(usual).meta({ description: 'Times in a row.' })

export const HealthCheck = z
	.strictObject({
		path: Path.default('/').meta({ description: "After the path in the endpoint's URL." }),
		method: z.enum(['GET', 'HEAD']).default('GET'),
		interval: durationBetween('1s', '1h').default('10s'),
		timeout: durationBetween('100ms', '1m').default('1s'),
		healthyThreshold: times(2),
		unhealthyThreshold: times(3),
		expectedStatuses: z
			.array(
				z.string().refine((text) => statusRange(text) !== undefined, {
					error: 'must be a status from 200 to 599, or a range of them such as 200-299',
				}),
			)
			.min(1)
			.max(16)
			.default(['200-299']),
		jitterPercent: z.number().min(0).max(100).default(10).meta({ description: 'Of the interval, added at random.' }),
	})
	.superRefine(({ timeout, interval }, context) => checkAtMost(context, ['timeout', timeout], ['interval', interval]))
	.meta({ description: "Asks a service's endpoints how they are. For policies whose targets are all Services." })
