/**
 * A mesh's telemetry as a page that Prometheus reads: text exposition format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 */
import type { RegionTelemetry, ServiceHealth } from '../ports.ts'
import { addSparse, BUCKETS, createHistogram, type Histogram, upperBoundMs } from './histogram.ts'

/** Prometheus' usual bounds, finer below and wider above. Each is a bound of the histogram itself, so counts are exact. */
const LE_MS = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000]

type Labels = Readonly<Record<string, string | number>>

/** One metric: its samples by their rendered labels, so that a sample given twice adds up rather than appear twice. */
export interface Metric {
	readonly name: string
	readonly type: 'counter' | 'gauge'
	readonly help: string
	readonly samples: Map<string, number>
}

interface Latency {
	readonly histogram: Histogram
	sumMs: number
}

/**
 * The page, to be served as `text/plain; version=0.0.4; charset=utf-8`. Its size grows with the number of series, for durations and
 * ejections with services times regions, and with the services in `healths`, nothing else.
 */
export function exposition(regions: readonly RegionTelemetry[], healths: readonly ServiceHealth[] = []): string {
	const blocks = [...[...requestMetrics(regions), accessMetric(regions)].map(renderMetric), ...renderDurations(regions)]
	blocks.push(...[...ejectionMetrics(regions), healthMetric(healths), ...regionMetrics(regions)].map(renderMetric))
	return `${blocks.join('\n')}\n`
}

export const metric = (name: string, type: Metric['type'], help: string): Metric => ({
	name,
	type,
	help,
	samples: new Map(),
})

export function add(to: Metric, labels: Labels, value: number): void {
	const key = renderLabels(labels)
	to.samples.set(key, (to.samples.get(key) ?? 0) + value)
}

function requestMetrics(regions: readonly RegionTelemetry[]): Metric[] {
	const requests = metric('selvedge_requests_total', 'counter', 'Requests by what became of them; code 0: client left.')
	const sent = metric('selvedge_request_bytes_total', 'counter', 'Declared bytes of request bodies.')
	const received = metric('selvedge_response_bytes_total', 'counter', 'Declared bytes of response bodies.')
	const unsized = metric('selvedge_unsized_bodies_total', 'counter', 'Bodies of undeclared length, in no byte count.')
	const retries = metric(
		'selvedge_retries_total',
		'counter',
		'Attempts after the first, by what became of the request.',
	)
	for (const { region, series } of regions) {
		for (const one of series) {
			const labels = serviceLabels(region, one.service)
			add(requests, { ...labels, rule: one.rule, code: one.status, refusal: one.refusal }, one.count)
			add(sent, labels, one.requestBytes)
			add(received, labels, one.responseBytes)
			add(unsized, labels, one.unsizedBodies)
			if (one.retries > 0) add(retries, { ...labels, rule: one.rule, code: one.status }, one.retries)
		}
	}
	return [requests, sent, received, unsized, retries]
}

/** `policy` is empty where no ALLOW policy admitted the request. */
function accessMetric(regions: readonly RegionTelemetry[]): Metric {
	const verdicts = metric(
		'selvedge_authorization_total',
		'counter',
		'Requests on which policies of access had a say, or that were refused because no policy could be sure of their path.',
	)
	for (const { region, access = [] } of regions)
		for (const { policy, service, rule, effect, count } of access)
			add(verdicts, { ...serviceLabels(region, service), policy, rule, effect }, count)
	return verdicts
}

function ejectionMetrics(regions: readonly RegionTelemetry[]): Metric[] {
	const ejections = metric('selvedge_ejections_total', 'counter', 'Endpoints ejected, as a region was told.')
	const ejected = metric('selvedge_endpoint_ejected', 'gauge', 'Endpoints that isolates of the region leave alone.')
	for (const one of regions) {
		for (const { service, total, current } of one.ejections) {
			add(ejections, serviceLabels(one.region, service), total)
			add(ejected, serviceLabels(one.region, service), current.length)
		}
	}
	return [ejections, ejected]
}

