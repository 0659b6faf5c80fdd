/** Random policies over random requests: what a replay says of a request's digests is what decides the request itself, or that it cannot tell. */
import { expect, it } from 'vitest'
import { compileAccess } from '../../src/authorization/compileAccess.ts'
import { type AccessVerdict, decide } from '../../src/authorization/decide.ts'
import type { AccessRequest } from '../../src/authorization/request.ts'
import type { AccessLayers } from '../../src/ports.ts'
import { type Replayed, replay } from '../../src/replay/replay.ts'
import type { AccessPolicies } from '../../src/snapshot/authorization.ts'
import type { JwtRule } from '../../src/snapshot/requestAuthentication.ts'
import { seeded } from '../random.ts'
import { layers, remember } from '../unit/replay/remembered.ts'
import { randomLayers, randomRequest, TRUST_DOMAIN } from './authorizationCases.ts'
import { changedRules, randomRules, randomShown, randomUserPolicies, shownFacts, userOf } from './replayUsers.ts'

const SEED = 20_261
const CASES = 600
const REQUESTS = 4
const USER_CASES = 8_000

const asks = ({ authorizers }: AccessVerdict): string => JSON.stringify(authorizers.map(({ name }) => name).sort())

/** What a change of policies does to a request, by the request itself. */
function truth(
	request: AccessRequest,
	[before, after]: readonly (readonly AccessPolicies[])[],
	defaultAccess: 'open' | 'closed',
) {
	const [was, is] = [before!, after!].map((policies) =>
		decide(
			policies.map((layer) => compileAccess(layer, TRUST_DOMAIN)),
			defaultAccess,
			request,
		),
	)
	return changeOf({ allowed: was!.allowed, asked: asks(was!) }, { allowed: is!.allowed, asked: asks(is!) })
}

interface Outcome {
	readonly allowed: boolean
	readonly asked: string
}

/** Whoever is asked about it where it is admitted: it is refused for sure the other way. */
function changeOf(was: Outcome, is: Outcome) {
	if (was.allowed !== is.allowed) return was.allowed ? 'newlyRefused' : 'newlyAdmitted'
	return was.asked === is.asked ? 'unchanged' : 'undecided'
}

function told(result: Replayed): keyof Replayed {
	if (result.unchanged === 1) return 'unchanged'
	return (['newlyRefused', 'newlyAdmitted', 'undecided'] as const).find((list) => result[list].length === 1)!
}

it(`replays are right or undecided (${CASES * REQUESTS} requests, seed ${SEED})`, async () => {
	const random = seeded(SEED)
	const counts: Record<string, number> = {}
	for (let i = 0; i < CASES; i++) {
		const both = [randomLayers(random), randomLayers(random)]
		const defaultAccess = random() < 0.5 ? 'open' : 'closed'
		const [before, after] = both.map((policies): AccessLayers => layers(policies, { defaultAccess }))
		for (let j = 0; j < REQUESTS; j++) {
			const request = randomRequest(random)
			const right = truth(request, both, defaultAccess)
			const said = told(await replay([await remember([request])], before!, after!, TRUST_DOMAIN))
			counts[said] = (counts[said] ?? 0) + 1
			if (said !== 'undecided' && said !== right)
				expect.fail(
					`case ${i}, request ${j}: ${said}, not ${right}: ${JSON.stringify({ both, defaultAccess, request })}`,
				)
		}
	}
	// A replay that can never tell would be right, too.
	const total = CASES * REQUESTS
	expect(counts.undecided! / total).toBeLessThan(0.25)
	for (const list of ['unchanged', 'newlyRefused', 'newlyAdmitted', 'undecided'])
		expect(counts[list]! / total).toBeGreaterThan(0.02)
})

/** What becomes of a request: its users first, then policies. */
function outcome(
	request: AccessRequest,
	shown: ReturnType<typeof randomShown>,
	users: readonly JwtRule[],
	policies: readonly AccessPolicies[],
	defaultAccess: 'open' | 'closed',
): Outcome {
	const user = userOf(users, shown)
	if (user === 'refused') return { allowed: false, asked: '[]' }
	const compiled = policies.map((layer) => compileAccess(layer, TRUST_DOMAIN))
	const verdict = decide(compiled, defaultAccess, { ...request, user })
	return { allowed: verdict.allowed, asked: asks(verdict) }
}

it(`replays of other rules of end users are right or undecided, also of tokens that were refused (${USER_CASES} requests, seed ${SEED})`, async () => {
	const random = seeded(SEED)
	const counts = { refused: new Map<string, number>(), others: new Map<string, number>() }
	for (let i = 0; i < USER_CASES; i++) {
		const rules = randomRules(random)
		const users = [rules, changedRules(random, rules)]
		const policies = random() < 0.8 ? randomUserPolicies(random) : randomLayers(random)
		const both = [policies, random() < 0.8 ? policies : randomLayers(random)]
		const defaultAccess = random() < 0.5 ? 'open' : 'closed'
		const shown = randomShown(random)
		const { user: _, ...request } = randomRequest(random)
		const [was, is] = both.map((layer, j) => outcome(request, shown, users[j]!, layer, defaultAccess))
		const right = changeOf(was!, is!)
		const [before, after] = both.map((layer, j): AccessLayers => {
			const [access] = layer
			return layers(layer, { defaultAccess, mesh: { ...(access && { access }), users: users[j]! } })
		})
		const { tokenFields, ...facts } = shownFacts(rules, shown, request.header)
		const batch = await remember([{ ...request, ...facts }], tokenFields)
		const said = told(await replay([batch], before!, after!, TRUST_DOMAIN))
		if (said !== 'undecided' && said !== right)
			expect.fail(`case ${i}: ${said}, not ${right}: ${JSON.stringify({ users, shown, facts, both, request })}`)
		const kind = facts.facts?.refusedUser === undefined ? counts.others : counts.refused
		kind.set(said, (kind.get(said) ?? 0) + 1)
	}
	for (const kind of Object.values(counts)) {
		const total = [...kind.values()].reduce((sum, count) => sum + count, 0)
		expect(total).toBeGreaterThan(400)
		expect(kind.get('undecided')! / total).toBeLessThan(0.35)
		expect(kind.get('newlyAdmitted')! / total).toBeGreaterThan(0.01)
	}
	expect(counts.others.get('newlyRefused')).toBeGreaterThan(20)
})
