/** What isolates tell their region, and what a region knows. */
import type { SampleBatch, SampleRequest } from './accessSample.ts'

/** One series of requests: everything that shares these labels is counted together. */
export interface RequestLabels {
	/** `<namespace>/<name>` of the service called, or '' when none was chosen. */
	readonly service: string
	/** Name of the rule that matched, or ''. */
	readonly rule: string
	/** HTTP status, or 0 when the client left before one. */
	readonly status: number
	/** The refusal's reason for a mesh-made reply, or ''. */
	readonly refusal: string
}

export interface RequestSeries extends RequestLabels {
	readonly count: number
	readonly requestBytes: number
	readonly responseBytes: number
	/** Bodies whose length nobody declared: they stream untouched and are not in the byte counts. */
	readonly unsizedBodies: number
	/** Attempts after the first of each request. */
	readonly retries: number
	/** Latency histogram as sparse [bucket index, count] pairs of `telemetry/histogram.ts`, and the sum in ms. */
	readonly latency: readonly (readonly [number, number])[]
	readonly latencySumMs: number
}

/**
 * What policies of access did. `denied`: refused a request. `ambiguous`: could not be asked about one, whose path is spelled in a way that
 * services read differently. `audited`: noted one. `would_refuse`, `would_admit`: a dry run that would have changed the verdict.
 */
export type AccessEffect = 'denied' | 'ambiguous' | 'audited' | 'would_refuse' | 'would_admit'

export interface AccessLabels {
	/** `<namespace>/<name>`; '' where a request was refused because no ALLOW policy admits it, and for `ambiguous`, which is no policy's alone. */
	readonly policy: string
	/** `<namespace>/<name>`, or '' when none was chosen. */
	readonly service: string
	/** Name of the rule that matched, or ''. */
	readonly rule: string
	readonly effect: AccessEffect
}

export interface AccessCount extends AccessLabels {
	readonly count: number
}

/** What one isolate tells its region, in batches. A batch is a delta; the number makes a repeated one harmless. */
export interface Report {
	readonly isolate: string
	/** 1, 2, 3… per isolate. */
	readonly batch: number
	readonly revision: number
	/** How long ago the isolate last heard from the control plane. */
	readonly snapshotAgeMs: number
	/** Since the last batch. */
	readonly syncFailures: number
	/** Requests whose labels did not fit the isolate's bounded table; counted in no series. */
	readonly overflow: number
	readonly series: readonly RequestSeries[]
	/** What this isolate found out itself since the last batch. None from isolates of versions that did not share. */
	readonly ejections: readonly EndpointEjection[]
	/** The services whose ejections it wants to hear of: those that it may send requests to. */
	readonly services: readonly string[]
	readonly access?: readonly AccessCount[]
	/** What policies did that `access` had no room for. */
	readonly accessOverflow?: number
	readonly samples?: SampleBatch
}

/** An endpoint that failed so often that it is left alone. */
export interface EndpointEjection {
	/** `<namespace>/<name>`. */
	readonly service: string
	readonly id: string
	/** In ms since the epoch. */
	readonly until: number
}

/** What a report is told in return. Undefined instead: the store is of a version that tells nothing. */
export interface ReportAnswer {
	/** Those that hold in the region now, of the services that the report names. */
	readonly ejections: readonly EndpointEjection[]
}

/** A service's ejections in one region. */
export interface ServiceEjections {
	/** `<namespace>/<name>`. */
	readonly service: string
	/** Cumulative. One that several isolates found at the same time counts once. */
	readonly total: number
	/** Those that hold now. */
	readonly current: readonly Omit<EndpointEjection, 'service'>[]
}

/** What a region knows, for the admin to render. Counters are cumulative. */
export interface RegionTelemetry {
	readonly region: string
	readonly series: readonly RequestSeries[]
	readonly overflow: number
	readonly syncFailures: number
	/** Of each service that ever had one. */
	readonly ejections: readonly ServiceEjections[]
	/** Absent from stores of versions that did not count them. */
	readonly access?: readonly AccessCount[]
	readonly accessOverflow?: number
	/** Isolates heard from in the last minute. */
	readonly isolates: readonly IsolateState[]
}

/** How far an isolate was when it last reported. */
export interface IsolateState {
	readonly isolate: string
	readonly revision: number
	readonly snapshotAgeMs: number
}

export interface TelemetryStorePort {
	report(region: string, report: Report): Promise<ReportAnswer | undefined>
	read(region: string): Promise<RegionTelemetry>
	/** Isolates heard from in the last minute, without the series: cheap enough to be asked every second. */
	isolates(region: string): Promise<readonly IsolateState[]>
	/** Requests of the last day, by the keys of their digests. */
	samples(region: string, request: SampleRequest): Promise<readonly SampleBatch[]>
}
