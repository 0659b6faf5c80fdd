/** Counts every exchange once, writes the sampled ones into the access log, and trades what is counted for what others found. */
import type { Report, ReportAnswer } from '../../ports.ts'
import { accessLogLine } from '../../telemetry/accessLog.ts'
import {
	createRequestTable,
	drain,
	MAX_SERIES_PER_REPORT,
	type Outcome,
	type RequestCounter,
	record,
	requestCounter,
} from '../../telemetry/requestTable.ts'
import { traceIdOf } from '../../telemetry/traceContext.ts'
import type { CompiledRule } from '../compile/compileRule.ts'
import type { Exchange } from '../exchange.ts'
import type { Knowledge } from '../knowledge/knowledge.ts'
import type { ProxyPorts } from '../ports.ts'
import type { Refusal } from '../refusal.ts'
import { createAccessNotes } from './accessNotes.ts'
import { REPORT_INTERVAL_MS } from './reporting.ts'
import { createSampler } from './sampling.ts'
import { adopt, hasUntold, servicesToAskFor, takeUntold } from './sharing.ts'

export interface ObserverSettings {
	readonly isolate: string
	readonly region: string
	/** 0–1: the share of exchanges that get an access-log line. */
	readonly accessLogSampleRate: number
	/** Takes one finished line. */
	readonly log: (line: string) => void
}

export interface Observer {
	readonly observe: ProxyPorts['observe']
	/** What was counted since the last report, numbered; undefined while there is nothing to tell. */
	readonly report: (now: number) => Report | undefined
	/** The same with what was sampled, whose digests take a moment. */
	readonly reportWithSamples: (now: number) => Promise<Report | undefined>
	/** Whether a report should not wait for the end of its interval, `waitedMs` after it began. */
	readonly isUrgent: (waitedMs: number) => boolean
	/** Takes in what the region answered to a report. */
	readonly learn: (answer: ReportAnswer | undefined, now: number) => void
}

/** After a failure an isolate asks as soon as this whether others know more; each time that they do not, it asks half as often. */
const ASK_AFTER_MS = 1_000

export function createObserver(
	knowledge: Knowledge,
	settings: ObserverSettings,
	ports: Pick<ProxyPorts, 'now' | 'random' | 'clientAddress'>,
): Observer {
	const table = createRequestTable(MAX_SERIES_PER_REPORT)
	const unmatched = requestCounter(table, '', '')
	const notes = createAccessNotes(settings.log, settings.region)
	const sampler = createSampler(knowledge.table)
	const counters = new WeakMap<CompiledRule, Map<string, RequestCounter>>()
	let batch = 0
	let hasSeenFailure = false
	let askAfterMs = ASK_AFTER_MS

	/** The counter of a rule and service, kept with the rule so that it goes when the rule does. */
	const counterOf = ({ rule, service }: Exchange): RequestCounter => {
		if (rule === undefined) return unmatched
		const name = service?.name ?? ''
		const services = counters.get(rule) ?? new Map<string, RequestCounter>()
		if (services.size === 0) counters.set(rule, services)
		const counter = services.get(name) ?? requestCounter(table, name, rule.name)
		services.set(name, counter)
		return counter
	}

	const report = (now: number): Report | undefined => {
		const { series, overflow } = drain(table)
		const { syncFailures, confirmedAt } = knowledge
		const ejections = takeUntold(knowledge.table, now)
		askAfterMs = hasSeenFailure ? Math.min(2 * askAfterMs, REPORT_INTERVAL_MS) : ASK_AFTER_MS
		hasSeenFailure = false
		if (series.length === 0 && overflow === 0 && syncFailures === 0 && ejections.length === 0) return undefined
		knowledge.syncFailures = 0
		const busy = series.map(({ service }) => service)
		return {
			isolate: settings.isolate,
			batch: ++batch,
			revision: knowledge.table.revision,
			snapshotAgeMs: confirmedAt === 0 ? 0 : Math.max(0, now - confirmedAt),
			syncFailures,
			overflow,
			series,
			ejections,
			services: servicesToAskFor(knowledge.table, busy),
			...notes.drain(),
		}
	}

	return {
		observe: (exchange, response, refusal) => {
			const now = ports.now()
			const outcome = outcomeOf(exchange, response, refusal, now)
			notes.note(exchange, refusal, now)
			sampler.consider(exchange, refusal, now)
			record(counterOf(exchange), outcome)
			if (hasFailed(exchange, response)) hasSeenFailure = true
			if (settings.accessLogSampleRate > 0 && ports.random() < settings.accessLogSampleRate)
				settings.log(logLine(exchange, outcome, knowledge, settings, ports.clientAddress(exchange.request)))
		},
		report,
		reportWithSamples: async (now) => {
			// Samples may be lost: what was counted may not, and so is taken last.
			const samples = await sampler.take(now).catch(() => undefined)
			const told = report(now)
			return told === undefined || samples === undefined ? told : { ...told, samples }
		},
		isUrgent: (waitedMs) => hasSeenFailure && (waitedMs >= askAfterMs || hasUntold(knowledge.table)),
		learn: (answer, now) => {
			if (adopt(knowledge.table, answer?.ejections ?? [], now) > 0) askAfterMs = ASK_AFTER_MS
		},
	}
}

/** Whether some endpoint gave cause for doubt. One attempt that was not the last has failed, or was slow. */
const hasFailed = ({ attempts }: Exchange, { status }: Response): boolean =>
	attempts > 1 || (attempts === 1 && status >= 500)

function outcomeOf(
	{ request, startedAt, attempts }: Exchange,
	response: Response,
	refusal: Refusal | undefined,
	now: number,
): Outcome {
	return {
		status: response.status,
		refusal: refusal?.reason ?? '',
		durationMs: now - startedAt,
		requestBytes: request.body === null ? 0 : declaredLength(request.headers),
		responseBytes: response.body === null ? 0 : declaredLength(response.headers),
		retries: attempts > 1 ? attempts - 1 : 0,
	}
}

/** Bodies stream untouched: their length is what Content-Length says, and unknown where it says nothing. */
function declaredLength(headers: Headers): number | undefined {
	const length = headers.get('content-length')
	return length === null ? undefined : Number(length)
}

function logLine(
	exchange: Exchange,
	outcome: Outcome,
	{ table, confirmedAt }: Knowledge,
	{ region }: ObserverSettings,
	clientAddress: string,
): string {
	const dryRun = exchange.access?.dryRun
	return accessLogLine({
		timeMs: exchange.startedAt,
		method: exchange.method,
		scheme: exchange.scheme,
		authority: exchange.authority,
		path: exchange.path,
		...outcome,
		rule: exchange.rule?.name,
		service: exchange.service?.name,
		endpoint: exchange.endpoint?.id,
		attempts: exchange.attempts > 1 ? exchange.attempts : undefined,
		caller: exchange.caller?.spiffeId,
		user: exchange.user?.principal,
		policy: exchange.access?.by?.policy,
		would: dryRun && (dryRun.allowed ? 'admit' : 'refuse'),
		wouldBy: dryRun?.by?.policy,
		clientAddress,
		userAgent: exchange.header('user-agent') ?? undefined,
		traceId: traceIdOf(exchange.header('traceparent')),
		revision: table.revision,
		snapshotAgeMs: confirmedAt === 0 ? 0 : Math.max(0, exchange.startedAt - confirmedAt),
		region,
	})
}
