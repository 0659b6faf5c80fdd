/** Renewal: who is a workload stays one, as long as some WorkloadTrust names it. */
import { workloadText } from '../../../src/joining/candidates.ts'
import type { ShownOnce, WorkloadName } from '../../../src/ports.ts'
import { ok, type Result } from '../../../src/result.ts'
import type { Mesh } from '../mesh.ts'
import type { Joined } from './joined.ts'
import { type Refused, refuse } from './refused.ts'
import { trustBehind } from './trusts.ts'
import { type ProvenWorkload, proveWorkload } from './workloadProof.ts'

/** The drafts want 400 for WITs and WPTs that are wrong, never 401. */
export async function renewByProof(
	mesh: Mesh,
	request: Request,
	asked: WorkloadName | undefined,
): Promise<Result<Joined, Refused>> {
	const proof = await proveWorkload(mesh, request)
	if (!proof.ok) return refuse('invalid_client', `${proof.error.code}: ${proof.error.detail}`, { status: 400 })
	const { name } = proof.value
	const subject = subjectOf(proof.value)
	if (asked !== undefined && workloadText(asked) !== workloadText(name))
		return refuse('unauthorized_client', 'workload must be left out, or be that of the WIT', { subject })
	const trust = await trustBehind(mesh, name)
	if (trust === undefined)
		return refuse('unauthorized_client', 'no WorkloadTrust names the workload any more', { subject })
	return ok({ trust, workload: name, subject, price: { uses: { once: [shownBy(proof.value)] }, again: SHOWN_BEFORE } })
}

const SHOWN_BEFORE: Refused = {
	error: 'invalid_client',
	description: 'the WPT was shown before: make one for each request',
	status: 400,
}

/** For audit. */
export const subjectOf = ({ proven }: ProvenWorkload): string => `${proven.spiffeId} key ${proven.keyThumbprint}`

const shownBy = ({ proven, tokenId, expiresAt }: ProvenWorkload): ShownOnce => ({
	value: `proof ${proven.keyThumbprint} ${tokenId}`,
	expiresAt,
})

/**
 * In the whole mesh, not in this isolate only: it costs what is issued for it. Whose share it takes of is the workload and not its key,
 * of which a workload can have as many as it likes.
 */
export const isFirstTime = async (mesh: Mesh, proof: ProvenWorkload): Promise<boolean> =>
	(await mesh.keyRing().once(proof.proven.spiffeId, shownBy(proof))) === 'first'
