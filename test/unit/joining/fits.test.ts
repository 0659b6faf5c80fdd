/** Who is given which identity, and by which rule of a WorkloadTrust everybody else is refused. */
import { describe, expect, it } from 'vitest'
import { type Evidence, fits, type TrustDocument } from '../../../src/joining/fits.ts'
import type { WorkloadTrust } from '../../../src/resources/workloadTrust.ts'
import { ecJwk, parsed, workloadTrust } from '../resources/fixtures.ts'

const DOMAIN = 'mesh.example.com'
/** As the schema reads it: what it makes must be what is judged here. */
const trust = (spec: object, namespace = 'shop'): TrustDocument => {
	const document: WorkloadTrust = parsed({ ...workloadTrust(spec), metadata: { name: 'trust', namespace } }) as never
	return document
}
const judged = (document: TrustDocument, evidence: Evidence) => {
	const result = fits(document, evidence, DOMAIN)
	return result.ok ? `${result.value.namespace}/${result.value.workload}` : result.error
}

describe('a token of an issuer', () => {
	const issuer = 'https://issuer.example.net'
	const rules = {
		issuer,
		audiences: ['mesh', 'other'],
		claims: { repository: 'example/shop', ref: { prefix: 'refs/' } },
	}
	const ci = trust({ workload: 'deployer', oidc: rules })
	const good = { iss: issuer, aud: 'mesh', sub: 'x', repository: 'example/shop', ref: 'refs/heads/main' }
	const token = (changed: object = {}): Evidence => ({ method: 'oidc', claims: { ...good, ...changed } })

	it('makes the workload when issuer, audience and claims are right', () => {
		expect(judged(ci, token())).toBe('shop/deployer')
		expect(judged(ci, token({ aud: ['a', 'other'] }))).toBe('shop/deployer')
	})

	it.each<[object, string]>([
		[{ iss: `${issuer}/` }, 'spec.oidc.issuer'],
		[{ iss: issuer.toUpperCase() }, 'spec.oidc.issuer'],
		[{ iss: undefined }, 'spec.oidc.issuer'],
		[{ aud: 'mesh2' }, 'spec.oidc.audiences'],
		[{ aud: undefined }, 'spec.oidc.audiences'],
		[{ repository: 'example/shop-evil' }, 'spec.oidc.claims["repository"]'],
		[{ ref: 'tags/refs/' }, 'spec.oidc.claims["ref"]'],
		[{ ref: undefined }, 'spec.oidc.claims["ref"]'],
	])('with %j is refused', (changed, rule) => {
		expect(judged(ci, token(changed))).toBe(rule)
	})

	it('fits nobody where no claim is asked for, even should such a document be stored', () => {
		for (const claims of [undefined, {}]) {
			const open = { ...ci, spec: { workload: 'w', oidc: { issuer, audiences: ['mesh'], ...(claims && { claims }) } } }
			expect(judged(open, token())).toBe('spec.oidc.claims')
		}
	})
})

