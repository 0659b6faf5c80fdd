/** The engine against the specification, on 100,000 random requests. */
import { describe, expect, it } from 'vitest'
import { compileAccess } from '../../src/authorization/compileAccess.ts'
import { type AccessVerdict, decide, type PolicyName } from '../../src/authorization/decide.ts'
import { seeded } from '../random.ts'
import { randomRequest, TRUST_DOMAIN } from './authorizationCases.ts'
import { randomWorld } from './authorizationCrowds.ts'
import { type SpecVerdict, specVerdict } from './authorizationSpecification.ts'

const WORLDS = 5_000
const REQUESTS = 20

const nameOf = ({ policy, rule }: PolicyName) => `${policy} ${rule}`

const asSpec = ({ allowed, by, authorizers, audited, dryRun }: AccessVerdict): SpecVerdict => ({
	allowed,
	by: by && nameOf(by),
	authorizers: authorizers.map(({ name }) => name),
	audited,
	dryRun: dryRun && { allowed: dryRun.allowed, by: nameOf(dryRun.by!) },
})

describe('decide', () => {
	it('agrees with the specification on whom it lets in, by what, and what dry runs would change', () => {
		const seen = { allowed: 0, refused: 0, by: 0, authorizers: 0, audited: 0, wouldRefuse: 0, wouldAdmit: 0 }
		for (let seed = 1; seed <= WORLDS; seed++) {
			const random = seeded(seed)
			const layers = randomWorld(random)
			const compiled = layers.map((policies) => compileAccess(policies, TRUST_DOMAIN))
			const defaultAccess = random() < 0.7 ? 'open' : 'closed'
			for (let i = 0; i < REQUESTS; i++) {
				const request = randomRequest(random)
				const expected = specVerdict(layers, defaultAccess, TRUST_DOMAIN, request)
				const verdict = asSpec(decide(compiled, defaultAccess, request))
				// Comparing texts is quicker; the objects are for people to read.
				if (JSON.stringify(verdict) !== JSON.stringify(expected))
					expect(verdict, `seed ${seed}, request ${i}: ${JSON.stringify({ layers, request }, null, 1)}`).toEqual(
						expected,
					)
				count(seen, expected)
			}
		}
		for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan((WORLDS * REQUESTS) / 50)
	})
})

function count(seen: Record<string, number>, { allowed, by, authorizers, audited, dryRun }: SpecVerdict): void {
	const add = (what: string, holds: boolean) => {
		if (holds) seen[what]!++
	}
	add('allowed', allowed)
	add('refused', !allowed)
	add('by', by !== undefined)
	add('authorizers', authorizers.length > 0)
	add('audited', audited.length > 0)
	add('wouldRefuse', dryRun?.allowed === false)
	add('wouldAdmit', dryRun?.allowed === true)
}
