/** A route's rules, compiled: what they match, and where they send. */
import { describe, expect, it } from 'vitest'
import { createRuleIndex, findCandidate, indexesFor } from '../../../../src/matching/ruleIndex.ts'
import type { CompiledRule } from '../../../../src/proxy/compile/compileRule.ts'
import { addSlice, compileSlice, removeSlice } from '../../../../src/proxy/compile/compileSlice.ts'
import { admit } from '../../../../src/proxy/exchange.ts'
import { regexProgram } from '../../../../src/snapshot/routes/regexProgram.ts'
import type { Backend, Match, RouteSlice, Rule } from '../../../../src/snapshot/snapshot.ts'
import { seeded } from '../../../random.ts'

const SEED = 11
const prefix = (value: string, more: Partial<Match> = {}): Match => ({ path: { type: 'PathPrefix', value }, ...more })
const ruleOf = (name: string, matches: Match[], backends: Backend[] = [{ weight: 1, service: 'd/s' }]): Rule => ({
	name,
	matches,
	backends,
})
const sliceOf = (rules: Rule[], more: Partial<RouteSlice> = {}): RouteSlice => ({
	kind: 'routeSlice',
	route: 'd/r',
	createdAt: 0,
	hostnames: [],
	rules,
	...more,
})

function found(slice: RouteSlice, url: string, headers: Record<string, string> = {}): string | undefined {
	const index = createRuleIndex<CompiledRule>()
	addSlice(index, compileSlice(slice, 'mesh.test'))
	const exchange = admit(new Request(url, { headers }), 0, () => 0)
	return findCandidate(indexesFor(index, exchange.host), exchange)?.value.name
}

describe('a compiled rule', () => {
	it.each([
		['/a', {}, 'plain'],
		['/a?v=2', {}, 'query'],
		['/a', { 'x-v': '2' }, 'header'],
		['/a?v=2', { 'x-v': '2' }, 'header'],
		['/number/12', {}, 'regex'],
		['/number/x', {}, 'plain'],
	] as const)('for %s with %j is %s', (path, headers, name) => {
		const program = regexProgram('/number/[0-9]+')
		if (!program.ok) throw new Error('the pattern is valid')
		const exact = { type: 'Exact', value: '2' } as const
		const slice = sliceOf([
			ruleOf('plain', [prefix('')]),
			ruleOf('query', [prefix('', { queryParams: [{ name: 'v', ...exact }] })]),
			ruleOf('header', [prefix('', { headers: [{ name: 'x-v', ...exact }] })]),
			ruleOf('regex', [{ path: { type: 'RegularExpression', value: '/number/[0-9]+', program: program.value } }]),
		])
		expect(found(slice, `http://h.test${path}`, headers)).toBe(name)
	})

	it('applies to the hostnames of its route, or to all', () => {
		const rules = [ruleOf('r', [prefix('')])]
		expect(found(sliceOf(rules), 'http://a.test/')).toBe('r')
		expect(found(sliceOf(rules, { hostnames: ['a.test', '*.b.test'] }), 'http://x.b.test/')).toBe('r')
		expect(found(sliceOf(rules, { hostnames: ['a.test'] }), 'http://b.test/')).toBe(undefined)
	})

	it('for users does not match while nobody knows the user, and says whom it asks for first', () => {
		const when = [{ key: { of: 'claim', path: ['a'] }, values: ['b'] }] as const
		const forUsers = (name: string): Rule => ({ ...ruleOf(name, [prefix('')]), only: [{ when }] })
		const index = createRuleIndex<CompiledRule>()
		addSlice(
			index,
			compileSlice(sliceOf([forUsers('first'), forUsers('second'), ruleOf('rest', [prefix('')])]), 'mesh.test'),
		)
		const exchange = admit(new Request('http://h.test/'), 0, () => 0)
		const find = () => findCandidate(indexesFor(index, exchange.host), exchange)?.value.name
		expect(find()).toBe('rest')
		const { known, missing } = exchange.routeUsers!
		expect([missing?.namespace, missing?.rule.name]).toEqual(['d', 'first'])
		known.set('d', null)
		expect(find()).toBe('rest')
	})

	it('leaves nothing behind when its slice is taken out', () => {
		const index = createRuleIndex<CompiledRule>()
		const compiled = compileSlice(
			sliceOf([ruleOf('r', [prefix(''), prefix('/a')])], { hostnames: ['a.test', 'b.test'] }),
			'mesh.test',
		)
		addSlice(index, compiled)
		removeSlice(index, compiled)
		expect(index.hostnames.size).toBe(0)
	})
})

describe('the backends of a rule', () => {
	const backendOf = (backends: Backend[]) =>
		compileSlice(sliceOf([ruleOf('r', [prefix('')], backends)]), 'mesh.test').candidates[0]!.value.backend

	it(`share its traffic by weight (within 4 sigma, seed ${SEED}), those that cannot be used too`, () => {
		const backend = backendOf([
			{ weight: 80, service: 'd/a' },
			{ weight: 15, service: 'd/b' },
			{ weight: 5, invalid: 'no such Service' },
			{ weight: 0, service: 'd/none' },
		])
		const random = seeded(SEED)
		const n = 20_000
		const counts = new Map<string, number>()
		for (let i = 0; i < n; i++) {
			const drawn = backend(random())
			const name = 'service' in drawn ? drawn.service : drawn.invalid
			counts.set(name, (counts.get(name) ?? 0) + 1)
		}
		for (const [name, share] of [
			['d/a', 0.8],
			['d/b', 0.15],
			['no such Service', 0.05],
		] as const)
			expect(Math.abs(counts.get(name)! - n * share)).toBeLessThan(4 * Math.sqrt(n * share * (1 - share)))
		expect(counts.has('d/none')).toBe(false)
	})

	it('may be a single one, whatever its weight', () => {
		expect(backendOf([{ weight: 0, invalid: 'all backends have weight 0' }])(0.5)).toHaveProperty('invalid')
	})
})
