/** Sends what the observer counted to the region's telemetry store, in batches, beside the path, each once; and brings the answers. */
import type { Report, ReportAnswer } from '../../ports.ts'
import type { Scope } from '../ports.ts'

export interface ReportingPorts {
	/** What was counted since the last report; undefined when nothing was. */
	readonly take: () => Report | undefined | Promise<Report | undefined>
	readonly send: (report: Report) => Promise<ReportAnswer | undefined>
	/** Told what each report was answered. */
	readonly learn: (answer: ReportAnswer | undefined) => void
	/** Whether to report now, this long after the interval began. */
	readonly isUrgent: (waitedMs: number) => boolean
	/** Settles after this long; only ever called inside `waitUntil`. */
	readonly wait: (ms: number) => Promise<void>
}

/**
 * One report in five seconds: each costs the store a row per series that changed, and scrapers look every fifteen. At 1,000
 * requests a second that is 0.0002 calls per request.
 */
export const REPORT_INTERVAL_MS = 5_000
/**
 * So often is asked whether something cannot wait that long. Reports come a second apart at least, as syncs do: both together are
 * 0.002 calls per request in the worst case.
 */
const LOOK_EVERY_MS = 1_000
/** A report under way for longer belongs to a request that was cancelled. */
const STUCK_AFTER_MS = 15_000

/**
 * Makes a function to call at every request. The first call after a pause waits an interval beside its own request and then
 * reports, so the last requests before a silence are told too. A report that fails is kept and sent again, with its number.
 */
export function reporter({ take, send, learn, isUrgent, wait }: ReportingPorts): (now: number, scope: Scope) => void {
	let waitingSince = 0
	let unsent: Report | undefined

	/** A store that did not take the last report is not hurried. */
	const interval = async () => {
		let waitedMs = 0
		do {
			await wait(LOOK_EVERY_MS)
			waitedMs += LOOK_EVERY_MS
		} while (waitedMs < REPORT_INTERVAL_MS && (unsent !== undefined || !isUrgent(waitedMs)))
	}

	const reportSoon = async () => {
		try {
			await interval()
			if (unsent !== undefined) learn(await send(unsent))
			unsent = await take()
			if (unsent !== undefined) learn(await send(unsent))
			unsent = undefined
		} catch (error) {
			// Kept in `unsent` for the next interval, unless the store refuses the report itself: it would refuse it again.
			if (error instanceof TypeError) unsent = undefined
		} finally {
			waitingSince = 0
		}
	}

	return (now, scope) => {
		if (waitingSince !== 0 && now - waitingSince < STUCK_AFTER_MS) return
		waitingSince = now
		scope.waitUntil(reportSoon())
	}
}