describe('a Kubernetes service account', () => {
	const issuer = 'https://k8s.example.net'
	const accounts = (more: object = {}) => ({
		oidc: { issuer, audiences: ['mesh'], kubernetesServiceAccounts: {}, ...more },
	})
	const token = (sub: unknown): Evidence => ({ method: 'oidc', claims: { iss: issuer, aud: ['mesh'], sub, tier: '1' } })

	it('is the workload of its own name, in the namespace of its own name', () => {
		expect(judged(trust(accounts()), token('system:serviceaccount:shop:orders'))).toBe('shop/orders')
		expect(judged(trust(accounts()), token(`system:serviceaccount:shop:${'a'.repeat(63)}`))).toBe(
			`shop/${'a'.repeat(63)}`,
		)
	})

	it.each([
		'system:serviceaccount:bank:orders',
		'system:serviceaccount:shop:',
		'system:serviceaccount:shop:or--ders',
		'system:serviceaccount:shop:or.ders',
		'system:serviceaccount:shop:Orders',
		'system:serviceaccount:shop:orders/../admin',
		'system:serviceaccount:shop:orders:admin',
		'system:serviceaccount:shop:-orders',
		'system:serviceaccount:shop:orders-',
		'system:serviceaccount:shop:orders\n',
		`system:serviceaccount:shop:${'a'.repeat(64)}`,
		'x:system:serviceaccount:shop:orders',
		'system:node:shop:orders',
		['system:serviceaccount:shop:orders'],
		undefined,
	])('is nobody as %j', (sub) => {
		expect(judged(trust(accounts()), token(sub))).toBe('spec.oidc.kubernetesServiceAccounts')
	})

	it('must be one of those named, where names are given', () => {
		const named = trust(accounts({ kubernetesServiceAccounts: { names: ['orders', 'cart'] } }))
		expect(judged(named, token('system:serviceaccount:shop:cart'))).toBe('shop/cart')
		expect(judged(named, token('system:serviceaccount:shop:pay'))).toBe('spec.oidc.kubernetesServiceAccounts')
	})

	it('must have the claims too that are asked for beside', () => {
		const sub = 'system:serviceaccount:shop:orders'
		expect(judged(trust(accounts({ claims: { tier: '1' } })), token(sub))).toBe('shop/orders')
		expect(judged(trust(accounts({ claims: { tier: '2' } })), token(sub))).toBe('spec.oidc.claims["tier"]')
	})
})

describe('a join token', () => {
	const batch = trust({ workload: 'batch', joinToken: {} })
	const workload = { namespace: 'shop', workload: 'batch' }

	it('makes the workload that it was made for, while its WorkloadTrust stands for that workload', () => {
		const token = { method: 'joinToken', workload, trust: 'shop/trust' } as const
		expect(judged(batch, token)).toBe('shop/batch')
		for (const other of [
			{ trust: 'shop/other' },
			{ trust: 'bank/trust' },
			{ workload: { ...workload, workload: 'pay' } },
			{ workload: { ...workload, namespace: 'bank' } },
		])
			expect(judged(batch, { ...token, ...other })).toBe('spec.joinToken')
		expect(judged(trust({ workload: 'other', joinToken: {} }), token)).toBe('spec.joinToken')
	})
})

describe('a signed assertion', () => {
	const key = { ...ecJwk, kty: 'EC', alg: 'ES256' } as const
	const ours = ['https://admin.mesh.example.com']
	const legacy = trust({ workload: 'legacy', privateKeyJwt: { jwks: { keys: [{ ...ecJwk, kid: 'a' }] } } })
	const claims = { iss: 'shop/legacy', sub: 'shop/legacy', aud: ours[0] }
	const assertion = (changed: object = {}, by: object = {}): Evidence => ({
		...{ method: 'privateKeyJwt', key: { ...key, ...by }, audiences: ours },
		claims: { ...claims, ...changed },
	})

	it('makes the workload that signs for itself, by either name', () => {
		const id = 'spiffe://mesh.example.com/ns/shop/sa/legacy'
		expect(judged(legacy, assertion())).toBe('shop/legacy')
		expect(judged(legacy, assertion({ iss: id, sub: id }))).toBe('shop/legacy')
	})

	it.each<[string, Evidence, string]>([
		['with the key of another', assertion({}, { x: key.y }), 'spec.privateKeyJwt.jwks'],
		['with the key, used with another algorithm', assertion({}, { alg: 'ES384' }), 'spec.privateKeyJwt.jwks'],
		['for another workload', assertion({ iss: 'shop/pay', sub: 'shop/pay' }), 'spec.workload'],
		['for another namespace', assertion({ iss: 'bank/legacy', sub: 'bank/legacy' }), 'spec.workload'],
		[
			'for another trust domain',
			assertion(Object.fromEntries(['iss', 'sub'].map((name) => [name, 'spiffe://evil.example/ns/shop/sa/legacy']))),
			'spec.workload',
		],
		['by somebody about somebody else', assertion({ iss: 'bank/legacy' }), 'spec.workload'],
		['by and about nobody', assertion({ iss: undefined, sub: undefined }), 'spec.workload'],
		['for another audience', assertion({ aud: 'https://other.example' }), 'spec.privateKeyJwt.audiences'],
		['for no audience', assertion({ aud: undefined }), 'spec.privateKeyJwt.audiences'],
	])('%s is refused', (_, evidence, rule) => {
		expect(judged(legacy, evidence)).toBe(rule)
	})

	it("is for the audiences that the WorkloadTrust names, instead of the mesh's own", () => {
		const named = trust({ workload: 'legacy', privateKeyJwt: { jwks: { keys: [ecJwk] }, audiences: ['tokens'] } })
		expect(judged(named, assertion({ aud: ['tokens'] }))).toBe('shop/legacy')
		expect(judged(named, assertion())).toBe('spec.privateKeyJwt.audiences')
	})
})

