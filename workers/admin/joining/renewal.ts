/** Renewal: who is a workload stays one, as long as some WorkloadTrust names it. */
import { workloadText } from '../../../src/joining/candidates.ts'
import type { WorkloadName } from '../../../src/ports.ts'
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
	spendKeyProof: () => Promise<Result<void, Refused>>,
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
	const spent = await spendKeyProof()
	if (!spent.ok) return { ok: false, error: { ...spent.error, subject } }
	if (!(await isFirstTime(mesh, proof.value)))
		return refuse('invalid_client', 'the WPT was shown before: make one for each request', { subject, status: 400 })
	return ok({ trust, workload: name, subject })
}

/** For audit. */
export const subjectOf = ({ proven }: ProvenWorkload): string => `${proven.spiffeId} key ${proven.keyThumbprint}`

/** In the whole mesh, not in this isolate only: it costs what is issued for it. */
export const isFirstTime = (mesh: Mesh, { proven, tokenId, expiresAt }: ProvenWorkload): Promise<boolean> =>
	mesh.keyRing().once(`proof ${proven.keyThumbprint} ${tokenId}`, expiresAt)
