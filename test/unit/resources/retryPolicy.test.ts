/** What may be tried again beyond what is always safe. */
import { expect, test } from 'vitest'
import { parsed, problems, retryPolicy, times } from './fixtures.ts'

test.each([
	[{ methods: ['POST', 'PATCH', 'M-SEARCH'], maxBodyBytes: 1_048_576 }, []],
	[{ maxBodyBytes: 0 }, []],
	[{ methods: ['CONNECT'] }, ['methods[0]: must not be CONNECT: a tunnel cannot be sent again']],
	[{ methods: ['post'] }, ['methods[0]: must be an HTTP method in upper case']],
	[{ methods: ['POST\r\n'] }, ['methods[0]: must be an HTTP method in upper case']],
	[{ methods: times(17, (i) => `M${i}`) }, ['methods: must have at most 16 entries']],
	[{ maxBodyBytes: -1 }, ['maxBodyBytes: must be at least 0']],
	[{ maxBodyBytes: 1_048_577 }, ['maxBodyBytes: must be at most 1,048,576']],
])('judges %j', (spec, expected) => {
	expect(problems(retryPolicy(spec))).toEqual(expected.map((problem) => `spec.${problem}`))
})

test('a policy that says nothing widens nothing', () => {
	const spec = { methods: [], maxBodyBytes: 65_536 }
	expect(parsed(retryPolicy(undefined)).spec).toEqual(spec)
	expect(parsed(retryPolicy({ methods: [] })).spec).toEqual(spec)
	expect(parsed(retryPolicy({ methods: ['POST', 'POST'] })).spec).toMatchObject({ methods: ['POST'] })
})
