/** What the data plane may believe of what the KeyRing tells. */
import { expect, it } from 'vitest'
import type { IndexedResource, ResourceIndex } from '../../../src/snapshot/resourceIndex.ts'
import { believed } from '../../../src/snapshot/services/federation.ts'
import type { FederatedBundle, Trust } from '../../../src/snapshot/trust.ts'

const bundle = (trustDomain: string, endpoint?: string): FederatedBundle => ({
	...{ trustDomain, keys: [], authorities: [] },
	...(endpoint === undefined ? {} : { endpoint }),
})
const told = (...federated: FederatedBundle[]): Trust => ({
	...{ kind: 'trust', issuer: 'https://admin.mesh.example', ...bundle('mesh.example') },
	...{ revocations: { workloads: {}, tokens: [], keys: [], certificates: [] }, federated },
})

/** Documents in order of age: trust domain and URL. */
function indexOf(...documents: readonly (readonly [trustDomain: string, url: string])[]): ResourceIndex {
	const keyOf = (i: number) => `FederatedTrustDomain/-/d${documents.length - i}` as const
	const found = documents.map(([trustDomain, url], i) => ({
		...{ generation: 1, createdAt: i, resource: { spec: { trustDomain, bundleEndpoint: { url } } } },
	}))
	return {
		get: (key: string) => found.find((_, i) => keyOf(i) === key) as unknown as IndexedResource,
		referrers: (target: string) =>
			documents.flatMap(([name], i) => (target === `TrustDomain/${name}` ? [keyOf(i)] : [])),
	} as unknown as ResourceIndex
}

it.each([
	['a bundle from where its document says', ['b.example', 'https://b'], bundle('b.example', 'https://b'), true],
	['one from elsewhere', ['b.example', 'https://b'], bundle('b.example', 'https://c'), false],
	['one of which nobody says where it is from', ['b.example', 'https://b'], bundle('b.example'), false],
	['one that no document names', ['b.example', 'https://b'], bundle('c.example', 'https://b'), false],
	['one for our own trust domain', ['mesh.example', 'https://b'], bundle('mesh.example', 'https://b'), false],
] as const)('whether %s is believed', (_, document, federated, expected) => {
	const { trustDomain, keys, authorities } = federated
	const trust = believed(told(federated), indexOf(document))
	expect(trust.federated).toEqual(expected ? [{ trustDomain, keys, authorities }] : [])
	expect({ ...trust, federated: [] }).toEqual(told())
})

it('of several documents for one trust domain the oldest says where its bundle is', () => {
	const index = indexOf(['b.example', 'https://old'], ['b.example', 'https://new'])
	const names = (endpoint: string) => believed(told(bundle('b.example', endpoint)), index).federated.length
	expect([names('https://old'), names('https://new')]).toEqual([1, 0])
})
