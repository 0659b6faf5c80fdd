/** What a WorkloadTrust may say, and how it is read. */
import { expect, it } from 'vitest'
import { parseDocuments } from '../../../src/resources/documents.ts'
import type { WorkloadTrust } from '../../../src/resources/workloadTrust.ts'
import { ecJwk, parsed, workloadTrust } from './fixtures.ts'

const oidc = { issuer: 'https://issuer.example.net/', audiences: ['mesh'], claims: { sub: 'a' } }
const read = (spec: object) => parsed(workloadTrust({ workload: 'orders', ...spec })).spec as WorkloadTrust['spec']
const bytes = (length: number, first = 0xff) =>
	Buffer.from(Uint8Array.from({ length }, (_, i) => (i === 0 ? first : 0xff))).toString('base64url')
const readKey = (jwk: object) =>
	(
		parsed(workloadTrust({ workload: 'orders', privateKeyJwt: { jwks: { keys: [jwk] } } }))
			.spec as WorkloadTrust['spec']
	).privateKeyJwt!.jwks.keys[0]!

it('gives credentials of an hour, unless told, and can be sent back as answered', () => {
	const answered = parsed(workloadTrust({ workload: 'orders', joinToken: {} }))
	expect(answered).toEqual({
		apiVersion: 'selvedge.dev/v1',
		kind: 'WorkloadTrust',
		metadata: { name: 'orders', namespace: 'default', labels: {}, annotations: {} },
		spec: { workload: 'orders', maxTtl: '1h', joinToken: { maxTtl: '24h' } },
	})
	expect(parsed({ ...answered, status: {} })).toEqual(answered)
})

it('leaves an issuer and the values of claims as they are, for they are compared letter by letter', () => {
	const claims = {
		sub: 'Repo:Example/Shop',
		'https://example.com/team': 'x y',
		'/kubernetes.io/serviceaccount/name': { anyOf: ['a', 'B'] },
		'/a~1b/c~0d': { prefix: 'refs/heads/' },
	}
	expect(read({ oidc: { ...oidc, claims } }).oidc).toEqual({ ...oidc, claims })
})

it('names no workload where Kubernetes does', () => {
	const spec = { oidc: { issuer: 'https://k8s.example.net', audiences: ['mesh'], kubernetesServiceAccounts: {} } }
	expect(parsed(workloadTrust(spec)).spec).toEqual({ maxTtl: '1h', ...spec })
})

it.each([
	['ES256', ecJwk],
	['ES384', { kty: 'EC', crv: 'P-384', x: bytes(48), y: bytes(48) }],
	['ES512', { kty: 'EC', crv: 'P-521', x: bytes(66), y: bytes(66) }],
	['EdDSA', { kty: 'OKP', crv: 'Ed25519', x: bytes(32) }],
	['PS256', { kty: 'RSA', alg: 'PS256', n: bytes(256, 0x80), e: 'AQAB' }],
	['RS512', { kty: 'RSA', alg: 'RS512', n: bytes(512), e: 'Aw' }],
])('keeps of a key for %s what verifying needs, its one algorithm always', (alg, jwk) => {
	const beside = { kid: 'k', use: 'sig', key_ops: ['verify'], ext: true, x5c: ['MII'], x5t: 'a', 'x5t#S256': 'b' }
	expect(readKey({ ...jwk, ...beside })).toEqual({ ...jwk, kid: 'k', alg })
	expect(readKey(readKey(jwk))).toEqual({ ...jwk, alg })
})

it('reads fingerprints as OpenSSL writes them and as Cloudflare does', () => {
	const plain = 'ab'.repeat(32)
	const rules = { fingerprintsSha256: [plain.toUpperCase().replace(/..(?!$)/g, '$&:'), 'cd'.repeat(32)] }
	expect(read({ clientCertificate: rules }).clientCertificate).toEqual({
		fingerprintsSha256: [plain, 'cd'.repeat(32)],
	})
})

it('believes issuers over http on this machine only, and only where endpoints may be anywhere', () => {
	const judged = (addresses: 'any' | 'names', issuer: string) => {
		const document = workloadTrust({ workload: 'orders', oidc: { ...oidc, issuer, jwksUri: `${issuer}/keys` } })
		const result = parseDocuments(JSON.stringify(document), 'json', { addresses, meshDomain: 'mesh.example.com' })
		return result.ok ? [] : result.error.map(({ path }) => path)
	}
	const both = ['spec.oidc.issuer', 'spec.oidc.jwksUri']
	expect(judged('any', 'http://localhost:8080')).toEqual([])
	expect(judged('any', 'http://127.0.0.1:8080')).toEqual([])
	expect(judged('any', 'http://issuer.example.net')).toEqual(both)
	for (const host of [
		'http://localhost',
		'https://localhost',
		'https://10.0.0.1',
		'https://issuer',
		'http://a.example',
	])
		expect(judged('names', host), host).toEqual(both)
	expect(judged('names', 'https://issuer.example.net')).toEqual([])
})
