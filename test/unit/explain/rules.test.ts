/** Which rule an explanation names, with which odds, and which rules only just miss. */
import { describe, expect, it } from 'vitest'
import type { RouteSlice, Rule } from '../../../src/snapshot/snapshot.ts'
import { head, rule, service, slice } from '../proxy/knowledge/fakeReplica.ts'
import { explained, withRule } from './explained.ts'

describe('rules', () => {
	const parts = {
		...head('h.test'),
		...slice('h.test', 'r', [
			{
				...rule('default/r/beta', '/a', 'd/other'),
				matches: [
					{
						path: { type: 'PathPrefix', value: '/a' },
						method: 'POST',
						headers: [{ name: 'x-beta', type: 'Exact', value: 'yes' }],
						queryParams: [{ name: 'v', type: 'Exact', value: '2' }],
					},
				],
			},
			rule('default/r/main', '/a', 'd/web'),
			{
				...rule('default/r/root', '', 'd/web'),
				matches: [{ path: { type: 'PathPrefix', value: '' }, method: 'PUT' }],
			},
			{ ...rule('default/r/inner', '/a', 'd/web'), only: [{ sources: [{ namespace: 'inner' }] }] },
		]),
		...service('d/web', { id: 'web1' }),
		...service('d/other', { id: 'other1' }),
	} as const

	it('that only just miss say what failed, in order of precedence', async () => {
		const { rule: found, nearMisses } = await explained(
			parts,
			new Request('http://h.test/a?v=1', { headers: { 'x-beta': 'no' } }),
		)
		expect(found).toMatchObject({ name: 'default/r/main' })
		expect(nearMisses).toMatchObject([
			{
				...{ rule: 'default/r/beta', route: 'default/r', wouldWin: true },
				match: { path: { type: 'PathPrefix', value: '/a' }, method: 'POST' },
				failed: [
					{ condition: 'method', wanted: 'POST', got: 'GET' },
					{ condition: 'header', name: 'x-beta', wanted: 'Exact yes', got: 'no' },
					{ condition: 'queryParam', name: 'v', wanted: 'Exact 2', got: '1' },
				],
			},
			{
				rule: 'default/r/inner',
				wouldWin: false,
				failed: [{ condition: 'source', wanted: 'inner/*', got: null }],
			},
			{ rule: 'default/r/root', wouldWin: false, failed: [{ condition: 'method', wanted: 'PUT' }] },
		])
	})

	it('whose path does not match are no near misses, and without any rule each other one would win', async () => {
		const explanation = await explained(parts, 'http://h.test/b')
		expect(explanation.outcomes).toMatchObject([{ outcome: 'refused', refusal: { reason: 'no_matching_rule' } }])
		expect(explanation.nearMisses).toMatchObject([{ rule: 'default/r/root', wouldWin: true }])
	})

	it('that win by one match do not miss by another', async () => {
		const path = { type: 'PathPrefix', value: '' } as const
		const matches = [{ path, method: 'PUT' }, { path }]
		expect((await explained(withRule({ matches }), 'http://h.test/')).nearMisses).toEqual([])
	})

	it('for other ports of the Service say so', async () => {
		const [[name, body]] = Object.entries(slice('w.mesh.test', 'r', 'd/web')) as [[string, RouteSlice]]
		const parts = { ...head('w.mesh.test', 'd/web'), [name]: { ...body, servicePorts: [8080] }, ...service('d/web') }
		const ask = (url: string) => explained(parts, url, { ownPort: 80 })
		expect((await ask('http://w.mesh.test:8080/')).rule?.name).toBe('default/r/0')
		const other = await ask('http://w.mesh.test:9090/')
		expect(other.rule?.name).toBe('')
		expect(other.nearMisses).toMatchObject([
			{ rule: 'default/r/0', failed: [{ condition: 'port', got: 'w.mesh.test:9090' }] },
		])
	})

	it('that miss are told up to twenty', async () => {
		const many = Array.from({ length: 30 }, (_, i): Rule => {
			const path = { type: 'PathPrefix', value: '' } as const
			return { ...rule(`default/r/${i}`, '', 'd/web'), matches: [{ path, method: 'PUT' }] }
		})
		const { nearMisses } = await explained({ ...head('h.test'), ...slice('h.test', 'r', many) }, 'http://h.test/')
		expect(nearMisses.map((miss) => miss.rule)).toEqual(many.slice(0, 20).map(({ name }) => name))
	})

	it('of consumer routes apply to the caller that is described', async () => {
		const mine = slice('h.test', 'mine', [rule('default/mine/0', '', 'd/other')], { callerNamespace: 'inner' })
		const caller = { namespace: 'inner', workload: 'w' }
		expect((await explained({ ...parts, ...mine }, 'http://h.test/a', { caller })).rule?.name).toBe('default/mine/0')
		expect((await explained({ ...parts, ...mine }, 'http://h.test/a')).rule?.name).toBe('default/r/main')
	})

	it('for a share of the traffic leave the rest to the next, with the odds of each', async () => {
		const shared = slice('h.test', 'r', [
			{ ...rule('default/r/canary', '', 'd/other'), only: [{ share: 0.1 }] },
			{ ...rule('default/r/never', '', 'd/other'), only: [{ share: 0 }] },
			{ ...rule('default/r/half', '', 'd/other'), only: [{ share: 0.5 }, { sources: [{ namespace: 'n' }] }] },
			rule('default/r/rest', '', 'd/web'),
		])
		const caller = { namespace: 'n', workload: 'w' }
		const explanation = await explained({ ...parts, ...shared }, 'http://h.test/', { caller })
		const { rule: first, percent, alternatives = [], outcome, nearMisses } = explanation
		expect([{ rule: first, percent }, ...alternatives].map((way) => [way.rule?.name, way.percent])).toEqual([
			['default/r/canary', 10],
			['default/r/half', 45],
			['default/r/rest', 45],
		])
		expect(outcome).toBe('55 % go to d/other (1 endpoint), 45 % go to d/web (1 endpoint)')
		expect(nearMisses).toMatchObject([{ rule: 'default/r/never', failed: [{ condition: 'share' }] }])
	})

	it('that all take a share only leave some requests without a rule', async () => {
		const only = [{ share: 0.25 }]
		const explanation = await explained(withRule({ only }), 'http://h.test/')
		expect(explanation.outcomes).toMatchObject([
			{ percent: 25, outcome: 'sent' },
			{ percent: 75, outcome: 'refused', refusal: { reason: 'no_matching_rule' } },
		])
	})
})
