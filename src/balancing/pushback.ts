/** Pushback: an endpoint that asks for less gets less, until the time that it names, and then little by little more. */
import type { PushbackRules } from '../snapshot/trafficPolicy.ts'

export interface Pushback {
	/** When the share was last lowered. Times are in ms since the epoch. */
	readonly since: number
	/** Until when it stays so. */
	readonly until: number
	/** When it will be whole again. */
	readonly over: number
	/** The factor of the endpoint's weight until then. */
	readonly factor: number
}

/** Halving, and then growing steadily, is what makes shares fair (Chiu and Jain, 1989: additive increase, multiplicative decrease). */
const DECREASE = 0.5
/** Never nothing: where all ask for less, somebody must serve. */
const LEAST_FACTOR = 1 / 32
const SHORTEST_RECOVERY_MS = 1_000

/**
 * How long a response asks for less, in ms; undefined when it does not. 429 always does, 503 with a Retry-After: without one it is a
 * failure like others. A Retry-After that cannot be read counts as the default.
 */
export function pushbackMs(
	status: number,
	retryAfter: string | null,
	rules: PushbackRules,
	now: number,
): number | undefined {
	if (status !== 429 && (status !== 503 || retryAfter === null)) return undefined
	const asked = retryAfter === null ? undefined : retryAfterMs(retryAfter, now)
	return Math.min(asked ?? rules.defaultMs, rules.maxMs)
}

/**
 * The endpoint's state after it has asked for less for `forMs`. Each time halves its share, down to 1/32. Answers to requests from
 * before the last time (`sentAt`) know nothing of the lower share and only prolong it.
 */
export function pushedBack(before: Pushback | undefined, forMs: number, sentAt: number, now: number): Pushback {
	const until = Math.max(now + forMs, before?.until ?? 0)
	const over = Math.max(until + Math.max(forMs, SHORTEST_RECOVERY_MS), before?.over ?? 0)
	if (before !== undefined && sentAt < before.since && now < before.until) return { ...before, until, over }
	return { since: now, until, over, factor: Math.max(pushbackFactor(before, now) * DECREASE, LEAST_FACTOR) }
}

/** The factor of an endpoint's weight, above 0 and up to 1: low until the time asked for, growing to 1 in as long again. */
export function pushbackFactor(pushback: Pushback | undefined, now: number): number {
	if (pushback === undefined || now >= pushback.over) return 1
	const { until, over, factor } = pushback
	return now <= until ? factor : factor + ((1 - factor) * (now - until)) / (over - until)
}

const SECONDS = /^\d{1,10}$/
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
/** The three forms of an HTTP-date (RFC 9110 §5.6.7): today's, RFC 850's and asctime's. All are UTC. */
const DATES = [
	/^[A-Z][a-z]{2}, (?<day>\d{2}) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/,
	/^[A-Z][a-z]{5,8}, (?<day>\d{2})-(?<month>[A-Z][a-z]{2})-(?<year>\d{2}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/,
	/^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) (?<time>\d{2}:\d{2}:\d{2}) (?<year>\d{4})$/,
]

/** The wait that a Retry-After asks for (RFC 9110 §10.2.3), in ms; 0 for a date that is past, undefined for anything else. */
export function retryAfterMs(value: string, now: number): number | undefined {
	const text = value.trim()
	if (SECONDS.test(text)) return Number(text) * 1_000
	for (const form of DATES) {
		const date = form.exec(text)?.groups
		if (date === undefined) continue
		const at = instantOf(date, now)
		return at === undefined ? undefined : Math.max(0, at - now)
	}
	return undefined
}

function instantOf(date: Readonly<Record<string, string>>, now: number): number | undefined {
	const [hour, minute, second] = date.time!.split(':').map(Number) as [number, number, number]
	const month = MONTHS.indexOf(date.month!)
	const day = Number(date.day)
	const at = new Date(Date.UTC(fullYear(date.year!, now), month, day, hour, minute, Math.min(second, 59)))
	// A day that the month does not have would be one of the next month.
	const isReal = month >= 0 && at.getUTCDate() === day && hour < 24 && minute < 60 && second <= 60
	return isReal ? at.getTime() : undefined
}

/** Two digits mean the last such year that lies at most 50 years ahead (RFC 9110 §5.6.7). */
function fullYear(digits: string, now: number): number {
	if (digits.length === 4) return Number(digits)
	const last = new Date(now).getUTCFullYear() + 50
	return last - ((last - Number(digits)) % 100)
}
