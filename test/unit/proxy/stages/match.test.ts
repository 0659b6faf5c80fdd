/** The stage that finds a request's rule. */
import { expect, it } from 'vitest'
import { fakeProxy, verdict } from '../fakeProxy.ts'
import { head, rule, service, slice } from '../knowledge/fakeReplica.ts'

it.each([
	['http://routed.test/api/x', 200, 'http://a.test/api/x'],
	['http://routed.test/apix', 'no_matching_rule', undefined],
	['http://plain.test/anything?x=1', 200, 'http://b.test/anything?x=1'],
	['http://empty.test/', 'no_matching_rule', undefined],
])('%s: %s', async (url, outcome, sent) => {
	const proxy = fakeProxy()
	proxy.replica.change({
		...head('routed.test', 'd/b'),
		...slice('routed.test', 'r', [rule('api', '/api', 'd/a')]),
		...head('plain.test', 'd/b'),
		...head('empty.test'),
		...service('d/a', { id: 'a' }),
		...service('d/b', { id: 'b' }),
	})
	expect(await verdict(proxy.get(url))).toBe(outcome)
	expect(proxy.sent[0]?.url).toBe(sent)
})
