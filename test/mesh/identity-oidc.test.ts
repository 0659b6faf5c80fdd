/** Tokens of other platforms, exchanged on the real runtime: their issuers are real HTTP servers. */
import { generateSecret, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, startAdmin, stopAdmin } from './adminHarness.ts'
import { type Issuer, startIssuer } from './issuer.ts'
import { apply, askForToken, dpop, exchange, JWT, newKey, workloadTrust } from './workload.ts'

const AUDIENCE = 'https://admin.mesh.localhost'
let github: Issuer
let cluster: Issuer
let stranger: Issuer

beforeAll(async () => {
	await startAdmin()
	;[github, cluster, stranger] = await Promise.all([startIssuer(), startIssuer('ES256'), startIssuer()])
	await apply(
		workloadTrust('ci', {
			workload: 'deployer',
			maxTtl: '10m',
			oidc: {
				issuer: github.url,
				audiences: ['selvedge', AUDIENCE],
				claims: { repository: 'example/shop', ref: { anyOf: ['refs/heads/main', 'refs/heads/release'] } },
			},
		}),
		workloadTrust('tests', {
			workload: 'tester',
			oidc: { issuer: github.url, audiences: ['selvedge'], claims: { repository: 'example/shop' } },
		}),
		workloadTrust(
			'cluster',
			{
				oidc: {
					issuer: cluster.url,
					audiences: [AUDIENCE],
					kubernetesServiceAccounts: { names: ['orders', 'payments'] },
				},
			},
			'shop',
		),
	)
})
afterAll(async () => {
	await stopAdmin()
	await Promise.all([github, cluster, stranger].map((issuer) => issuer?.stop()))
})

const job = (claims: object = {}) => ({
	sub: 'repo:example/shop:ref:refs/heads/main',
	aud: 'selvedge',
	repository: 'example/shop',
	repository_owner: 'example',
	ref: 'refs/heads/main',
	job_workflow_ref: 'example/shop/.github/workflows/deploy.yml@refs/heads/main',
	...claims,
})
const pod = (account: string, namespace = 'shop') => ({
	sub: `system:serviceaccount:${namespace}:${account}`,
	aud: [AUDIENCE],
	'kubernetes.io': {
		namespace,
		serviceaccount: { name: account, uid: 'b2f1' },
		pod: { name: 'orders-5d', uid: 'c3e2' },
	},
})

async function join(token: string, more: Record<string, string> = {}) {
	return askForToken(exchange(token, JWT, more), { dpop: await dpop(await newKey()) })
}

