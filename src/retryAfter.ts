/** When a server says itself when to come back: the wait that Retry-After asks for (RFC 9110 §10.2.3). */

const SECONDS = /^\d{1,10}$/
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
/** The three forms of an HTTP-date (RFC 9110 §5.6.7): today's, RFC 850's and asctime's. All are UTC. */
const DATES = [
	/^[A-Z][a-z]{2}, (?<day>\d{2}) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/,
	/^[A-Z][a-z]{5,8}, (?<day>\d{2})-(?<month>[A-Z][a-z]{2})-(?<year>\d{2}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/,
	/^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) (?<time>\d{2}:\d{2}:\d{2}) (?<year>\d{4})$/,
]

/** The field in ms from `now`; 0 for a date that is past, undefined when it is absent or says anything else. */
export function retryAfterMs(value: string | null, now: number): number | undefined {
	if (value === null) return undefined
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
