/** What trouble may be made. */
import { expect, test } from 'vitest'
import { faultInjection, parsed, problems, times } from './fixtures.ts'

const limit = 'must be a whole number of at most six digits, above 0, with kbps, Mbps or Gbps, e.g. 50kbps'
test.each([
	[{ delay: { fixedDelay: '1ms' } }, []],
	[{ delay: { fixedDelay: '1h', percent: 0.0001 } }, []],
	[{ abort: { httpStatus: 200 }, bandwidth: { limit: '8gbps', fraction: { numerator: 1 } } }, []],
	[{}, [': must have at least one of delay, abort and bandwidth']],
	[{ matches: [{}], sources: [{}] }, [': must have at least one of delay, abort and bandwidth']],
	[{ delay: {} }, ['.delay.fixedDelay: is required']],
	[{ delay: { fixedDelay: '0s' } }, ['.delay.fixedDelay: must be at least 1ms']],
	[{ delay: { fixedDelay: '1h1ms' } }, ['.delay.fixedDelay: must be at most 1h']],
	[{ delay: { fixedDelay: '1s', percent: 100.5 } }, ['.delay.percent: must be at most 100']],
	[
		{ delay: { fixedDelay: '1s', percent: 1, fraction: { numerator: 1 } } },
		['.delay.fraction: must be left out beside percent'],
	],
	[{ abort: { httpStatus: 199 } }, ['.abort.httpStatus: must be at least 200']],
	[{ abort: { httpStatus: 600 } }, ['.abort.httpStatus: must be at most 599']],
	[
		{ abort: { httpStatus: 500, percent: 1, fraction: { numerator: 1 } } },
		['.abort.fraction: must be left out beside percent'],
	],
	[{ bandwidth: { limit: '50' } }, [`.bandwidth.limit: ${limit}`]],
	[{ bandwidth: { limit: '0kbps' } }, [`.bandwidth.limit: ${limit}`]],
	[
		{ bandwidth: { limit: '1kbps', percent: 1, fraction: { numerator: 1 } } },
		['.bandwidth.fraction: must be left out beside percent'],
	],
	[{ abort: { httpStatus: 500 }, matches: times(65, () => ({})) }, ['.matches: must have at most 64 entries']],
	[
		{ abort: { httpStatus: 500 }, matches: [{ path: { value: 'a' } }] },
		[".matches[0].path.value: must begin with '/'"],
	],
])('judges %j', (spec, expected) => {
	expect(problems(faultInjection(spec))).toEqual(expected.map((problem) => `spec${problem}`))
})

test('without matches, sources and shares it troubles every request', () => {
	expect(parsed(faultInjection({ abort: { httpStatus: 503 } })).spec).toEqual({
		matches: [],
		sources: [],
		abort: { httpStatus: 503 },
	})
})
