/** The whole way from documents to backends against a router written from the specification, over random meshes and requests. */
import { describe, expect, it } from 'vitest'
import { seeded } from '../random.ts'
import { type Asked, documentsOf, type World } from './documents.ts'
import { requestsTo } from './randomRequests.ts'
import { drawnShares, type Routed, simulatedMesh } from './simulatedMesh.ts'
import { disturb, emptyWorld, populate, registerSome } from './simulatedWorld.ts'
import { type Answer, criteria, specification } from './specification.ts'
import { createTally, type Tally } from './tally.ts'

const SEEDS = [1, 2]
const ROUTES = 1_000
const ROUNDS = 2
const REQUESTS = 100_000 / (SEEDS.length * ROUNDS)
const STEPS = 400

/** Undefined when both say the same. The backend drawn must be one that has a share. */
function difference({ verdict }: Answer, routed: Routed): string | undefined {
	if (verdict.outcome !== 'rule') return routed.outcome === verdict.outcome ? undefined : 'outcome'
	if (routed.rule !== verdict.rule) return 'rule'
	return verdict.odds.has(routed.backend!) ? undefined : 'backend'
}

/** All that is needed to see who is right. */
function report(seed: number, asked: Asked, answer: Answer, routed: Routed, world: World): string {
	const { compiled, ...came } = routed
	const expected = answer.verdict.outcome === 'rule' ? answer.verdict.rule : ''
	const concerned = documentsOf(world, 'HTTPRoute').filter(({ metadata: { namespace, name } }) =>
		[expected, routed.rule].some((rule) => rule?.startsWith(`${namespace}/${name}/`)),
	)
	const odds = answer.verdict.outcome === 'rule' ? [...answer.verdict.odds] : []
	const aged = concerned.map((route) => ({
		createdAt: world.documents.get(`HTTPRoute/${route.metadata.namespace}/${route.metadata.name}`)!.createdAt,
		...route,
	}))
	return JSON.stringify({ seed, asked, expected: { ...answer.verdict, odds }, came, routes: aged }, null, 1)
}

function simulate(seed: number, tally: Tally): void {
	const random = seeded(seed)
	const world = emptyWorld()
	const mesh = simulatedMesh(seeded(seed + 1_000), world.ownPort)
	for (const { text, format, removed, now } of populate(world, random, ROUTES)) mesh.apply(text, format, removed, now)
	mesh.register(registerSome(world, random))
	for (let round = 0; round < ROUNDS; round++) {
		if (round > 0)
			for (const { text, format, removed, now } of disturb(world, random, 1_000 + 10 * round))
				mesh.apply(text, format, removed, now)
		expect(documentsOf(world, 'HTTPRoute').length).toBe(ROUTES)
		const ask = requestsTo(world, random)
		const answerOf = specification(world)
		const seen = new Map<string, { routed: Routed; answer: Answer }>()
		for (let i = 0; i < REQUESTS; i++) {
			const asked = ask()
			const answer = answerOf(asked)
			const routed = mesh.route(asked)
			const different = difference(answer, routed)
			if (different !== undefined) expect.fail(`${different} differs: ${report(seed, asked, answer, routed, world)}`)
			tally.count(world, answer)
			if (routed.draws > 1 && routed.draws > answer.draws()) tally.note('drawn again', asked)
			if (routed.rule !== undefined) seen.set(routed.rule, { routed, answer })
		}
		for (const [rule, { routed, answer }] of seen) compareOdds(`seed ${seed}, rule ${rule}`, answer, routed)
	}
}

/** A rule's backends are drawn in the shares that its weights say. */
function compareOdds(what: string, { verdict }: Answer, { compiled, outcome }: Routed): void {
	if (verdict.outcome !== 'rule' || outcome === 'invalid_filter') return
	const drawn = drawnShares(compiled!, STEPS)
	// Each of at most five columns of the draw may be cut at two places, each off by at most one step.
	for (const [target, share] of verdict.odds)
		expect(Math.abs((drawn.get(target) ?? 0) - share), `${what}: share of ${target}`).toBeLessThan(10 / STEPS)
	expect(
		[...drawn.keys()].filter((target) => !verdict.odds.has(target)),
		what,
	).toEqual([])
}

describe('the mesh, from documents to backends', () => {
	const tally = createTally()

	it.each(SEEDS)('answers as the specification does for 1,000 routes that come and go (seed %i)', (seed) => {
		simulate(seed, tally)
	})

	it('draws the share of a rule once for a request, whichever of its matches and hostnames want it', () => {
		expect(tally.noted.get('drawn again') ?? []).toEqual([])
	})

	it('was asked what can tell right from wrong', () => {
		const { requests, counts } = tally
		const share = (name: string) => (counts.get(name) ?? 0) / requests
		expect(requests).toBe(100_000)
		expect(share('matched')).toBeGreaterThan(0.4)
		expect(share('not matched')).toBeGreaterThan(0.1)
		for (const criterion of criteria)
			expect(counts.get(`decided by ${criterion}`) ?? 0, criterion).toBeGreaterThanOrEqual(20)
		for (const feature of tally.features) expect(counts.get(feature) ?? 0, feature).toBeGreaterThanOrEqual(100)
	})
})
