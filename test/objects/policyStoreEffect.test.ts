/** The root's dry runs: what they say will happen is what then happens, to the documents named and to those that lean on them. */
import { reset } from 'cloudflare:test'
import { afterEach, describe, expect, it } from 'vitest'
import type { ChangeOutcome, ChangeRequest } from '../../src/ports.ts'
import {
	apply,
	change,
	documents,
	everything,
	gateway,
	inRoot,
	refTo,
	root,
	route,
	service,
	standing,
	storedParts,
} from './meshObjects.ts'

afterEach(() => reset())

const preview = (request: Omit<ChangeRequest, 'actor'>): Promise<ChangeOutcome> => change({ ...request, dryRun: true })
const hosts = ({ effect }: ChangeOutcome) =>
	effect!.virtualHosts.map(({ pattern, change, rules }) => [pattern, change, rules.map((rule) => rule.change)])

describe('a dry run', () => {
	it('of what is there already has no effect', async () => {
		const all = [service('a', 'http://a'), gateway('g', 'g.test'), route('r', 'g', 'a')]
		await apply(...all)
		const { effect, currentRevision, revision } = await preview({ put: documents(...all) })
		expect([currentRevision, revision]).toEqual([1, 1])
		expect(effect).toMatchObject({ virtualHosts: [], services: [], mesh: [], truncated: false })
	})

	it('names the revision in force, not the one that the change would make', async () => {
		await apply(service('a'))
		await apply(service('b'))
		expect(await preview({ put: documents(service('c')) })).toMatchObject({ currentRevision: 2, revision: 3 })
		expect(await preview({ remove: [refTo('Service', 'never')] })).toMatchObject({ currentRevision: 2, revision: 2 })
	})

	it('tells the parts that then change, and no others', async () => {
		await apply(service('a', 'http://a'), service('b'), gateway('g', 'g.test', '*.test'), route('r', 'g', 'a'))
		const request = {
			put: documents(service('a', 'http://a', 'http://c'), gateway('g', 'new.test', '*.test'), route('r', 'g', 'b')),
			remove: [refTo('Service', 'b')],
		}
		const before = standing(await inRoot(storedParts))
		const { effect } = await preview(request)
		await change(request)
		const after = standing(await inRoot(storedParts))
		const differing = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
			(name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
		)
		const told = [
			...effect!.services.map((each) => `service/${each.service}`),
			...effect!.virtualHosts.flatMap(({ pattern, change: how, rules }) => [
				...(how === 'changed' ? [] : [`virtualHost/${pattern}`]),
				...new Set(rules.map((rule) => `virtualHost/${pattern}/${rule.route}`)),
			]),
		]
		expect(told.sort()).toEqual(differing.sort())
		expect(effect!.virtualHosts.find(({ pattern }) => pattern === 'new.test')).toMatchObject({ shadowed: '*.test' })
	})

	it('of taking a Service away shows the rules of every host that would refuse', async () => {
		await apply(
			service('a'),
			service('b'),
			gateway('g', 'g.test', 'h.test'),
			route('r', 'g', 'a'),
			route('s', 'g', 'b'),
		)
		const outcome = await preview({ remove: [refTo('Service', 'a')] })
		expect(hosts(outcome)).toEqual([
			['a.mesh.localhost', 'removed', []],
			['g.test', 'changed', ['changed']],
			['h.test', 'changed', ['changed']],
		])
		expect(outcome.effect!.virtualHosts[1]!.rules[0]).toEqual({
			rule: 'default/r/0',
			route: 'default/r',
			change: 'changed',
			fields: [
				{
					path: 'backends',
					before: [{ service: 'default/a', weight: 1, percent: 100 }],
					after: [{ invalid: 'spec.rules[0].backendRefs[0]: Service default/a not found', weight: 1, percent: 100 }],
				},
			],
		})
	})

	it('of a FaultInjection shows the rules that refer to it, and no others', async () => {
		const fault = (httpStatus: number) => ({
			apiVersion: 'selvedge.dev/v1',
			kind: 'FaultInjection',
			metadata: { name: 'storm' },
			spec: { abort: { httpStatus } },
		})
		const stormy = route('r', 'g', 'a')
		const filters = [
			{ type: 'ExtensionRef', extensionRef: { group: 'selvedge.dev', kind: 'FaultInjection', name: 'storm' } },
		]
		const rules = stormy.spec.rules.map((rule) => ({ ...rule, filters }))
		await apply(service('a'), gateway('g', 'g.test'), { ...stormy, spec: { ...stormy.spec, rules } }, fault(503))
		await apply(route('s', 'g', 'a', '/calm'))
		const { virtualHosts } = (await preview({ put: documents(fault(429)) })).effect!
		expect(virtualHosts.flatMap((host) => host.rules)).toEqual([
			{
				rule: 'default/r/0',
				route: 'default/r',
				change: 'changed',
				fields: [{ path: 'filters.faults[0].abort.status', before: 503, after: 429 }],
			},
		])
	})

	it('leaves nothing behind, and real changes tell nothing', async () => {
		await apply(service('a'), gateway('g', 'g.test'), route('r', 'g', 'a'))
		const before = await inRoot(everything)
		await preview({ remove: [refTo('Service', 'a'), refTo('Gateway', 'g')] })
		await preview({ put: documents(service('a', 'http://x'), service('b')) })
		expect(await inRoot(everything)).toEqual(before)
		expect(Object.keys(await apply(service('b')))).toEqual(['revision', 'results'])
		expect(await root().ready()).toMatchObject({ revision: 2 })
	})

	it('of very much answers a part of it, and counts the rest', async () => {
		await apply(service('a'), gateway('g', 'g.test'))
		const routes = Array.from({ length: 1_200 }, (_, i) => route(`r${i}`, 'g', 'a', `/${i}`))
		const { effect } = await preview({ put: documents(...routes) })
		expect(effect!.counts).toEqual({ virtualHosts: 1, rules: 1_200, services: 0, endpoints: 0 })
		expect([effect!.virtualHosts[0]!.rules.length, effect!.truncated]).toEqual([999, true])
	})
})
