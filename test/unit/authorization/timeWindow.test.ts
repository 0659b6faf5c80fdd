/** Hours of the week, on the clocks of several places. */
import { describe, expect, it } from 'vitest'
import { checkTimeWindow, isInWindow, parseTimeWindow } from '../../../src/authorization/timeWindow.ts'
import { matches } from './asked.ts'

/** 5 January 2026 was a Monday. */
const at = (time: string) => Date.parse(`2026-01-${time}Z`)
const holds = (window: string, time: string) => isInWindow(parseTimeWindow(window)!, at(time))

describe('a window', () => {
	it.each([
		['08:00-18:00', ['05T08:00:00', '05T17:59:59.999', '10T12:00'], ['05T07:59:59.999', '05T18:00:00']],
		['Mon-Fri 08:00-18:00', ['05T08:00', '09T17:59'], ['10T12:00', '11T12:00', '04T12:00']],
		['Mon,Wed 08:00-18:00', ['05T12:00', '07T12:00'], ['06T12:00', '08T12:00']],
		['Mon-Tue,Sat 08:00-18:00', ['06T12:00', '10T12:00'], ['07T12:00', '11T12:00']],
		['Fri-Mon 08:00-18:00', ['09T12:00', '10T12:00', '11T12:00', '12T12:00'], ['06T12:00', '08T12:00']],
		['Sun 00:00-24:00', ['11T00:00', '11T23:59:59'], ['10T23:59:59', '12T00:00']],
		['Mon-Mon 00:00-24:00', ['05T12:00'], ['06T12:00', '04T12:00']],
		['22:00-06:00', ['05T22:00', '05T23:59', '05T00:00', '05T05:59'], ['05T06:00', '05T21:59']],
		['Fri 22:00-06:00', ['09T22:00', '10T05:59'], ['09T05:59', '10T22:00', '10T06:00']],
		['Sat 22:00-06:00', ['10T22:00', '11T05:00'], ['11T22:00', '10T05:00']],
		['Sun 12:00-00:00', ['11T23:59'], ['12T00:00', '11T11:59']],
		['Mon-Fri 08:00-18:00 +01:00', ['05T07:00', '09T16:59'], ['05T06:59', '09T17:00']],
		['Mon 00:00-24:00 +14:00', ['04T10:00', '05T09:59'], ['04T09:59', '05T10:00']],
		['Mon 00:00-24:00 -05:30', ['05T05:30', '06T05:29'], ['05T05:29', '06T05:30']],
		['Sun 23:00-01:00 -01:00', ['12T00:00', '12T01:59'], ['11T23:59', '12T02:00']],
		['12:00-13:00 +00:00', ['05T12:00'], ['05T13:00']],
	])('%s holds at %j and not at %j', (window, inside, outside) => {
		expect(inside.filter((time) => !holds(window, time))).toEqual([])
		expect(outside.filter((time) => holds(window, time))).toEqual([])
		expect(checkTimeWindow(window)).toBeUndefined()
	})

	it('holds before 1970 as well', () => {
		// 31 December 1969 was a Wednesday.
		expect(isInWindow(parseTimeWindow('Wed 12:00-13:00')!, Date.parse('1969-12-31T12:30Z'))).toBe(true)
		expect(isInWindow(parseTimeWindow('Thu 12:00-13:00')!, Date.parse('1969-12-31T12:30Z'))).toBe(false)
	})

	it.each([
		'',
		'Mon',
		'Mon-Fri',
		'8:00-18:00',
		'08:00',
		'08:00-08:00',
		'08:60-18:00',
		'08:00-24:01',
		'24:00-06:00',
		'25:00-26:00',
		'mon 08:00-18:00',
		'Monday 08:00-18:00',
		'Mon- 08:00-18:00',
		'Mon-Tue-Wed 08:00-18:00',
		'Mon, Wed 08:00-18:00',
		',Mon 08:00-18:00',
		'Mon-Fri  08:00-18:00',
		'08:00-18:00 Mon',
		'08:00-18:00 CET',
		'08:00-18:00 +1',
		'08:00-18:00 +14:01',
		'08:00-18:00 -15:00',
		'08:00-18:00 +01:60',
		'08:00-18:00 ',
		'*',
	])('is not %j', (text) => {
		expect(parseTimeWindow(text)).toBeUndefined()
		expect(checkTimeWindow(text)).toMatch(/^must be days, times and offset/)
	})

	it('that is none admits nobody and refuses everybody', () => {
		const when = (lists: object) => matches({ when: [{ key: { of: 'time' }, ...lists }] })
		expect(when({ values: ['at night'] })).toEqual({ admits: false, refuses: true })
		expect(when({ notValues: ['at night'] })).toEqual({ admits: false, refuses: true })
	})
})
