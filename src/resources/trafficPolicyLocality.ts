/** Which endpoints are preferred before an algorithm chooses: those that are near, and those that are warm. */
import { z } from 'zod'
import { durationBetween } from './scalars.ts'
import { Locality } from './service.ts'
import { unique } from './unique.ts'

/** Istio's `warmup`, Envoy's slow start. */
export const Warmup = z
	.strictObject({
		duration: durationBetween('1s', '24h'),
		minimumPercent: z.number().min(0).max(100).default(10).meta({ description: 'Of its weight, from the first.' }),
		aggression: z.number().min(0.1).max(10).default(1).meta({
			description: 'The share grows with time to the power of 1/aggression: above 1 fast at first, below 1 at last.',
		}),
	})
	.meta({ description: 'How the share of a new endpoint grows to what its weight says.' })

export const LocalityPreference = z
	.strictObject({
		failover: z
			.array(Locality)
			.max(64)
			.superRefine(
				unique(
					(locality) => locality,
					(first) => `must be unique: entry ${first} is this locality`,
				),
			)
			.default([])
			.meta({ description: "In the order in which they stand in for the caller's own region." }),
		others: z.enum(['Last', 'Never']).default('Last').meta({ description: 'What becomes of all other localities.' }),
		overflowThresholdPercent: z.number().min(1).max(100).default(71.43).meta({
			description:
				"A locality keeps its traffic while this share of its endpoints is available. The default is Envoy's overprovisioning factor of 1.4.",
		}),
	})
	.meta({ description: "Endpoints of the caller's own region first." })
