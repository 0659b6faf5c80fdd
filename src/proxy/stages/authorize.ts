/**
 * Whether a request may be made at all: what the policies of mesh, namespace, Service and rule say together.
 *
 * Where there are none, and the mesh is open, nobody pays for more than a look.
 */
import type { AccessVerdict } from '../../authorization/decide.ts'
import { verdictOn } from '../access/access.ts'
import { askAuthorizer, type Means, type Question } from '../access/authorizer.ts'
import type { Plan } from '../compile/compileRule.ts'
import type { Exchange } from '../exchange.ts'
import type { Refusal } from '../refusal.ts'
import { destinationOf } from '../sending/outgoing.ts'

/**
 * Sets what the policies say. `userFields` are those in which its service hears of users. Synchronous while no authorizer is to be
 * asked.
 */
export function authorize(
	exchange: Exchange,
	plan: Plan | undefined,
	userFields: readonly string[],
	means: Means,
): Refusal | undefined | Promise<Refusal | undefined> {
	const verdict = verdictOn(exchange, () => destinationOf(exchange, plan), userFields, means.knowledge.table)
	if (verdict === undefined || 'reason' in verdict) return verdict
	exchange.access = verdict
	if (!verdict.allowed) return denied(verdict)
	if (verdict.authorizers.length === 0) return undefined
	return askAll(verdict, { exchange, destination: destinationOf(exchange, plan), userFields }, means)
}

const denied = ({ by }: AccessVerdict): Refusal => ({
	reason: 'access_denied',
	...(by === undefined ? {} : { policy: by.policy }),
})

/** One after the other, until one refuses. */
async function askAll(verdict: AccessVerdict, question: Question, means: Means): Promise<Refusal | undefined> {
	for (const [i, authorizer] of verdict.authorizers.entries()) {
		const refusal = await askAuthorizer(authorizer, question, means)
		if (refusal === undefined) continue
		if (!isOnBehalf(refusal)) return refusal
		// Whatever admitted it, on behalf of this policy it is refused.
		const by = verdict.askedBy![i]!
		question.exchange.access = { ...verdict, allowed: false, by }
		return { ...refusal, policy: by.policy }
	}
	return undefined
}

/** Others are the client's own doing, such as a body that does not come. */
const isOnBehalf = (refusal: Refusal): refusal is Extract<Refusal, { policy?: string }> =>
	refusal.reason === 'authorizer_denied' ||
	refusal.reason === 'authorizer_unavailable' ||
	refusal.reason === 'content_too_large'
