/** Policies on their way from the root to the replicas: each level in a part of its own, and nothing else sent for it. */
import { reset } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { TrafficRules } from '../../src/snapshot/trafficPolicy.ts'
import {
	apply,
	change,
	documents,
	expectSameAsRoot,
	inRoot,
	refTo,
	remove,
	replica,
	root,
	service,
	storedParts,
} from './meshObjects.ts'
import { NOW, stopTime } from './time.ts'

beforeEach(stopTime)
afterEach(async () => {
	vi.useRealTimers()
	await reset()
})

const policy = (name: string, targetRef: object, sections: object) => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'TrafficPolicy',
	metadata: { name },
	spec: { targetRefs: [targetRef], ...sections },
})
const limits = (maxRequests: number) => ({ circuitBreaker: { maxRequests } })
const toMesh = { kind: 'Mesh', name: 'default' }
const toNamespace = { kind: 'Namespace', name: 'default' }
const to = (name: string) => ({ kind: 'Service', name })

/** What the parts that a replica sends with a service ask for. */
async function sentWith(name: string): Promise<Record<string, TrafficRules | undefined>> {
	const { parts } = await replica('weur').load('weur', { parts: [`service/default/${name}`] })
	return Object.fromEntries(parts.map(({ name, body }) => [name, body === null ? undefined : JSON.parse(body).traffic]))
}
const partsAfter = async (sequence: number) =>
	(await inRoot(storedParts)).filter((part) => part.sequence > sequence).map(({ name }) => name)
const newestSequence = async () => Math.max(...(await inRoot(storedParts)).map(({ sequence }) => sequence))

describe('a policy', () => {
	it('of each level reaches a replica with the services that it speaks for', async () => {
		await apply(service('a'), service('b'))
		expect(await sentWith('a')).toEqual({
			'service/default/a': undefined,
			'namespace/default': undefined,
			mesh: undefined,
		})
		await apply(policy('m', toMesh, limits(1)), policy('n', toNamespace, limits(2)), policy('s', to('a'), limits(3)))
		expect(await sentWith('a')).toEqual({
			'service/default/a': { limits: { maxInFlight: 3 } },
			'namespace/default': { limits: { maxInFlight: 2 } },
			mesh: { limits: { maxInFlight: 1 } },
		})
		expect((await sentWith('b'))['service/default/b']).toBeUndefined()
		await expectSameAsRoot('weur')
	})

	it('of the mesh or a namespace changes one part, whatever services there are', async () => {
		await apply(...Array.from({ length: 20 }, (_, i) => service(`s${i}`)))
		for (const [target, part] of [
			[toMesh, 'mesh'],
			[toNamespace, 'namespace/default'],
		] as const) {
			const before = await newestSequence()
			await apply(policy('p', target, limits(before)))
			expect(await partsAfter(before)).toEqual([part])
			await remove('TrafficPolicy', 'p')
			expect((await inRoot(storedParts)).find(({ name }) => name === part)?.body).toBeNull()
		}
	})

	it('is told in an answer that it was accepted, or which other one decides', async () => {
		await apply(service('a'), policy('older', to('a'), limits(1)))
		vi.setSystemTime(NOW + 1)
		const { results } = await apply(policy('aaa', to('a'), limits(2)), policy('lost', to('never'), limits(3)))
		const reasons = results.map(({ status }) =>
			(status as unknown as { ancestors: { conditions: { reason: string }[] }[] }).ancestors.map(
				({ conditions }) => conditions[0]!.reason,
			),
		)
		expect(reasons).toEqual([['Conflicted'], ['TargetNotFound']])
		const stored = await root().get('TrafficPolicy', 'default', 'aaa')
		expect(stored?.status).toMatchObject({ ancestors: [{ ancestorRef: { kind: 'Service', name: 'a' } }] })
	})

	it('that is put back by a rollback decides again', async () => {
		const { revision } = await apply(service('a'), policy('z', to('a'), limits(1)))
		await remove('TrafficPolicy', 'z')
		await apply(policy('b', to('a'), limits(2)))
		expect((await sentWith('a'))['service/default/a']).toEqual({ limits: { maxInFlight: 2 } })
		await root().rollback(revision, { token: 't1', name: 'ana', role: 'operator' })
		expect((await sentWith('a'))['service/default/a']).toEqual({ limits: { maxInFlight: 1 } })
	})
})

it('a dry run shows what a policy would do to rules, services, namespaces and the mesh, and does nothing', async () => {
	await apply(service('a'))
	const route = {
		apiVersion: 'gateway.networking.k8s.io/v1',
		kind: 'HTTPRoute',
		metadata: { name: 'r' },
		spec: { parentRefs: [{ kind: 'Service', group: '', name: 'a' }], rules: [{ backendRefs: [{ name: 'a' }] }] },
	}
	await apply(route)
	const before = await inRoot(storedParts)
	const { effect } = await change({
		dryRun: true,
		put: documents(
			policy('m', toMesh, limits(1)),
			policy('n', toNamespace, limits(2)),
			policy('s', to('a'), limits(3)),
			policy('r', { kind: 'HTTPRoute', name: 'r' }, { timeouts: { request: '1s' } }),
		),
		remove: [refTo('Service', 'never')],
	})
	const traffic = (maxInFlight: number) => ({ limits: { maxInFlight } })
	expect(effect).toMatchObject({
		mesh: [
			{ path: 'egress', before: null, after: 'registryOnly' },
			{ path: 'defaultAccess', before: null, after: 'open' },
			{ path: 'traffic', before: null, after: traffic(1) },
		],
		namespaces: [{ namespace: 'default', change: 'added', fields: [{ path: 'limits', after: { maxInFlight: 2 } }] }],
		services: [{ service: 'default/a', change: 'changed', fields: [{ path: 'traffic', after: traffic(3) }] }],
		virtualHosts: [
			{
				pattern: 'a.mesh.localhost',
				rules: [
					{
						...{ rule: 'default/r/0', change: 'changed' },
						fields: [{ path: 'traffic', after: { timeouts: { requestMs: 1_000 } } }],
					},
				],
			},
		],
	})
	expect(await inRoot(storedParts)).toEqual(before)
})
