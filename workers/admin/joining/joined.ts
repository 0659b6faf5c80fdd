/** Somebody who may have an identity: by which trust, and on whose word. */
import { type Candidate, candidatesOf, choose } from '../../../src/joining/candidates.ts'
import type { Evidence } from '../../../src/joining/fits.ts'
import type { Uses, WorkloadName } from '../../../src/ports.ts'
import type { WorkloadTrust } from '../../../src/resources/workloadTrust.ts'
import { ok, type Result } from '../../../src/result.ts'
import type { Mesh } from '../mesh.ts'
import { type Refused, refuse } from './refused.ts'

export interface Joined {
	readonly trust: WorkloadTrust
	readonly workload: WorkloadName
	/** Issuer and subject, key or fingerprint; for audit. No secret. */
	readonly subject: string
	/** What the identity costs, if there is something that counts once. */
	readonly price?: Price
}

/** Paid when the identity is issued, and not otherwise: whoever is refused for another reason may show the same again. */
export interface Price {
	readonly uses: Uses
	/** How whoever has paid with it before is refused. */
	readonly again: Refused
}

type Unfit = (why: string) => Result<never, Refused>

/** The trust that lets the proof in, and the workload that it makes. `unfit` says no in the words of the method. */
export function decide(
	mesh: Mesh,
	trusts: readonly WorkloadTrust[],
	evidence: Evidence,
	asked: WorkloadName | undefined,
	unfit: Unfit,
): Result<Candidate<WorkloadTrust>, Refused> {
	const { candidates, unmet } = candidatesOf(trusts, evidence, mesh.settings.meshDomain)
	const chosen = choose(candidates, asked)
	if (chosen.ok) return ok(chosen.value)
	if (chosen.error.reason === 'several')
		return refuse('invalid_request', `workload must say which one is meant: ${chosen.error.choices.join(', ')}`)
	return unfit(candidates.length === 0 ? unmet : 'the proof is for another workload than was asked for')
}
