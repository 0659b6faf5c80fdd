/** Which callers and which share of the requests a rule may ask for. */
import { expect, test } from 'vitest'
import { problems, times, trafficMatch } from './fixtures.ts'

test.each([
	[{ sources: [{}] }, []],
	[{ sources: [{ namespace: 'shop' }, { workload: 'web' }], percent: 12.5 }, []],
	[{ fraction: { numerator: 1, denominator: 3 } }, []],
	[{ percent: 0 }, []],
	[{}, [': must have at least one of sources, percent and fraction']],
	[{ sources: [] }, [': must have at least one of sources, percent and fraction']],
	[{ percent: 1, fraction: { numerator: 1 } }, ['.fraction: must be left out beside percent']],
	[{ sources: times(65, () => ({})) }, ['.sources: must have at most 64 entries']],
	[
		{ sources: [{ workload: 'a--b' }] },
		[".sources[0].workload: must not contain '--', which joins service and namespace in mesh hosts"],
	],
	[{ sources: [{ name: 'a' }] }, ['.sources[0].name: is not a field here; must be one of namespace, workload']],
])('judges %j', (spec, expected) => {
	expect(problems(trafficMatch(spec))).toEqual(expected.map((problem) => `spec${problem}`))
})
