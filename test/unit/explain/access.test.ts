/** What explanations say of end users and of policies: the verdict, who made it, and what was looked at. */
import { describe, expect, it } from 'vitest'
import type { DescribedUser } from '../../../src/explain/introduce.ts'
import { MESH_PART, namespacePart } from '../../../src/names.ts'
import type { AccessPolicies } from '../../../src/snapshot/authorization.ts'
import type { JwtRule } from '../../../src/snapshot/requestAuthentication.ts'
import type { PartBody, ServiceTarget } from '../../../src/snapshot/snapshot.ts'
import { rule as rulePart, service, slice } from '../proxy/knowledge/fakeReplica.ts'
import { explained, stageOf, to, withFilters, withRule } from './explained.ts'

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
const custom = (name: string): AccessPolicies[number] => ({
	...{ name: `d/${name}`, action: 'CUSTOM', rules: [{}] },
	authorizer: {
		...{ name, service: 'd/opa', pathPrefix: '', timeoutMs: 1, failOpen: false, statusOnError: 403 },
		...{ includeRequestHeaders: [], includeAdditionalHeaders: [], headersToUpstreamOnAllow: [] },
		...{ headersToDownstreamOnAllow: [], headersToDownstreamOnDeny: [] },
	},
})
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

	it('that ask an authorizer say whom, in the outcome too, and ask nobody', async () => {
		const explanation = await explained(asking({ access: [custom('opa')] }), 'http://h.test/')
		expect(stageOf(explanation, 'authorize')!.backends).toMatchObject([{ verdict: 'passed', asks: ['opa'] }])
		expect(explanation.outcomes).toMatchObject([{ outcome: 'sent', asks: ['opa'] }])
	})

	it.each<[string, Record<string, PartBody>, string]>([
		['it is sent', asking({ access: [custom('opa')] }), 'The request goes to d/web (2 endpoints), if opa allows it'],
		[
			'several are asked',
			asking({ access: [custom('opa'), custom('waf')] }),
			'The request goes to d/web (2 endpoints), if opa and waf allow it',
		],
		[
			'there is no endpoint',
			asking({ access: [custom('opa')], endpoints: [] }),
			'The request is refused with 503, if opa allows it: ',
		],
		[
			'the rule answers by itself',
			withRule({
				access: [custom('opa')],
				filters: { redirect: { statusCode: 302, hostname: 'elsewhere.test' } },
			}),
			'The request is redirected to http://elsewhere.test/ with 302, if opa allows it',
		],
		[
			'only one of two backends has it asked',
			{
				...to({ weight: 1, service: 'd/web' }, { weight: 3, service: 'd/other' }),
				...service('d/other', { id: 'other1' }),
				'service/d/web': { ...(asking({})['service/d/web'] as ServiceTarget), access: [custom('opa')] },
			},
			'25 % go to d/web (2 endpoints), if opa allows it, 75 % go to d/other (1 endpoint)',
		],
		[
			'faults hold it up until its time is over',
			{
				...asking({ access: [custom('opa')] }),
				...slice('h.test', 'r', [
					{
						...rulePart('default/r/0', '', 'd/web'),
						filters: { faults: [{ delay: { ms: 2_000, share: 1 } }] },
						timeouts: { requestMs: 1_000 },
					},
				]),
			},
			'The request is refused with 504, if opa allows it: ',
		],
		[
			'the backend’s filters answer',
			{
				...asking({ access: [custom('opa')] }),
				...slice('h.test', 'r', [
					{
						...rulePart('default/r/0', '', 'd/web'),
						backends: [
							{
								...{ weight: 1, service: 'd/web' },
								filters: { redirect: { statusCode: 302, hostname: 'elsewhere.test' } },
							},
						],
					},
				]),
			},
			'The request is redirected to http://elsewhere.test/ with 302, if opa allows it',
		],
		[
			'another policy refuses it',
			asking({ access: [custom('opa'), ...deny('d/p')] }),
			'The request is refused with 403: ',
		],
	])('that ask an authorizer are told in the sentence where %s', async (_, parts, sentence) => {
		expect((await explained(parts, 'http://h.test/')).outcome.slice(0, sentence.length)).toBe(sentence)
	})

	it('that ask an authorizer about some backends only divide what faults refuse', async () => {
		const faults = { faults: [{ abort: { status: 503, share: 1 } }] }
		const parts = {
			...withRule({
				backends: [
					{ weight: 1, service: 'd/web' },
					{ weight: 3, service: 'd/other' },
				],
				filters: faults,
			}),
			'service/d/web': { ...(asking({})['service/d/web'] as ServiceTarget), access: [custom('opa')] },
		}
		const { outcomes } = await explained(parts, 'http://h.test/')
		expect(outcomes).toMatchObject([
			{ percent: 25, outcome: 'refused', asks: ['opa'] },
			{ percent: 75, outcome: 'refused' },
		])
		expect(outcomes[1]).not.toHaveProperty('asks')
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

	it.each<[string, Partial<DescribedUser>, string]>([
		['audiences', { audiences: ['shop'] }, 'sent'],
		['a claim of one text', { claims: { aud: 'shop' } }, 'sent'],
		['a claim of several', { claims: { aud: ['pay', 'shop'] } }, 'sent'],
		['a claim of others', { claims: { aud: ['pay'] } }, 'refused'],
		['audiences, and not by a claim beside them', { audiences: ['pay'], claims: { aud: 'shop' } }, 'refused'],
		['nothing', {}, 'refused'],
	])('is for the audiences that it is described with: by %s', async (_, said, expected) => {
		const { audiences: __, ...alice } = ALICE
		const inAudience: AccessPolicies = [
			{
				name: 'd/shop',
				action: 'ALLOW',
				rules: [
					{
						when: [
							{ key: { of: 'audiences' }, values: ['shop'] },
							{ key: { of: 'claim', path: ['aud'] }, values: ['shop'] },
						],
					},
				],
			},
		]
		const parts = asking({ users: [rule({ audiences: ['shop', 'till'] })], access: inAudience })
		expect(await outcome(parts, 'http://h.test/', { user: { ...alice, claims: {}, ...said } })).toMatchObject({
			outcome: expected,
		})
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
