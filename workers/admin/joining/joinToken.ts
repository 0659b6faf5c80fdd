/** Joining by a one-time token that an operator made. */
import { workloadText } from '../../../src/joining/candidates.ts'
import type { WorkloadName } from '../../../src/ports.ts'
import type { WorkloadTrust } from '../../../src/resources/workloadTrust.ts'
import { ok, type Result } from '../../../src/result.ts'
import type { Mesh } from '../mesh.ts'
import { hashOf } from '../tokens.ts'
import { decide, type Joined } from './joined.ts'
import { type Refused, refuse } from './refused.ts'

/** RFC 8693 §2.2.2: a subject token that is not accepted makes the request invalid. */
const NO_GOOD = 'the join token is unknown, used, expired, or for another workload'

/**
 * The token is used up when something is issued for it: of several who show it at once the ring lets one win. What it is for is looked
 * up at its source, so that a trust that is new does not refuse it.
 */
export async function joinByJoinToken(
	mesh: Mesh,
	token: string,
	asked: WorkloadName | undefined,
): Promise<Result<Joined, Refused>> {
	const hash = await hashOf(token)
	const subject = `join token sha256:${hash.slice(0, 16)}`
	const wrong = (why: string) => refuse('invalid_request', NO_GOOD, { why, subject })
	const found = await mesh.keyRing().findJoinToken(hash)
	if (found === null) return wrong('the join token is unknown, used or expired')
	if (asked !== undefined && workloadText(asked) !== workloadText(found.workload))
		return wrong(`the join token is for ${workloadText(found.workload)}`)
	const [namespace = '', name = ''] = found.trust.split('/')
	const stored = await mesh.policyStore().get('WorkloadTrust', namespace, name)
	const trusts = stored === null ? [] : [stored.resource as WorkloadTrust]
	const decided = decide(mesh, trusts, { method: 'joinToken', ...found }, asked, wrong)
	if (!decided.ok) return decided
	const again: Refused = { error: 'invalid_request', description: NO_GOOD, why: 'somebody else was faster' }
	return ok({ ...decided.value, subject, price: { uses: { joinToken: hash }, again } })
}
