/** What a report must look like to be counted. Isolates are ours, but one bad number would spoil a counter for good. */
import { z } from 'zod'
import type { Report } from '../ports.ts'
import { err, ok, type Result } from '../result.ts'
import { MAX_ACCESS_PER_REPORT } from './accessCounts.ts'
import { MAX_EJECTIONS_PER_REPORT, MAX_SERVICES_PER_REPORT } from './ejections.ts'
import { BUCKETS } from './histogram.ts'
import { MAX_SERIES_PER_REPORT } from './requestTable.ts'
import { SampleBatchSchema } from './sampleSchema.ts'

/** Where a report is not one: the path of the first value that is wrong, e.g. `series.3.count`. */
export interface MalformedReport {
	readonly reason: 'malformed_report'
	readonly path: string
}

const Count = z.int().nonnegative()
const Amount = z.number().nonnegative()
/** Longer than any name that Kubernetes' rules allow for a rule: namespace, route and rule name with their slashes. */
const Label = z.string().max(1_024)

const Series = z.object({
	service: Label,
	rule: Label,
	status: z.int().min(0).max(999),
	refusal: Label,
	count: Count,
	requestBytes: Count,
	responseBytes: Count,
	unsizedBodies: Count,
	retries: Count,
	latency: z.array(z.tuple([z.int().min(0).lt(BUCKETS), Count])).max(BUCKETS),
	latencySumMs: Amount,
})

const Access = z.object({
	policy: Label,
	service: Label,
	rule: Label,
	effect: z.enum(['denied', 'ambiguous', 'audited', 'would_refuse', 'would_admit']),
	count: Count,
})

const Ejection = z.object({ service: Label, id: Label, until: Amount })

// Arrays are measured before they are looked into: a huge one costs nothing, not even its list of mistakes.
const ReportSchema = z.object({
	isolate: z.string().min(1).max(128),
	batch: z.int().positive(),
	revision: Count,
	snapshotAgeMs: Amount,
	syncFailures: Count,
	overflow: Count,
	series: z.array(Series).max(MAX_SERIES_PER_REPORT),
	// Isolates of earlier versions have neither.
	ejections: z.array(Ejection).max(MAX_EJECTIONS_PER_REPORT).default([]),
	services: z.array(Label).max(MAX_SERVICES_PER_REPORT).default([]),
	access: z.array(Access).max(MAX_ACCESS_PER_REPORT).exactOptional(),
	accessOverflow: Count.exactOptional(),
	samples: SampleBatchSchema.exactOptional(),
})

/** The report that `input` is, without unknown fields, or where it is not one. */
export function parseReport(input: unknown): Result<Report, MalformedReport> {
	const parsed = ReportSchema.safeParse(input)
	if (parsed.success) return ok(parsed.data)
	return err({ reason: 'malformed_report', path: parsed.error.issues[0]?.path.join('.') ?? '' })
}
