/** What explanations say of end users and of policies: the verdict, who made it, and what was looked at. */
import { describe, expect, it } from 'vitest'
import type { DescribedUser } from '../../../src/explain/introduce.ts'
import { MESH_PART, namespacePart } from '../../../src/names.ts'
import type { AccessPolicies } from '../../../src/snapshot/authorization.ts'
import type { JwtRule } from '../../../src/snapshot/requestAuthentication.ts'
import type { PartBody, ServiceTarget } from '../../../src/snapshot/snapshot.ts'
import { explained, stageOf, to, withFilters } from './explained.ts'

const ISSUER = 'https://idp'
const ALICE: DescribedUser = { issuer: ISSUER, subject: 'alice', audiences: ['shop'], claims: { role: 'admin' } }

const rule = (more: Partial<JwtRule> = {}): JwtRule => ({
	...{ issuer: ISSUER, keys: { fetched: ISSUER }, clockSkewMs: 60_000, spaceDelimitedClaims: [] },
	from: [{ in: 'header', name: 'authorization', prefix: 'Bearer ' }],
	...more,
})

/** A mesh of one service, which asks for this. */
const asking = (more: Partial<ServiceTarget>, parts: Record<string, PartBody> = {}): Record<string, PartBody> => {
	const all = to({ weight: 1, service: 'd/web' })
	return { ...all, 'service/d/web': { ...(all['service/d/web'] as ServiceTarget), ...more }, ...parts }
}
const deny = (name: string, more: object = {}): AccessPolicies => [
	{ name, action: 'DENY', rules: [{ to: [{ methods: ['GET'] }] }], ...more },
]
const outcome = async (...args: Parameters<typeof explained>) => (await explained(...args)).outcomes[0]!

describe('policies', () => {
	it('that there are none of are skipped', async () => {
		const explanation = await explained(asking({}), 'http://h.test/')
		expect(stageOf(explanation, 'authorize')).toEqual({ stage: 'authorize', verdict: 'skipped', backends: [] })
	})

	it('of every layer are told, with the one that refused', async () => {
		const parts = {
			[MESH_PART]: {
				kind: 'mesh',
				egress: 'registryOnly',
				defaultAccess: 'open',
				access: deny('default/mesh', { rules: [] }),
			},
			[namespacePart('d')]: { kind: 'namespace', namespace: 'd', access: deny('d/namespace') },
		} as const
		const explanation = await explained(
			asking({ access: [{ name: 'd/allow', action: 'ALLOW', rules: [{}] }] }, parts),
			'http://h.test/',
		)
		expect(stageOf(explanation, 'authorize')).toEqual({
			stage: 'authorize',
			verdict: 'refused',
			backends: [
				{
					service: 'd/web',
					verdict: 'refused',
					defaultAccess: 'open',
					layers: [
						{ layer: 'mesh', policyCount: 1, policies: [{ policy: 'default/mesh', action: 'DENY' }] },
						{ layer: 'namespace', policyCount: 1, policies: [{ policy: 'd/namespace', action: 'DENY' }] },
						{ layer: 'service', policyCount: 1, policies: [{ policy: 'd/allow', action: 'ALLOW' }] },
					],
					by: { policy: 'd/namespace', ruleIndex: 0 },
					refusal: expect.objectContaining({ reason: 'access_denied', status: 403 }),
				},
			],
		})
		expect(explanation.outcomes).toMatchObject([{ outcome: 'refused', refusal: { reason: 'access_denied' } }])
		expect(explanation.stages.at(-1)!.stage).toBe('authorize')
	})

	it('that are tried out say what they would do, and do not', async () => {
		const explanation = await explained(asking({ access: deny('d/dry', { dryRun: true }) }), 'http://h.test/')
		expect(stageOf(explanation, 'authorize')!.backends).toMatchObject([
			{ verdict: 'passed', dryRun: { verdict: 'refused', policy: 'd/dry', ruleIndex: 0 } },
		])
		expect(explanation.outcomes).toMatchObject([{ outcome: 'sent' }])
	})

	it('of a mesh that is closed refuse by none', async () => {
		const closed = { [MESH_PART]: { kind: 'mesh', egress: 'registryOnly', defaultAccess: 'closed' } } as const
		const explanation = await explained(asking({}, closed), 'http://h.test/')
		const [backend] = stageOf(explanation, 'authorize')!.backends
		expect(backend).toMatchObject({ verdict: 'refused', defaultAccess: 'closed', layers: [] })
		expect(backend).not.toHaveProperty('by')
	})

	it('of a rule that answers by itself come before its answer', async () => {
		const parts = withFilters({ redirect: { statusCode: 302, hostname: 'elsewhere.test' } })
		const closed = { [MESH_PART]: { kind: 'mesh', egress: 'registryOnly', defaultAccess: 'closed' } } as const
		expect(await outcome(parts, 'http://h.test/')).toMatchObject({ outcome: 'answered' })
		expect(await outcome({ ...parts, ...closed }, 'http://h.test/')).toMatchObject({
			refusal: { reason: 'access_denied' },
		})
	})

	it('look at ambiguous paths not at all', async () => {
		const access = deny('d/paths', { rules: [{ to: [{ paths: ['/x'] }] }] })
		expect(await outcome(asking({ access }), 'http://h.test/a//b')).toMatchObject({
			refusal: { reason: 'ambiguous_path' },
		})
	})

	it('that ask an authorizer say whom, and ask nobody', async () => {
		const authorizer = {
			...{ name: 'opa', service: 'd/opa', pathPrefix: '', timeoutMs: 1, failOpen: false, statusOnError: 403 },
			...{ includeRequestHeaders: [], includeAdditionalHeaders: [], headersToUpstreamOnAllow: [] },
			...{ headersToDownstreamOnAllow: [], headersToDownstreamOnDeny: [] },
		}
		const access: AccessPolicies = [{ name: 'd/ask', action: 'CUSTOM', rules: [{}], authorizer }]
		const explanation = await explained(asking({ access }), 'http://h.test/')
		expect(stageOf(explanation, 'authorize')!.backends).toMatchObject([{ verdict: 'passed', asks: ['opa'] }])
	})

	it('come before the answer that there is no endpoint', async () => {
		const parts = asking({ endpoints: [] })
		expect(await outcome(parts, 'http://h.test/')).toMatchObject({ refusal: { reason: 'no_endpoint' } })
		expect(await outcome(asking({ endpoints: [], access: deny('d/p') }), 'http://h.test/')).toMatchObject({
			refusal: { reason: 'access_denied' },
		})
	})
})

