/** Which endpoint of a service a request gets. */
import { describe, expect, it } from 'vitest'
import { compileService } from '../../../../src/proxy/compile/compileService.ts'
import { type EndpointStates, newServiceState } from '../../../../src/proxy/knowledge/endpointState.ts'
import type { Endpoint } from '../../../../src/snapshot/snapshot.ts'
import { seeded } from '../../../random.ts'
import { nobody } from './compiled.ts'

const SEED = 7

const compiled = (endpoints: Partial<Endpoint>[], random = () => 0, states: EndpointStates = new Map()) =>
	compileService(
		{
			kind: 'service',
			service: 'd/s',
			endpoints: endpoints.map((one, i) => ({ id: `e${i}`, url: `http://e${i}.test/`, weight: 1, ...one })),
		},
		states,
		random,
		{ traffic: { balancer: { type: 'RoundRobin' } }, region: '', now: 0 },
	)

function picks(service: ReturnType<typeof compiled>, count: number): Record<string, number> {
	const counts: Record<string, number> = {}
	for (let i = 0; i < count; i++) {
		const id = service.pick(nobody, 0)!.id
		counts[id] = (counts[id] ?? 0) + 1
	}
	return counts
}

describe('endpoints of equal weight', () => {
	it('take turns, in the order of the snapshot', () => {
		const service = compiled([{}, {}, {}])
		const turns = Array.from({ length: 7 }, () => service.pick(nobody, 0)!.id)
		expect(turns).toEqual(['e1', 'e2', 'e0', 'e1', 'e2', 'e0', 'e1'])
	})

	it('begin at a place of chance, so that fresh isolates do not all begin with the same', () => {
		const random = seeded(SEED)
		const first = new Set(Array.from({ length: 50 }, () => compiled([{}, {}, {}, {}], random).pick(nobody, 0)!.id))
		expect(first.size).toBe(4)
	})

	it('go on where they were when the service is compiled again', () => {
		const states: EndpointStates = new Map()
		compiled([{}, {}, {}], () => 0, states).pick(nobody, 0)
		expect(compiled([{}, {}, {}], () => 0, states).pick(nobody, 0)!.id).toBe('e2')
	})

	it('take turns without pause past the end of exact numbers', () => {
		const states: EndpointStates = new Map([['d/s', newServiceState(Number.MAX_SAFE_INTEGER - 2)]])
		const service = compiled([{}, {}], () => 0, states)
		const counts = picks(service, 100)
		expect(Math.min(counts.e0!, counts.e1!)).toBeGreaterThanOrEqual(49)
	})
})

describe('endpoints of unequal weight', () => {
	it(`share the traffic in proportion (within 4 sigma, seed ${SEED})`, () => {
		const weights = [1, 3, 6]
		const n = 20_000
		const counts = picks(
			compiled(
				weights.map((weight) => ({ weight })),
				seeded(SEED),
			),
			n,
		)
		for (const [i, weight] of weights.entries()) {
			const share = weight / 10
			expect(Math.abs(counts[`e${i}`]! - n * share)).toBeLessThan(4 * Math.sqrt(n * share * (1 - share)))
		}
	})

	it.each([
		['beside equal others', [{ weight: 0 }, { weight: 1 }, { weight: 1 }]],
		['beside unequal others', [{ weight: 5 }, { weight: 0 }, { weight: 1 }]],
		['beside one other', [{ weight: 0 }, { weight: 7 }]],
	])('and none %s take no traffic', (_, endpoints) => {
		const none = `e${endpoints.findIndex(({ weight }) => weight === 0)}`
		expect(picks(compiled(endpoints, seeded(SEED)), 5_000)).not.toHaveProperty(none)
	})

	it.each([[[]], [[{ weight: 0 }]], [[{ weight: 0 }, { weight: 0 }]]])('%j leave nothing to pick', (endpoints) =>
		expect(compiled(endpoints).pick(nobody, 0)).toBe(undefined),
	)
})

describe('the base that a target is appended to', () => {
	it.each([
		['http://e.test', 'http://e.test'],
		['http://e.test/', 'http://e.test'],
		['https://e.test:8443/v1', 'https://e.test:8443/v1'],
		['http://[::1]:80/v1/', 'http://[::1]:80/v1'],
		['http://e.test//', 'http://e.test/'],
	])('of %s is %s', (url, base) => expect(compiled([{ url }]).pick(nobody, 0)?.base).toBe(base))
})
