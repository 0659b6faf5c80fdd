/** How long a rule's requests may take, and when they are tried again. */
import { z } from 'zod'
import { durationMs } from './duration.ts'
import { durationBetween } from './scalars.ts'
import { unique } from './unique.ts'

const Timeout = durationBetween('0s', '24h')

/** https://gateway-api.sigs.k8s.io/reference/spec/#httproutetimeouts */
export const Timeouts = z
	.strictObject({
		request: Timeout.exactOptional().meta({
			description: 'From arrival to the end of the response, all attempts included; 0s is no limit.',
		}),
		backendRequest: Timeout.exactOptional().meta({ description: 'Of one attempt; 0s is no limit.' }),
	})
	.superRefine(({ request, backendRequest }, context) => {
		const requestMs = durationMs(request ?? '0s') ?? 0
		if (requestMs === 0 || backendRequest === undefined || (durationMs(backendRequest) ?? 0) <= requestMs) return
		context.addIssue({
			code: 'custom',
			path: ['backendRequest'],
			message: `must be at most request, which is ${request}`,
		})
	})

/** https://gateway-api.sigs.k8s.io/reference/spec/#httprouteretry (GEP-1731) */
export const Retry = z
	.strictObject({
		codes: z
			.array(z.int().min(400).max(599))
			.max(64)
			.superRefine(
				unique(
					(code) => String(code),
					(first) => `must be unique: entry ${first} is this code`,
				),
			)
			.default([])
			.meta({
				description: 'Response statuses that are tried again; failed connections and timeouts are in any case.',
			}),
		attempts: z.int().min(0).max(10).default(1).meta({ description: 'Tries after the first; 0 is none.' }),
		backoff: durationBetween('1ms', '1m')
			.exactOptional()
			.meta({ description: 'The least time before another try; 25ms when left out.' }),
	})
	.meta({ description: 'Only idempotent methods are tried again, unless a RetryPolicy says otherwise.' })