/** Checks are made once for all regions. */
function healthMetric(healths: readonly ServiceHealth[]): Metric {
	const endpoints = metric('selvedge_endpoint_health', 'gauge', 'Endpoints that pass or fail their health checks.')
	for (const { service, healthy, unhealthy } of healths) {
		const labels = nameLabels(service)
		add(endpoints, { ...labels, state: 'healthy' }, healthy)
		add(endpoints, { ...labels, state: 'unhealthy' }, unhealthy)
	}
	return endpoints
}

function regionMetrics(regions: readonly RegionTelemetry[]): Metric[] {
	const overflow = metric('selvedge_telemetry_overflow_total', 'counter', 'Requests that no series had room for.')
	const unnoted = metric('selvedge_authorization_overflow_total', 'counter', 'Of those, what no series had room for.')
	const failures = metric('selvedge_sync_failures_total', 'counter', 'Failed attempts to hear from the control plane.')
	const isolates = metric('selvedge_isolates', 'gauge', 'Isolates heard from in the last minute, by revision.')
	const revision = metric('selvedge_snapshot_revision', 'gauge', 'Oldest and newest revision that isolates run.')
	const age = metric(
		'selvedge_snapshot_age_seconds',
		'gauge',
		'Longest time since an isolate heard from the control plane.',
	)
	for (const one of regions) {
		const { region } = one
		add(overflow, { region }, one.overflow)
		add(unnoted, { region }, one.accessOverflow ?? 0)
		add(failures, { region }, one.syncFailures)
		for (const isolate of one.isolates) add(isolates, { region, revision: isolate.revision }, 1)
		if (one.isolates.length === 0) continue
		const revisions = one.isolates.map((isolate) => isolate.revision)
		add(revision, { region, bound: 'oldest' }, least(revisions))
		add(revision, { region, bound: 'newest' }, greatest(revisions))
		add(age, { region }, greatest(one.isolates.map((isolate) => isolate.snapshotAgeMs)) / 1_000)
	}
	return [overflow, unnoted, failures, isolates, revision, age]
}

const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b))
const greatest = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b))

const serviceLabels = (region: string, service: string) => ({ region, ...nameLabels(service) })

function nameLabels(service: string): { service: string; namespace: string } {
	const slash = service.indexOf('/')
	return { service: service.slice(slash + 1), namespace: service.slice(0, Math.max(0, slash)) }
}

function renderDurations(regions: readonly RegionTelemetry[]): string[] {
	const name = 'selvedge_request_duration_seconds'
	const services = new Map<string, Latency>()
	for (const { region, series } of regions) {
		for (const one of series) {
			const key = renderLabels(serviceLabels(region, one.service))
			const latency = services.get(key) ?? { histogram: createHistogram(), sumMs: 0 }
			addSparse(latency.histogram, one.latency)
			latency.sumMs += one.latencySumMs
			services.set(key, latency)
		}
	}
	const lines = [...services].flatMap(([labels, latency]) => renderHistogram(name, labels, latency))
	return [header(name, 'histogram', 'Time from the request to the end of its reply.'), ...lines]
}

function renderHistogram(name: string, labels: string, { histogram, sumMs }: Latency): string[] {
	const lines: string[] = []
	let bucket = 0
	let count = 0
	for (const leMs of LE_MS) {
		while (upperBoundMs(bucket) <= leMs) count += histogram[bucket++]!
		lines.push(`${name}_bucket{${labels},le="${leMs / 1_000}"} ${count}`)
	}
	while (bucket < BUCKETS) count += histogram[bucket++]!
	lines.push(`${name}_bucket{${labels},le="+Inf"} ${count}`)
	lines.push(`${name}_sum{${labels}} ${sumMs / 1_000}`, `${name}_count{${labels}} ${count}`)
	return lines
}

export function renderMetric({ name, type, help, samples }: Metric): string {
	const lines = [...samples].map(([labels, value]) => `${name}{${labels}} ${value}`)
	return [header(name, type, help), ...lines].join('\n')
}

const header = (name: string, type: string, help: string): string => `# HELP ${name} ${help}\n# TYPE ${name} ${type}`

const renderLabels = (labels: Labels): string =>
	Object.entries(labels)
		.map(([name, value]) => `${name}="${escapeLabel(String(value))}"`)
		.join(',')

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' }

const escapeLabel = (value: string): string => value.replace(/[\\"\n]/g, (unit) => ESCAPES[unit]!)
