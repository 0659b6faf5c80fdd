/** Which requests are the first of their kind, and how much of that an isolate remembers. */
import { describe, expect, it } from 'vitest'
import { ruleTo } from '../../../../src/proxy/compile/compileRule.ts'
import { admit, type Exchange } from '../../../../src/proxy/exchange.ts'
import { createRoutingTable } from '../../../../src/proxy/knowledge/routingTable.ts'
import { createChoice, type Verdict } from '../../../../src/proxy/observing/sampleChoice.ts'
import { DOMAIN } from '../knowledge/fakeReplica.ts'
import { NOW, serviceNamed } from './observed.ts'

/** Nothing is drawn, and nothing of what is chosen is taken: what is left is who comes first. */
function firsts() {
	const choice = createChoice(createRoutingTable(DOMAIN, () => 1))
	const exchange = admit(new Request('http://h.test/'), NOW, () => 0)
	return (
		rule: Exchange['rule'],
		caller: string,
		service = 'd/a',
		verdict: Verdict = 'allowed',
		now = NOW,
	): boolean => {
		exchange.service = serviceNamed(service)
		if (rule === undefined) delete exchange.rule
		else exchange.rule = rule
		const spiffeId = `spiffe://${DOMAIN}/ns/d/sa/${caller}`
		exchange.caller = { spiffeId, method: 'WorkloadProof', reused: false }
		return choice.isChosen(exchange, verdict, now)
	}
}

describe('the first of its kind', () => {
	it('is told by rule, service, caller and verdict, for a minute', () => {
		const isFirst = firsts()
		const [rule, other] = [ruleTo('d/a'), ruleTo('d/a')]
		const kinds = [
			() => isFirst(rule, 'a'),
			() => isFirst(other, 'a'),
			() => isFirst(undefined, 'a'),
			() => isFirst(rule, 'b'),
			() => isFirst(rule, 'a', 'd/b'),
			() => isFirst(rule, 'a', 'd/a', 'refused'),
			() => isFirst(rule, 'a', 'd/a', 'unasked'),
		]
		for (const expected of [true, false]) expect(kinds.map((kind) => kind())).toEqual(kinds.map(() => expected))
		expect(isFirst(rule, 'a', 'd/a', 'allowed', NOW + 59_999)).toBe(false)
		expect(isFirst(rule, 'a', 'd/a', 'allowed', NOW + 60_000)).toBe(true)
		expect(isFirst(rule, 'a', 'd/a', 'refused', NOW + 60_001)).toBe(true)
	})

	it('is remembered of 500 callers of a rule, whatever others are called by', () => {
		const isFirst = firsts()
		const [busy, quiet] = [ruleTo('d/a'), ruleTo('d/a')]
		isFirst(quiet, 'x')
		for (let i = 0; i < 500; i++) isFirst(busy, `w${i}`)
		expect([isFirst(busy, 'w0'), isFirst(busy, 'w499')]).toEqual([false, false])
		isFirst(busy, 'w500')
		expect([isFirst(busy, 'w500'), isFirst(busy, 'w0'), isFirst(quiet, 'x')]).toEqual([false, true, false])
	})

	it('is remembered of 1,000 callers of all rules, and of none that a rule has forgotten', () => {
		const isFirst = firsts()
		const rules = Array.from({ length: 3 }, () => ruleTo('d/a'))
		const call = (rule: number, n: number) => {
			for (let i = 0; i < n; i++) isFirst(rules[rule], `w${i}`)
		}
		// The first rule begins anew at its 501st: 100 are left of it, and 900 with the others.
		call(0, 600)
		call(1, 400)
		call(2, 400)
		expect([isFirst(rules[1], 'w0'), isFirst(rules[2], 'w399')]).toEqual([false, false])
		call(2, 500)
		expect(isFirst(rules[1], 'w0')).toBe(false)
		isFirst(undefined, 'one')
		expect([isFirst(rules[1], 'w0'), isFirst(undefined, 'one')]).toEqual([true, false])
	})
})
