/** Which callers, users and share of the requests a rule may ask for. */
import { expect, test } from 'vitest'
import { problems, times, trafficMatch } from './fixtures.ts'

const ofUsers =
	'must be one of request.auth.principal, request.auth.audiences, request.auth.presenter, request.auth.claims[<name>]'

test.each([
	[{ sources: [{}] }, []],
	[{ sources: [{ namespace: 'shop' }, { workload: 'web' }], percent: 12.5 }, []],
	[{ fraction: { numerator: 1, denominator: 3 } }, []],
	[{ percent: 0 }, []],
	[{}, [': must have at least one of sources, when, percent and fraction']],
	[{ sources: [] }, [': must have at least one of sources, when, percent and fraction']],
	[{ when: [{ key: 'request.auth.claims[groups]', values: ['group1', 'group2*'] }] }, []],
	[
		{
			when: [
				{ key: 'request.auth.claims[realm_access][roles]', notValues: ['*'] },
				{ key: 'request.auth.principal', values: ['https://id.example/*'], notValues: ['https://id.example/eve'] },
				{ key: 'request.auth.audiences', values: ['shop'] },
				{ key: 'request.auth.presenter', values: ['app'] },
			],
			percent: 5,
		},
		[],
	],
	[{ when: [] }, ['.when: must have at least 1 entry']],
	[
		{ when: times(65, () => ({ key: 'request.auth.presenter', values: ['a'] })) },
		['.when: must have at most 64 entries'],
	],
	[{ when: [{ key: 'request.auth.presenter' }] }, ['.when[0]: must have at least one of values and notValues']],
	[{ when: [{ key: 'request.auth.presenter', values: [] }] }, ['.when[0].values: must have at least 1 entry']],
	[
		{ when: [{ key: 'request.auth.presenter', values: ['a*b'] }] },
		[".when[0].values[0]: must be exact, 'abc*', '*abc' or '*': one '*', at an end"],
	],
	[{ when: [{ key: 'source.ip', values: ['x'] }] }, [`.when[0].key: ${ofUsers}`]],
	[{ when: [{ key: 'request.headers[x]', values: ['x'] }] }, [`.when[0].key: ${ofUsers}`]],
	[{ when: [{ key: 'request.auth.claims[]', values: ['x'] }] }, [`.when[0].key: ${ofUsers}`]],
	[{ when: [{ key: 'connection.sni', values: ['x'] }] }, [`.when[0].key: ${ofUsers}`]],
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
