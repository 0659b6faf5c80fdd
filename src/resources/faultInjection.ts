/** Trouble made on purpose, to learn how callers bear it: delays, refusals and slow responses. */
import { z } from 'zod'
import { SelvedgeApiVersion } from './apiVersions.ts'
import { bytesPerSecond } from './bandwidth.ts'
import { Metadata, Status, withoutStatus } from './metadata.ts'
import { RouteMatch } from './routeMatch.ts'
import { durationBetween } from './scalars.ts'
import { checkShare, fineShare } from './share.ts'
import { Sources } from './source.ts'

const Delay = z.strictObject({ fixedDelay: durationBetween('1ms', '1h'), ...fineShare }).superRefine(checkShare)

const Abort = z.strictObject({ httpStatus: z.int().min(200).max(599), ...fineShare }).superRefine(checkShare)

const Bandwidth = z
	.strictObject({
		limit: z
			.string()
			.refine((limit) => bytesPerSecond(limit) !== undefined, {
				error: 'must be a whole number of at most six digits, above 0, with kbps, Mbps or Gbps, e.g. 50kbps',
			})
			.meta({ description: 'Of the response body, in bits per second.' }),
		...fineShare,
	})
	.superRefine(checkShare)

const FaultInjectionSpec = z
	.strictObject({
		matches: z.array(RouteMatch).max(64).default([]).meta({
			description: "Any of them, beside the rule's own; without any, every request of the rule.",
		}),
		sources: Sources,
		delay: Delay.exactOptional(),
		abort: Abort.exactOptional(),
		bandwidth: Bandwidth.exactOptional(),
	})
	.refine(({ delay, abort, bandwidth }) => (delay ?? abort ?? bandwidth) !== undefined, {
		error: 'must have at least one of delay, abort and bandwidth',
	})

export const FaultInjection = z
	.strictObject({
		apiVersion: SelvedgeApiVersion,
		kind: z.literal('FaultInjection'),
		metadata: Metadata,
		spec: FaultInjectionSpec,
		status: Status,
	})
	.transform(withoutStatus)
	.meta({
		id: 'FaultInjection',
		description:
			'Named by an ExtensionRef filter of a rule: delays, refuses or slows down a share of its requests, each drawn by itself; all of them when no share is given.',
	})
export type FaultInjection = z.infer<typeof FaultInjection>