describe('a client certificate', () => {
	const certificate = {
		subject: 'CN=partner,O=Example',
		issuer: 'CN=ca,O=Example',
		fingerprintSha256: 'AB'.repeat(32),
		uriSans: ['spiffe://partner.example/a', 'urn:x'],
		dnsSans: ['Partner.example.com'],
	}
	const all = {
		subject: certificate.subject,
		issuer: certificate.issuer,
		fingerprintsSha256: ['cd'.repeat(32), 'ab'.repeat(32)],
		uriSan: 'urn:x',
		dnsSan: 'partner.example.com',
	}
	const by = (rules: object) => trust({ workload: 'partner', clientCertificate: rules })
	const shown = (changed: object = {}): Evidence => ({
		method: 'clientCertificate',
		certificate: { ...certificate, ...changed },
	})

	it('makes the workload when everything asked for holds', () => {
		expect(judged(by(all), shown())).toBe('shop/partner')
		for (const [field, value] of Object.entries(all))
			expect(judged(by({ [field]: value }), shown())).toBe('shop/partner')
	})

	it.each<[string, object]>([
		['subject', { subject: 'CN=partner,O=example' }],
		['issuer', { issuer: '' }],
		['fingerprintsSha256', { fingerprintSha256: 'ab'.repeat(31) }],
		['uriSan', { uriSans: ['urn:x:y'] }],
		['dnsSan', { dnsSans: ['evil.partner.example.com', ''] }],
	])('is refused by its %s', (field, changed) => {
		expect(judged(by(all), shown(changed))).toBe(`spec.clientCertificate.${field}`)
	})

	it('fits nobody where nothing is asked for, even should such a document be stored', () => {
		const open = { ...by(all), spec: { workload: 'partner', clientCertificate: {} } }
		expect(judged(open, shown())).toBe('spec.clientCertificate')
	})
})

it('what is proven in one way never fits a trust that asks for another', () => {
	const trusts = [
		trust({ workload: 'w', oidc: { issuer: 'https://i.example.net', audiences: ['mesh'], claims: { sub: 'a' } } }),
		trust({ workload: 'w', joinToken: {} }),
		trust({ workload: 'w', privateKeyJwt: { jwks: { keys: [ecJwk] } } }),
		trust({ workload: 'w', clientCertificate: { subject: 'CN=w' } }),
	]
	const name = 'shop/w'
	const evidence: Evidence[] = [
		{ method: 'oidc', claims: { iss: 'https://i.example.net', aud: 'mesh', sub: 'a' } },
		{ method: 'joinToken', workload: { namespace: 'shop', workload: 'w' }, trust: 'shop/trust' },
		{
			...{ method: 'privateKeyJwt', key: { ...ecJwk, kty: 'EC', alg: 'ES256' }, audiences: ['mesh'] },
			claims: { iss: name, sub: name, aud: 'mesh' },
		},
		{
			method: 'clientCertificate',
			certificate: { subject: 'CN=w', issuer: '', fingerprintSha256: '', uriSans: [], dnsSans: [] },
		},
	]
	for (const [i, document] of trusts.entries())
		for (const [j, proof] of evidence.entries()) expect(judged(document, proof) === name, `${i} by ${j}`).toBe(i === j)
})
