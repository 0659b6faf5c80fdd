/** What explanations say where rules look at end users: who gets past them, who is refused there, and who only just missed. */
import { describe, expect, it } from 'vitest'
import type { DescribedUser } from '../../../src/explain/introduce.ts'
import type { AccessCondition } from '../../../src/snapshot/authorization.ts'
import type { Cors } from '../../../src/snapshot/filters.ts'
import type { JwtRule } from '../../../src/snapshot/requestAuthentication.ts'
import type { PartBody, Rule } from '../../../src/snapshot/snapshot.ts'
import { head, rule, service, slice } from '../proxy/knowledge/fakeReplica.ts'
import { jwtRule } from '../proxy/users/signedIn.ts'
import { explained } from './explained.ts'

const ISSUER = jwtRule().issuer
const URL_OF = 'http://h.test/'
const user = (groups: string[], more: Partial<DescribedUser> = {}): DescribedUser => ({
	...{ issuer: ISSUER, subject: 'alice', audiences: ['shop'], claims: { groups } },
	...more,
})
const groups: AccessCondition = {
	key: { of: 'claim', path: ['groups'] },
	values: ['group1', 'group*'],
	notValues: ['group9'],
}
const nested: AccessCondition = { key: { of: 'claim', path: ['realm', 'role'] }, values: ['x'] }
const principal: AccessCondition = { key: { of: 'requestPrincipal' }, notValues: [`${ISSUER}/eve`] }

const members = { ...rule('default/r/members', '', 'd/members'), only: [{ when: [groups] }] }
const rest = rule('default/r/rest', '', 'd/rest')
const parts = (rules: Rule[], users: JwtRule[] = [jwtRule()]): Record<string, PartBody> => ({
	...head('h.test'),
	...slice('h.test', 'r', rules),
	...service('d/members', { id: 'm' }),
	...service('d/rest', { id: 'r' }),
	'namespace/default': { kind: 'namespace', namespace: 'default', users },
})
const failed = [
	{ condition: 'user', name: 'request.auth.claims[groups]', wanted: 'group1, group* and none of group9', got: null },
]

describe('a rule that looks at users', () => {
	it('wins for whom it is', async () => {
		const explanation = await explained(parts([members, rest]), URL_OF, { user: user(['group2']) })
		expect(explanation.rule?.name).toBe('default/r/members')
		expect(explanation.outcomes).toMatchObject([{ percent: 100, outcome: 'sent', service: 'd/members' }])
		expect(explanation.nearMisses).toEqual([])
	})

	it.each<[string, DescribedUser | undefined, string | null]>([
		['another user', user(['other']), `${ISSUER}/alice`],
		['whom it excludes', user(['group1', 'group9']), `${ISSUER}/alice`],
		['nobody', undefined, null],
	])('is only just missed by %s', async (_, one, got) => {
		const explanation = await explained(parts([members, rest]), URL_OF, { user: one })
		expect(explanation.rule?.name).toBe('default/r/rest')
		expect(explanation.nearMisses).toMatchObject([
			{ rule: 'default/r/members', wouldWin: true, failed: [{ ...failed[0], got }] },
		])
		// Of a user no claim is told.
		expect(JSON.stringify(explanation.nearMisses)).not.toContain('other')
	})

	it('names each condition that fails, and no other', async () => {
		const strict = { ...members, only: [{ when: [groups, nested] }, { when: [principal] }] }
		const explain = (one: DescribedUser) => explained(parts([strict, rest]), URL_OF, { user: one })
		const names = ({ nearMisses }: Awaited<ReturnType<typeof explain>>) =>
			nearMisses.map(({ failed }) => failed.map(({ name, wanted }) => [name, wanted]))
		expect(names(await explain(user(['group1'])))).toEqual([[['request.auth.claims[realm][role]', 'x']]])
		expect(
			names(await explain(user(['group1'], { subject: 'eve', claims: { groups: 'group1', realm: { role: 'x' } } }))),
		).toEqual([[['request.auth.principal', `none of ${ISSUER}/eve`]]])
	})

	it('knows nobody where its namespace believes no issuer', async () => {
		const explanation = await explained(parts([members, rest], []), URL_OF, { user: user(['group1']) })
		expect(explanation.nearMisses).toMatchObject([{ rule: 'default/r/members', failed }])
	})
})

describe('a user whom the namespace of a rule does not believe', () => {
	const stranger = user(['group1'], { issuer: 'https://x' })

	it('is refused where the rule would have asked, and the refusal is of that rule', async () => {
		const explanation = await explained(parts([members, rest]), URL_OF, { user: stranger })
		expect(explanation.outcomes).toMatchObject([
			{
				percent: 100,
				rule: 'default/r/members',
				outcome: 'refused',
				refusal: { reason: 'invalid_token', status: 401 },
			},
		])
		expect(explanation.rule).toMatchObject({ name: 'default/r/members', route: 'default/r' })
		expect(explanation.stages.map(({ stage, verdict }) => [stage, verdict])).toEqual([
			['host', 'passed'],
			['match', 'refused'],
		])
	})

	it('is refused in that share of the requests which comes so far', async () => {
		const some = { ...members, only: [{ when: [groups], share: 0.25 }] }
		const first = { ...rest, name: 'default/r/first', only: [{ share: 0.2 }] }
		const { outcomes } = await explained(parts([first, some, rest]), URL_OF, { user: stranger })
		expect(outcomes.map(({ percent, rule: name, outcome }) => [percent, name, outcome])).toEqual([
			[20, 'default/r/first', 'sent'],
			[20, 'default/r/members', 'refused'],
			[60, 'default/r/rest', 'sent'],
		])
	})

	it('is not refused where no rule asks', async () => {
		const elsewhere = { ...members, matches: [{ path: { type: 'PathPrefix', value: '/m' } as const }] }
		for (const rules of [
			[elsewhere, rest],
			[rest, members],
		])
			expect((await explained(parts(rules), URL_OF, { user: stranger })).outcomes).toMatchObject([{ outcome: 'sent' }])
	})

	it('by a token in the request itself, too', async () => {
		const request = new Request(URL_OF, { headers: { authorization: 'Bearer nonsense' } })
		expect((await explained(parts([members, rest]), request)).outcomes).toMatchObject([
			{ outcome: 'refused', refusal: { reason: 'invalid_token', detail: expect.stringMatching(/^malformed/) } },
		])
	})
})

it('a preflight is answered by a rule with a CORS filter, whoever that is for', async () => {
	const cors: Cors = {
		...{ allowOrigins: ['*'], allowCredentials: false, allowMethods: ['GET'], allowHeaders: [], exposeHeaders: [] },
		maxAgeSeconds: 5,
	}
	const headers = { origin: 'https://app.test', 'access-control-request-method': 'GET' }
	const request = () => new Request(URL_OF, { method: 'OPTIONS', headers })
	const explanation = await explained(parts([{ ...members, filters: { cors } }, rest]), request())
	expect(explanation.outcomes).toMatchObject([{ rule: 'default/r/members', outcome: 'answered' }])
	expect((await explained(parts([members, rest]), request())).nearMisses).toMatchObject([{ failed }])
	const only = [{ when: [groups], sources: [{ namespace: 'n' }] }]
	const { nearMisses } = await explained(parts([{ ...members, filters: { cors }, only }, rest]), request())
	expect(nearMisses.map((miss) => miss.failed.map(({ condition }) => condition))).toEqual([['source']])
})
