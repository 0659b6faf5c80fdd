/** Twenty isolates of a region, one of them busy: what its discovery spares the others. */
import { seeded } from '../random.ts'
import { createEvents } from './resilienceEvents.ts'
import { type Isolate, isolate, OUTLIER_RULES } from './resilienceOutliers.ts'

const ISOLATES = 20
const ENDPOINTS = 10
const FAILS_FROM = 30_000
const UNTIL = 180_000
const REPORT_EVERY_MS = 5_000
/** A report reaches the other isolates with their next sync. */
const SYNC_MS = 1_000

export interface RegionFigures {
	/** Failures that the nineteen quiet isolates passed on to their callers. */
	readonly failedElsewhere: number
	/** Until the last isolate left the endpoint alone. */
	readonly allKnowAfterMs: number
	readonly mostEjected: number
}

/** Endpoint 0 fails every request from then on. `liar`: one isolate reports every endpoint with every report, forever. */
export function region(seed: number, shares: boolean, liar = false): RegionFigures {
	const random = seeded(seed)
	const events = createEvents()
	let lastSent = FAILS_FROM
	const isolates: readonly Isolate[] = Array.from({ length: ISOLATES }, (_, i) =>
		isolate(events, random, {
			rules: OUTLIER_RULES,
			endpoints: ENDPOINTS,
			perSecond: i === 0 ? 100 : 5,
			until: UNTIL,
			failureShare: (endpoint, now) => (endpoint === 0 && now >= FAILS_FROM ? 1 : 0),
			onSent: (endpoint, now) => {
				const isNew = isolates[i]!.states[0]!.ejectedUntil === 0
				if (endpoint === 0 && now > FAILS_FROM && isNew) lastSent = now
			},
		}),
	)
	const all = Array.from({ length: ENDPOINTS }, (_, i) => ({ id: String(i), until: Number.MAX_SAFE_INTEGER }))
	const exchange = () => {
		const reports = isolates.map((it, i) => (liar && i === 1 ? all : it.report()))
		events.after(SYNC_MS * random(), () => {
			if (shares) for (const it of isolates) it.learn(reports.flat())
		})
		if (events.now < UNTIL) events.after(REPORT_EVERY_MS, exchange)
	}
	events.after(REPORT_EVERY_MS * random(), exchange)
	events.runUntil(UNTIL + 1_000)
	return {
		failedElsewhere: isolates.slice(1).reduce((sum, it) => sum + it.failed[0]!, 0),
		allKnowAfterMs: lastSent - FAILS_FROM,
		mostEjected: Math.max(...isolates.map(({ mostEjected }) => mostEjected)),
	}
}
