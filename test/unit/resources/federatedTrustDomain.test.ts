/** Which trust domains can be federated with, and where their bundles may be. */
import { expect, it } from 'vitest'
import { parseDocuments } from '../../../src/resources/documents.ts'
import { federatedTrustDomain, parsed, problems } from './fixtures.ts'

const url = 'https://partner.example.org/bundle'
const https = { type: 'https_web' }
const partner = (spec: object = {}) =>
	federatedTrustDomain({ trustDomain: 'partner.example.org', bundleEndpoint: { url, profile: https }, ...spec })
const told = (document: unknown) => problems(document).map((problem) => problem.replace(/^spec\./, ''))

it('is read as written, whatever trust domain SPIFFE allows, and can be sent back', () => {
	for (const trustDomain of ['a', 'partner.example.org', '10.0.0.1', 'under_score-', 'x'.repeat(255)])
		expect(parsed(partner({ trustDomain })).spec).toEqual({
			...{ trustDomain, bundleEndpoint: { url, profile: https } },
		})
	const answered = parsed(partner({ refreshInterval: '1m' }))
	expect(parsed({ ...answered, status: {} })).toEqual(answered)
})

const shape =
	"trustDomain: must be a SPIFFE trust domain: lower-case letters, digits, '.', '-' and '_', without spiffe://, port or path"
const at = (changed: string) => partner({ bundleEndpoint: { url: changed, profile: https } })
it.each<[unknown, string[]]>([
	...['Partner.example', 'spiffe://a', 'a:8443', 'a/b', 'a%2e', 'ä', '[::1]'].map(
		(trustDomain): [unknown, string[]] => [partner({ trustDomain }), [shape]],
	),
	[partner({ trustDomain: '' }), ['trustDomain: must be at least 1 character long']],
	[partner({ trustDomain: 'x'.repeat(256) }), ['trustDomain: must be at most 255 characters long']],
	[federatedTrustDomain({}), ['trustDomain: is required', 'bundleEndpoint: is required']],
	[partner({ bundleEndpoint: {} }), ['bundleEndpoint.url: is required', 'bundleEndpoint.profile: is required']],
	[partner({ bundleEndpoint: { url, profile: {} } }), ['bundleEndpoint.profile.type: is required']],
	[
		partner({ bundleEndpoint: { url, profile: { type: 'https_spiffe' } } }),
		[
			"bundleEndpoint.profile.type: must be https_web: https_spiffe needs the endpoint's own roots, and a Worker's fetch knows public ones only",
		],
	],
	[partner({ bundleEndpoint: { url, profile: { type: 'http' } } }), ['bundleEndpoint.profile.type: must be https_web']],
	[
		at('http://partner.example.org/bundle'),
		['bundleEndpoint.url: must be https://: whoever can change what is read there can call themselves anybody'],
	],
	[at('https://me@partner.example.org/'), ['bundleEndpoint.url: must not carry credentials']],
	[at(`${url}?a=1#b`), ['bundleEndpoint.url: must not have a fragment']],
	[at(`${url}?a=1&b=2?c`), []],
	[
		at('https://admin.mesh.example.com/.well-known/spiffe-bundle.json'),
		['bundleEndpoint.url: must not be below mesh.example.com: requests would loop back into the mesh'],
	],
	[partner({ refreshInterval: '59s' }), ['refreshInterval: must be at least 1m']],
	[partner({ refreshInterval: '24h1s' }), ['refreshInterval: must be at most 24h']],
	[
		partner({ trustBundle: '' }),
		['trustBundle: is not a field here; must be one of trustDomain, bundleEndpoint, refreshInterval'],
	],
	[
		{ ...partner(), metadata: { name: 'partner', namespace: 'shop' } },
		['metadata.namespace: must be left out: this kind is cluster-wide'],
	],
])('judges %j', (document, expected) => {
	expect(told(document)).toEqual(expected)
})

it('is fetched over http from this machine only, and only where endpoints may be anywhere', () => {
	const judged = (addresses: 'any' | 'names') => {
		const text = JSON.stringify(at('http://127.0.0.1:8080/bundle'))
		const result = parseDocuments(text, 'json', { addresses, meshDomain: 'mesh.example.com' })
		return result.ok ? [] : result.error.map(({ path, message }) => `${path}: ${message}`)
	}
	expect(judged('any')).toEqual([])
	expect(judged('names')).toEqual([
		'spec.bundleEndpoint.url: must have a DNS name: the platform refuses bare IP addresses (error 1003)',
	])
})