describe('a token of a CI job', () => {
	const workload = { workload: 'default/deployer' }

	it('becomes the workload that its claims fit, for no longer than the WorkloadTrust says', async () => {
		const { status, body } = await join(await github.sign(job()), workload)
		expect([status, body.spiffe_id, body.expires_in]).toEqual([
			200,
			'spiffe://mesh.localhost/ns/default/sa/deployer',
			600,
		])
	})

	it('is asked which workload it means where several fit', async () => {
		const token = await github.sign(job())
		const { status, body } = await join(token)
		expect([status, body.error]).toEqual([400, 'invalid_request'])
		expect(body.error_description).toContain('default/deployer, default/tester')
		expect((await join(token, { workload: 'default/tester' })).body.spiffe_id).toMatch(/tester$/)
	})

	it('counts once', async () => {
		const token = await github.sign(job())
		expect((await join(token, workload)).status).toBe(200)
		const again = await join(token, workload)
		expect([again.status, again.body.error]).toEqual([400, 'invalid_request'])
		expect(again.body.error_description).toContain('used before')
	})

	const now = Math.floor(Date.now() / 1000)
	it.each([
		['of another repository', job({ repository: 'example/other' }), 'no WorkloadTrust'],
		['of a branch that is not named', job({ ref: 'refs/heads/feature' }), 'no WorkloadTrust'],
		['for another audience', job({ aud: 'https://sigstore.dev' }), 'aud'],
		['without an audience', job({ aud: undefined }), 'aud'],
		['that has expired', job({ exp: now - 1 }), 'exp'],
		['without an end', job({ exp: undefined }), 'exp'],
		['that lives for a week', job({ exp: now + 7 * 86_400 }), '24 hours'],
		['of the future', job({ nbf: now + 600 }), 'nbf'],
		['issued in the future', job({ iat: now + 600 }), 'iat'],
	])('%s is refused', async (_, claims, why) => {
		const { status, body } = await join(await github.sign(claims), workload)
		expect([status, body.error]).toEqual([400, 'invalid_request'])
		expect(body.error_description).toContain(why)
	})

	it('signed by another issuer in its name is refused, as are HMAC, no signature and an alg that is not the key’s', async () => {
		const forged = await stranger.sign(job({ iss: github.url }))
		const shared = await new SignJWT(job({ iss: github.url, exp: now + 600 }))
			.setProtectedHeader({ alg: 'HS256' })
			.sign(await generateSecret('HS256'))
		const [header, payload] = (await github.sign(job())).split('.')
		const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`
		const turned = `${Buffer.from(Buffer.from(header!, 'base64url').toString().replace('RS256', 'PS256')).toString('base64url')}.${payload}.AAAA`
		for (const token of [forged, shared, none, turned, 'rubbish', `${header}.${payload}`]) {
			const { status, body } = await join(token, workload)
			expect([status, body.error]).toEqual([400, 'invalid_request'])
		}
	})

	it('of an issuer that no WorkloadTrust names is refused, and its issuer never asked', async () => {
		const { status, body } = await join(await stranger.sign(job()), workload)
		expect([status, body.error]).toEqual([400, 'invalid_request'])
		expect(stranger.asked).toEqual([])
	})
})

describe('the keys of an issuer', () => {
	const workload = { workload: 'default/deployer' }

	it('are fetched once, and not again for keys that nobody has', async () => {
		const before = github.asked.length
		for (let i = 0; i < 5; i++) await join(await github.sign(job(), { kid: 'unknown' }), workload)
		expect((await join(await github.sign(job()), workload)).status).toBe(200)
		expect(github.asked.length - before).toBeLessThanOrEqual(2)
		expect(await metrics()).toMatch(
			new RegExp(`selvedge_issuer_keys_age_seconds\\{issuer="${github.url}",kind="issuer"\\} \\d`),
		)
	})

	it.each([
		['is called otherwise in its own document', 'https://elsewhere.example', undefined],
		['has its keys where the mesh may not look', undefined, 'http://keys.example/jwks'],
	])('are not taken from an issuer that %s', async (_, named, jwksUri) => {
		const liar = await startIssuer()
		const document = { issuer: named ?? liar.url, jwks_uri: jwksUri ?? `${liar.url}/keys` }
		liar.answers.set('/.well-known/openid-configuration', (response) => response.end(JSON.stringify(document)))
		await expectUnavailable(liar)
		expect(liar.asked).not.toContain('/keys')
	})

	it.each([
		['answers without end', { status: 200, headers: {}, body: 'x'.repeat(300_000) }],
		['fails', { status: 500, headers: {}, body: '{}' }],
	])('are not taken from an issuer that %s', async (_, { status, headers, body }) => {
		const liar = await startIssuer()
		liar.answers.set('/keys', (response) => response.writeHead(status, headers).end(body))
		await expectUnavailable(liar)
	})

	async function expectUnavailable(issuer: Issuer) {
		const claims = { sub: 'one' }
		const trust = workloadTrust(`of-${new URL(issuer.url).port}`, {
			workload: 'late',
			oidc: { issuer: issuer.url, audiences: ['selvedge'], claims },
		})
		await apply(trust)
		await new Promise((resolve) => setTimeout(resolve, 1_100))
		for (let i = 0; i < 3; i++) {
			const { status, headers, body } = await join(await issuer.sign({ ...claims, aud: 'selvedge' }))
			expect([status, body.error]).toEqual([503, 'temporarily_unavailable'])
			expect(headers.get('retry-after')).toBe('10')
		}
		expect(issuer.asked.filter((path) => path.includes('openid')).length).toBe(1)
		await issuer.stop()
	}
})

describe('a token of a Kubernetes service account', () => {
	it('becomes the workload of its own name, in its own namespace', async () => {
		for (const account of ['orders', 'payments']) {
			const { status, body } = await join(await cluster.sign(pod(account)))
			expect([status, body.spiffe_id]).toEqual([200, `spiffe://mesh.localhost/ns/shop/sa/${account}`])
		}
	})

	it.each([
		['of another namespace', pod('orders', 'default')],
		['that is not named', pod('admin')],
		['of no service account', { ...pod('orders'), sub: 'system:node:one' }],
	])('%s is refused', async (_, claims) => {
		expect((await join(await cluster.sign(claims))).body.error_description).toContain('no WorkloadTrust')
	})

	it('goes on to be exchanged while its issuer is down', async () => {
		const token = await cluster.sign(pod('orders'))
		await cluster.stop()
		expect((await join(token)).status).toBe(200)
	})
})

it('who may join may no more a second after the WorkloadTrust is gone', async () => {
	const body = JSON.stringify([workloadTrust('tests', {}), workloadTrust('ci', {})])
	const removed = await ask('POST', '/v1/delete', { headers: { 'content-type': 'application/json' }, body })
	expect(removed.status).toBe(200)
	await new Promise((resolve) => setTimeout(resolve, 1_000))
	expect((await join(await github.sign(job()))).status).toBe(400)
})

const metrics = async () => (await ask('GET', '/metrics')).text()
