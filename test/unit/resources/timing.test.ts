/** How long requests may take, and when they are tried again. */
import { expect, test } from 'vitest'
import { parsedRule, ruleProblems, times } from './fixtures.ts'

const shape = 'must be a duration: one to four whole numbers, each with h, m, s or ms, e.g. 1m30s'
test.each([
	[{}, []],
	[{ request: '0s', backendRequest: '1h' }, []],
	[{ request: '1s', backendRequest: '1000ms' }, []],
	[{ request: '1s', backendRequest: '0s' }, []],
	[{ request: '24h' }, []],
	[{ request: '1s', backendRequest: '1s1ms' }, ['timeouts.backendRequest: must be at most request, which is 1s']],
	[{ request: '24h1ms' }, ['timeouts.request: must be at most 24h']],
	[{ backendRequest: '25h' }, ['timeouts.backendRequest: must be at most 24h']],
	[{ request: '1.5s' }, [`timeouts.request: ${shape}`]],
	[{ request: '-1s' }, [`timeouts.request: ${shape}`]],
	[{ request: '' }, [`timeouts.request: ${shape}`]],
	[{ request: 10 }, ['timeouts.request: must be a string, in quotes']],
	[{ idle: '1s' }, ['timeouts.idle: is not a field here; must be one of request, backendRequest']],
])('judges timeouts %j', (timeouts, expected) => {
	expect(ruleProblems({ timeouts })).toEqual(expected)
})

test.each([
	[{}, []],
	[{ codes: [400, 599], attempts: 10, backoff: '1m' }, []],
	[{ attempts: 0, backoff: '1ms' }, []],
	[{ codes: [399] }, ['retry.codes[0]: must be at least 400']],
	[{ codes: [600] }, ['retry.codes[0]: must be at most 599']],
	[{ codes: [500, 503, 500] }, ['retry.codes[2]: must be unique: entry 0 is this code']],
	[{ codes: ['500'] }, ['retry.codes[0]: must be a number']],
	[{ codes: times(65, (i) => 400 + i) }, ['retry.codes: must have at most 64 entries']],
	[{ attempts: -1 }, ['retry.attempts: must be at least 0']],
	[{ attempts: 11 }, ['retry.attempts: must be at most 10']],
	[{ attempts: 1.5 }, ['retry.attempts: must be a whole number']],
	[{ backoff: '0s' }, ['retry.backoff: must be at least 1ms']],
	[{ backoff: '1m1ms' }, ['retry.backoff: must be at most 1m']],
])('judges a retry %j', (retry, expected) => {
	expect(ruleProblems({ retry })).toEqual(expected)
})

test('durations stay as they are written; one try follows the first unless it says otherwise', () => {
	expect(parsedRule({ timeouts: { request: '60s' }, retry: {} })).toMatchObject({
		timeouts: { request: '60s' },
		retry: { codes: [], attempts: 1 },
	})
})
