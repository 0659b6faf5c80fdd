/** Documents of identity in the store: what of them reaches a replica, and what only the control plane keeps. */
import { reset } from 'cloudflare:test'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { PeerRules } from '../../src/snapshot/peerAuthentication.ts'
import { apply, change, documents, inRoot, remove, replica, root, service, storedParts } from './meshObjects.ts'
import { NOW, stopTime } from './time.ts'

beforeEach(stopTime)
afterEach(async () => {
	vi.useRealTimers()
	await reset()
})

const documentOf = (kind: string, name: string, spec: object) => ({
	apiVersion: 'selvedge.dev/v1',
	kind,
	metadata: { name },
	spec,
})
const peers = (name: string, targetRef: object, sections: object) =>
	documentOf('PeerAuthentication', name, { targetRefs: [targetRef], ...sections })
const federated = (name: string, trustDomain: string) =>
	documentOf('FederatedTrustDomain', name, {
		trustDomain,
		bundleEndpoint: { url: 'https://bundles.example.net/', profile: { type: 'https_web' } },
	})
const toMesh = { kind: 'Mesh', name: 'default' }
const toNamespace = { kind: 'Namespace', name: 'default' }
const toService = { kind: 'Service', name: 'a' }

/** What the parts that a replica sends with the service say of who may call. */
async function sent(): Promise<Record<string, PeerRules | undefined>> {
	const { parts } = await replica('weur').load('weur', { parts: ['service/default/a'] })
	return Object.fromEntries(parts.map(({ name, body }) => [name, body === null ? undefined : JSON.parse(body).peers]))
}

it('who may call, said of the mesh, a namespace and a Service, reaches a replica with the service', async () => {
	await apply(
		service('a'),
		peers('m', toMesh, { mode: 'PERMISSIVE', proofReuse: 'UntilExpiry' }),
		peers('n', toNamespace, { methods: ['JWTSVID'] }),
		peers('s', toService, { mode: 'STRICT' }),
	)
	expect(await sent()).toEqual({
		'service/default/a': { mode: 'STRICT' },
		'namespace/default': { methods: ['JWTSVID'] },
		mesh: { mode: 'PERMISSIVE', proofReuse: 'UntilExpiry' },
	})
	for (const name of ['m', 'n', 's']) await remove('PeerAuthentication', name)
	expect(Object.values(await sent())).toEqual([undefined, undefined, undefined])
})

it('a dry run tells who could no longer call, and changes nothing', async () => {
	await apply(service('a'), peers('s', toService, { mode: 'PERMISSIVE' }))
	const before = await inRoot(storedParts)
	const { effect } = await change({ dryRun: true, put: documents(peers('s', toService, { mode: 'STRICT' })) })
	expect(effect?.services).toMatchObject([
		{ service: 'default/a', fields: [{ path: 'peers.mode', before: 'PERMISSIVE', after: 'STRICT' }] },
	])
	expect(await inRoot(storedParts)).toEqual(before)
})

it('who may join is kept and answered, and is no part of any snapshot', async () => {
	const { results } = await apply(documentOf('WorkloadTrust', 'orders', { workload: 'orders', joinToken: {} }))
	expect(results).toMatchObject([{ status: { conditions: [{ type: 'Accepted', status: 'True' }] } }])
	expect((await root().get('WorkloadTrust', 'default', 'orders'))?.resource).toMatchObject({
		spec: { workload: 'orders', maxTtl: '1h', joinToken: { maxTtl: '24h' } },
	})
	expect(await inRoot(storedParts)).toEqual([])
})

it('of two documents for one trust domain the older counts, until it is gone', async () => {
	const reason = async (name: string) =>
		(await root().get('FederatedTrustDomain', '-', name))?.status?.conditions?.[0]?.reason
	await apply(federated('z', 'partner.example'))
	vi.setSystemTime(NOW + 1)
	await apply(federated('a', 'partner.example'))
	expect([await reason('z'), await reason('a')]).toEqual(['Accepted', 'Conflicted'])
	await change({
		remove: [{ apiVersion: 'selvedge.dev/v1', kind: 'FederatedTrustDomain', namespace: '-', name: 'z' }],
	})
	expect(await reason('a')).toBe('Accepted')
})
