/** What holds for the attempts of a request, where rule, route, Service, namespace and mesh all have a word. */
import { describe, expect, it } from 'vitest'
import { MESH_PART, namespacePart } from '../../../../src/names.ts'
import { compileRule } from '../../../../src/proxy/compile/compileRule.ts'
import { compileService } from '../../../../src/proxy/compile/compileService.ts'
import { LOST_CONNECTION } from '../../../../src/proxy/compile/defaultTraffic.ts'
import { admit } from '../../../../src/proxy/exchange.ts'
import { policyFor } from '../../../../src/proxy/sending/attemptPolicy.ts'
import type { RetryRule } from '../../../../src/snapshot/filters.ts'
import type { Rule } from '../../../../src/snapshot/snapshot.ts'
import type { TrafficRules } from '../../../../src/snapshot/trafficPolicy.ts'
import { CONTEXT } from '../compile/compiled.ts'
import { rule } from '../knowledge/fakeReplica.ts'
import { serving, timed } from '../timedProxy.ts'

const retry = (attempts: number): RetryRule => ({ attempts, codes: [], backoffMs: 25, methods: [], maxBodyBytes: 0 })
const sections = (n: number): TrafficRules => ({
	timeouts: { requestMs: n * 100 },
	retry: retry(n),
	hedging: { after: { ms: n }, maxExtra: 1 },
	retryBudget: { of: 'active', share: n / 10, minimumConcurrency: n },
})

function policyOf(ofRule: Partial<Rule>, ofService: TrafficRules, headers: Record<string, string> = {}) {
	const exchange = admit(new Request('http://h.test/', { headers }), 0, () => 0)
	const part = { kind: 'service', service: 'd/s', endpoints: [] } as const
	exchange.service = compileService(part, new Map(), () => 0, { ...CONTEXT, traffic: ofService })
	return policyFor(exchange, compileRule({ ...rule('r', '', 'd/s'), ...ofRule }, '').plan?.())
}

it('the nearest one’s section counts: the rule’s own field, its policies, the Service’s', () => {
	const own = { timeouts: { requestMs: 1 }, retry: retry(9) }
	expect(policyOf({ ...own, traffic: sections(2) }, sections(3))).toMatchObject({
		...own,
		hedging: sections(2).hedging,
	})
	const { timeouts, retry: ofPolicy, hedging, retryBudget } = sections(2)
	expect(policyOf({ traffic: sections(2) }, sections(3))).toMatchObject({
		timeouts,
		retry: ofPolicy,
		hedging,
		budget: retryBudget,
	})
	expect(policyOf({}, sections(3))).toMatchObject({
		timeouts: { requestMs: 300 },
		retry: retry(3),
		hedging: { after: { ms: 3 } },
	})
})

it('a policy that has no word on a section leaves it to the next', () => {
	const { hedging } = sections(2)
	const policy = policyOf({ traffic: { hedging: hedging! } }, { timeouts: { requestMs: 5 } })
	expect(policy).toMatchObject({ hedging, timeouts: { requestMs: 5 }, retry: LOST_CONNECTION })
})

it('a word that switches off what holds farther away is one: no timeouts, no retries', () => {
	expect(policyOf({ traffic: { timeouts: {}, retry: retry(0) } }, sections(3))).toMatchObject({
		timeouts: {},
		retry: { attempts: 0 },
	})
})

it('a switched protocol is not hedged', () => {
	expect(policyOf({}, sections(3), { upgrade: 'websocket' }).hedging).toBe(undefined)
})

describe.each<[string, string | undefined, number | undefined, boolean]>([
	['none', undefined, 300, false],
	['a longer one', '400', 300, false],
	['one as long', '300', 300, false],
	['a shorter one', '200', 200, true],
	['one that is none', 'x', 300, false],
])('with a deadline of the caller, %s', (_, value, requestMs, isHurried) => {
	it('the caller is in a hurry only if it gives less time than the mesh', () => {
		const headers: Record<string, string> = value === undefined ? {} : { 'selvedge-deadline': value }
		expect(policyOf({}, sections(3), headers)).toMatchObject({ timeouts: { requestMs }, isHurried })
	})
})

it('namespace and mesh stand in where the Service has no word, and a change of either counts at once', async () => {
	const proxy = await timed({
		...serving({ retry: retry(0) }, ['a']),
		[namespacePart('d')]: { kind: 'namespace', namespace: 'd', traffic: { timeouts: { requestMs: 200 } } },
		[MESH_PART]: {
			...{ kind: 'mesh', egress: 'registryOnly', defaultAccess: 'open' },
			traffic: { timeouts: { requestMs: 900 }, retry: retry(5) },
		},
	} as ReturnType<typeof serving>)
	await proxy.get()
	expect(proxy.sent.at(-1)!.timeoutMs).toBe(200)
	proxy.replica.change({ [namespacePart('d')]: null })
	await proxy.pass(2_000)
	await proxy.get()
	await proxy.get()
	expect(proxy.sent.at(-1)!.timeoutMs).toBe(900)
})
