/** Endpoints that fail, at all or now and then, alone or together: when they are left alone, and when they are used again. */
import { seeded } from '../random.ts'
import { createEvents } from './resilienceEvents.ts'
import { isolate, OUTLIER_RULES } from './resilienceOutliers.ts'

const ENDPOINTS = 10
/** Above the hundred in an interval that an endpoint needs to be judged, so that chance seldom keeps one from it. */
const PER_SECOND = 140
const GOOD = 0.01
const FAILS_FROM = 60_000

export interface OutageFigures {
	/** From the first failing second to the ejection. */
	readonly ejectedAfterMs: number
	readonly failedRequests: number
	/** Requests sent to the endpoint while it failed, after its first ejection. */
	readonly probes: number
	/** From when the endpoint was well again to the first request that it got. */
	readonly usedAfterMs: number
	readonly ejections: number
}

/** One of ten endpoints fails that share of its requests for so long. */
export function outage(seed: number, failureShare: number, failsForMs: number): OutageFigures {
	const random = seeded(seed)
	const events = createEvents()
	const wellAt = FAILS_FROM + failsForMs
	const isFailing = (now: number) => now >= FAILS_FROM && now < wellAt
	const sentToBad: number[] = []
	const it = isolate(events, random, {
		rules: OUTLIER_RULES,
		endpoints: ENDPOINTS,
		perSecond: PER_SECOND,
		until: wellAt + 150_000,
		failureShare: (endpoint, now) => (endpoint === 0 && isFailing(now) ? failureShare : 0),
		onSent: (endpoint, now) => {
			if (endpoint === 0) sentToBad.push(now)
		},
	})
	events.runUntil(wellAt + 150_000)
	const first = it.ejections[0]?.at ?? Number.POSITIVE_INFINITY
	return {
		ejectedAfterMs: first - FAILS_FROM,
		failedRequests: it.failed[0]!,
		probes: sentToBad.filter((at) => at > first && at < wellAt).length,
		usedAfterMs: sentToBad.find((at) => at >= wellAt)! - wellAt,
		ejections: it.ejections.length,
	}
}

export interface TotalFigures {
	readonly mostEjected: number
	/** The fewest requests sent in a second of the outage. */
	readonly leastPerSecond: number
	/** From when all were well again until each had answered. */
	readonly allUsedAfterMs: number
}

/** All endpoints fail every request for two minutes. */
export function totalOutage(seed: number): TotalFigures {
	const random = seeded(seed)
	const events = createEvents()
	const wellAt = FAILS_FROM + 120_000
	const bySecond = new Map<number, number>()
	const used = new Map<number, number>()
	const it = isolate(events, random, {
		rules: OUTLIER_RULES,
		endpoints: ENDPOINTS,
		perSecond: PER_SECOND,
		until: wellAt + 150_000,
		failureShare: (_, now) => (now >= FAILS_FROM && now < wellAt ? 1 : 0),
		onSent: (endpoint, now) => {
			if (now >= FAILS_FROM && now < wellAt)
				bySecond.set(Math.floor(now / 1_000), (bySecond.get(Math.floor(now / 1_000)) ?? 0) + 1)
			if (now >= wellAt && !used.has(endpoint)) used.set(endpoint, now - wellAt)
		},
	})
	events.runUntil(wellAt + 150_000)
	return {
		mostEjected: it.mostEjected,
		leastPerSecond: bySecond.size < 120 ? 0 : Math.min(...bySecond.values()),
		allUsedAfterMs: used.size < ENDPOINTS ? Number.POSITIVE_INFINITY : Math.max(...used.values()),
	}
}

export interface DetectorFigures {
	/** After how many intervals the bad one was ejected; Infinity when it was not. */
	readonly foundAfterIntervals: number
	readonly goodEjected: number
}

/** One of ten fails a fifth of its requests, the others one in a hundred; about 140 requests each in an interval, for so many. */
export function detector(seed: number, intervals: number, badFailureShare = 0.2): DetectorFigures {
	const random = seeded(seed)
	const events = createEvents()
	const it = isolate(events, random, {
		rules: { ...OUTLIER_RULES, consecutive5xx: 0 },
		endpoints: ENDPOINTS,
		perSecond: PER_SECOND,
		until: intervals * OUTLIER_RULES.intervalMs,
		failureShare: (endpoint) => (endpoint === 0 ? badFailureShare : GOOD),
	})
	events.runUntil(intervals * OUTLIER_RULES.intervalMs + 1)
	const found = it.ejections.find(({ endpoint }) => endpoint === 0)
	return {
		foundAfterIntervals: found ? found.at / OUTLIER_RULES.intervalMs : Number.POSITIVE_INFINITY,
		goodEjected: it.ejections.filter(({ endpoint }) => endpoint !== 0).length,
	}
}
