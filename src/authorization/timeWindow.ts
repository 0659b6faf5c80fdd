/** Hours of the week in which a condition holds: `Mon-Fri 08:00-18:00 +01:00`. */

export interface TimeWindow {
	/** Whether it opens on each day, from Sunday. */
	readonly days: readonly boolean[]
	/** Minutes after midnight; the end is not in it. An end before the start is on the next day. */
	readonly start: number
	readonly end: number
	/** Of its clock, ahead of UTC. */
	readonly offsetMinutes: number
}

const DAYS: readonly string[] = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
/** 1 January 1970 was a Thursday. */
const FIRST_DAY = 4
const DAY_MINUTES = 1_440
/** Of the clocks that there are, the one in Kiribati is farthest ahead. */
const MAX_OFFSET_MINUTES = 14 * 60

const SHAPE = /^(?:(\S+) )?(\d{2}):([0-5]\d)-(\d{2}):([0-5]\d)(?: ([+-])(\d{2}):([0-5]\d))?$/

/** Days and the offset may be left out: every day, UTC. Undefined: no such window, or one that ends as it begins. */
export function parseTimeWindow(text: string): TimeWindow | undefined {
	const found = SHAPE.exec(text)
	if (found === null) return undefined
	const [, dayText, startHour, startMinute, endHour, endMinute, sign, offsetHour, offsetMinute] = found
	const days = daysOf(dayText)
	const start = Number(startHour) * 60 + Number(startMinute)
	const end = Number(endHour) * 60 + Number(endMinute)
	const offsetMinutes = (sign === '-' ? -1 : 1) * (Number(offsetHour ?? 0) * 60 + Number(offsetMinute ?? 0))
	if (days === undefined || start >= DAY_MINUTES || end > DAY_MINUTES || start === end) return undefined
	return Math.abs(offsetMinutes) > MAX_OFFSET_MINUTES ? undefined : { days, start, end, offsetMinutes }
}

/** What is wrong with a window, as a sentence that says what would be right; undefined when it is one. */
export const checkTimeWindow = (text: string): string | undefined =>
	parseTimeWindow(text) === undefined
		? "must be days, times and offset, e.g. 'Mon-Fri 08:00-18:00 +01:00', '22:00-06:00' or 'Mon,Wed 00:00-24:00'"
		: undefined

/** `now` in ms since 1970. What runs over midnight belongs to the day on which it began. */
export function isInWindow({ days, start, end, offsetMinutes }: TimeWindow, now: number): boolean {
	const minute = Math.floor(now / 60_000) + offsetMinutes
	const day = Math.floor(minute / DAY_MINUTES)
	const time = minute - day * DAY_MINUTES
	if (start < end) return opensOn(days, day) && time >= start && time < end
	return time >= start ? opensOn(days, day) : time < end && opensOn(days, day - 1)
}

/** `day` since 1970. */
const opensOn = (days: readonly boolean[], day: number): boolean => days[(((day + FIRST_DAY) % 7) + 7) % 7]!

/** `Mon`, `Mon-Fri`, `Fri-Mon`, `Mon,Wed-Fri`. */
function daysOf(text: string | undefined): readonly boolean[] | undefined {
	const days = DAYS.map(() => text === undefined)
	for (const part of text?.split(',') ?? []) {
		const [first, last = first, ...rest] = part.split('-').map((name) => DAYS.indexOf(name))
		if (first === undefined || first < 0 || last === undefined || last < 0 || rest.length > 0) return undefined
		for (let day = first; ; day = (day + 1) % 7) {
			days[day] = true
			if (day === last) break
		}
	}
	return days
}
