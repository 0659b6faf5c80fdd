/** How much a service is asked to bear: requests at once, retries, and requests sent twice. */
import { z } from 'zod'
import { durationBetween } from './scalars.ts'

const limit = z.int().min(1).max(1_000_000)

export const CircuitBreaker = z
	.strictObject({
		maxRequests: limit.exactOptional().meta({ description: 'At once, of one isolate.' }),
		maxPendingRequests: z.int().min(0).max(10_000).exactOptional().meta({
			description: 'Requests that may wait for one of those to end; none when left out.',
		}),
		maxWait: durationBetween('1ms', '1m').exactOptional(),
	})
	.superRefine(({ maxRequests, maxPendingRequests, maxWait }, context) => {
		if (maxRequests === undefined && maxPendingRequests === undefined && maxWait === undefined)
			context.addIssue({ code: 'custom', message: 'must have at least one of maxRequests and maxPendingRequests' })
		else if (maxWait !== undefined && (maxPendingRequests ?? 0) === 0)
			context.addIssue({
				code: 'custom',
				path: ['maxWait'],
				message: 'must be left out unless maxPendingRequests lets requests wait',
			})
	})
	.meta({ description: 'Requests beyond are refused with 503.' })

/** Defaults of Netflix' concurrency-limits, Gradient2Limit. */
const [INITIAL, LEAST, MOST] = [20, 20, 200]

export const AdaptiveConcurrency = z
	.strictObject({
		initialLimit: limit.exactOptional().meta({ description: '20 when left out, or the limit next to it.' }),
		minimumLimit: limit.exactOptional().meta({ description: '20 when left out, or a lower limit given beside it.' }),
		maximumLimit: limit.exactOptional().meta({ description: '200 when left out, or a higher limit given beside it.' }),
		tolerance: z.number().min(1).max(10).default(1.5).meta({
			description: 'How much longer answers may take than they usually do.',
		}),
		smoothing: z.number().min(0.01).max(1).default(0.2).meta({ description: 'How fast the limit moves.' }),
	})
	.superRefine(({ initialLimit: initial, minimumLimit: minimum, maximumLimit: maximum }, context) => {
		const refuse = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message })
		const isOver = (low: number | undefined, high: number | undefined) =>
			low !== undefined && high !== undefined && low > high
		if (isOver(minimum, maximum)) refuse('minimumLimit', `must be at most maximumLimit, which is ${maximum}`)
		if (isOver(minimum, initial)) refuse('initialLimit', `must be at least minimumLimit, which is ${minimum}`)
		if (isOver(initial, maximum)) refuse('initialLimit', `must be at most maximumLimit, which is ${maximum}`)
	})
	.transform(({ initialLimit, minimumLimit, maximumLimit, ...rules }) => {
		const minimum = minimumLimit ?? Math.min(LEAST, initialLimit ?? LEAST, maximumLimit ?? LEAST)
		const maximum = maximumLimit ?? Math.max(MOST, initialLimit ?? MOST, minimum)
		const initial = initialLimit ?? Math.min(Math.max(INITIAL, minimum), maximum)
		return { initialLimit: initial, minimumLimit: minimum, maximumLimit: maximum, ...rules }
	})
	.meta({ description: 'As many requests at once as do not make the service slower.' })

const percent = z.number().min(0).max(100).default(20)
const RateInterval = durationBetween('1s', '1h')

/** A share of the active requests, as in Istio and Envoy; or, with `interval` or `minRetryRate`, over an interval, as in GEP-3388. */
export const RetryBudget = z
	.strictObject({
		percent,
		minRetryConcurrency: z.int().min(0).max(10_000).exactOptional().meta({
			description: 'Retries that may be under way in any case; 3 when left out.',
		}),
		interval: RateInterval.exactOptional().meta({ description: '10s when left out beside minRetryRate.' }),
		minRetryRate: z
			.strictObject({ count: z.int().min(0).max(1_000_000), interval: RateInterval.default('1s') })
			.exactOptional()
			.meta({
				description:
					'Retries that may be made in any case, over the interval, also at once; 10 a second when left out beside interval.',
			}),
	})
	.superRefine(({ minRetryConcurrency, interval, minRetryRate }, context) => {
		if (minRetryConcurrency === undefined || (interval ?? minRetryRate) === undefined) return
		const message = `must be left out beside ${interval === undefined ? 'minRetryRate' : 'interval'}: it is for budgets of active requests`
		context.addIssue({ code: 'custom', path: ['minRetryConcurrency'], message })
	})
	.meta({ description: 'Retries and hedged requests beyond are not made.' })

export const Hedging = z
	.strictObject({
		delay: durationBetween('1ms', '1m').exactOptional(),
		percentile: z.number().min(50).max(99.9).exactOptional().meta({
			description: 'Of the observed latencies: 95 sends one request in twenty twice.',
		}),
		maxExtraRequests: z.int().min(1).max(3).default(1),
	})
	.refine(({ delay, percentile }) => (delay === undefined) !== (percentile === undefined), {
		error: 'must have exactly one of delay and percentile',
	})
	.meta({ description: 'Sends an idempotent request once more when its answer is late, within the retry budget.' })
