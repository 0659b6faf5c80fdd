/** Joining by a one-time token that an operator made. */
import { workloadText } from '../../../src/joining/candidates.ts'
import type { WorkloadName } from '../../../src/ports.ts'
import type { WorkloadTrust } from '../../../src/resources/workloadTrust.ts'
import { ok, type Result } from '../../../src/result.ts'
import type { Mesh } from '../mesh.ts'
import { hashOf } from '../tokens.ts'
import { decide, type Joined } from './joined.ts'
import { type Refused, refuse } from './refused.ts'

/**
 * Uses the token up. Of several who show it at once the ring lets one win; what it is for is looked up at its source, so that a
 * trust that is new is no reason to lose a token.
 */
export async function joinByJoinToken(
	mesh: Mesh,
	token: string,
	asked: WorkloadName | undefined,
): Promise<Result<Joined, Refused>> {
	const hash = await hashOf(token)
	const subject = `join token sha256:${hash.slice(0, 16)}`
	const wrong = (why: string) =>
		// RFC 8693 §2.2.2: a subject token that is not accepted makes the request invalid.
		refuse('invalid_request', 'the join token is unknown, used, expired, or for another workload', { why, subject })
	const redeemed = await mesh.keyRing().redeemJoinToken(hash)
	if (redeemed === null) return wrong('the join token is unknown, used or expired')
	if (asked !== undefined && workloadText(asked) !== workloadText(redeemed.workload))
		return wrong(`the join token was for ${workloadText(redeemed.workload)}, and is used up`)
	const [namespace = '', name = ''] = redeemed.trust.split('/')
	const stored = await mesh.policyStore().get('WorkloadTrust', namespace, name)
	const trusts = stored === null ? [] : [stored.resource as WorkloadTrust]
	const decided = decide(mesh, trusts, { method: 'joinToken', ...redeemed }, asked, wrong)
	return decided.ok ? ok({ ...decided.value, subject }) : decided
}