describe('an end user', () => {
	const admins: AccessPolicies = [
		{
			name: 'd/admins',
			action: 'ALLOW',
			rules: [{ when: [{ key: { of: 'claim', path: ['role'] }, values: ['admin'] }] }],
		},
	]
	const users = [rule({ outputClaimToHeaders: [{ header: 'x-role', claim: ['role'] }] })]

	it('that is described is believed where a rule believes its issuer, and is told to the service', async () => {
		const explanation = await explained(asking({ users, access: admins }), 'http://h.test/', { user: ALICE })
		expect(stageOf(explanation, 'authenticate')).toEqual({
			stage: 'authenticate',
			verdict: 'passed',
			backends: [{ service: 'd/web', verdict: 'passed', user: { issuer: ISSUER, subject: 'alice' } }],
		})
		expect(explanation.outcomes).toMatchObject([{ outcome: 'sent' }])
		expect(explanation.edits!.request[0]!.headersAdded).toMatchObject({ 'x-role': 'admin' })
	})

	it('that nobody describes is none', async () => {
		const explanation = await explained(asking({ users, access: admins }), 'http://h.test/')
		expect(stageOf(explanation, 'authenticate')).toMatchObject({
			verdict: 'skipped',
			backends: [{ verdict: 'skipped' }],
		})
		expect(explanation.outcomes).toMatchObject([{ refusal: { reason: 'access_denied' } }])
	})

	it.each([
		['another issuer', rule({ issuer: 'https://other' })],
		['other audiences', rule({ audiences: ['pay'] })],
	])('of %s is refused', async (_, only) => {
		const explanation = await explained(asking({ users: [only] }), 'http://h.test/', { user: ALICE })
		expect(stageOf(explanation, 'authenticate')).toMatchObject({ verdict: 'refused' })
		expect(explanation.outcomes).toMatchObject([{ refusal: { reason: 'invalid_token', status: 401 } }])
		expect(explanation.stages.at(-1)!.stage).toBe('authenticate')
	})

	it('whose token is in the request itself is judged by that', async () => {
		const request = new Request('http://h.test/', { headers: { authorization: 'Bearer nonsense' } })
		expect(await outcome(asking({ users }), request)).toMatchObject({ refusal: { reason: 'invalid_token' } })
		expect(await outcome(asking({}), request)).toMatchObject({ outcome: 'sent' })
	})
})
