/** Workloads that show who they are by a WIT and a WPT (draft-ietf-wimse-wpt-02), to this API. */
import { type ProofError, type Proven, refuse } from '../../../src/identity/proven.ts'
import { compileTrust, type TrustStore } from '../../../src/identity/trustStore.ts'
import { verifyWit } from '../../../src/identity/wit.ts'
import { verifyWpt } from '../../../src/identity/wpt.ts'
import type { Published, WorkloadName } from '../../../src/ports.ts'
import { ok, type Result } from '../../../src/result.ts'
import type { Mesh } from '../mesh.ts'
import { remembered } from '../remembered.ts'

export interface ProvenWorkload {
	readonly name: WorkloadName
	readonly proven: Proven
	/** The proof's `jti`: what may be shown once, until `expiresAt` in ms since the epoch. */
	readonly tokenId: string
	readonly expiresAt: number
}

interface Known {
	readonly published: Published
	readonly trust: TrustStore
}

const load = remembered<Known>(async (mesh, before) => {
	const published = await mesh.keyRing().published()
	// Imported keys are kept for as long as they are the same.
	const isSame = before !== undefined && JSON.stringify(before.published.trust) === JSON.stringify(published.trust)
	return { published, trust: isSame ? before.trust : compileTrust(published.trust) }
})

/** What the mesh publishes, as it was at most a second ago. */
export const publishedOf = async (mesh: Mesh): Promise<Published> => (await load(mesh)).published

/** Whether the request has anything of a proof; then it has to be right. */
export const showsProof = (headers: Headers): boolean =>
	headers.has('workload-identity-token') || headers.has('workload-proof-token')

/** The workload of this mesh that the request is of. Whether its proof was shown before is for the caller to ask. */
export async function proveWorkload(mesh: Mesh, request: Request): Promise<Result<ProvenWorkload, ProofError>> {
	const { headers } = request
	const wit = headers.get('workload-identity-token')
	const wpt = headers.get('workload-proof-token')
	if (wit === null || wpt === null)
		return refuse('malformed', 'Workload-Identity-Token and Workload-Proof-Token belong together')
	const { trust } = await load(mesh)
	const verified = await verifyWit(trust, wit, mesh.now())
	if (!verified.ok) return verified
	const { proven } = verified.value
	const { namespace, workload } = proven
	if (namespace === undefined || workload === undefined)
		return refuse('unknown_trust_domain', 'the workload must be of the trust domain of this mesh')
	const accessToken = /^(?:Bearer|DPoP) +([^ ]+)$/i.exec(headers.get('authorization') ?? '')?.[1]
	const txnToken = headers.get('txn-token')
	const context = {
		audiences: audiencesOf(mesh, request),
		header: (name: string) => headers.get(name),
		...(accessToken === undefined ? {} : { accessToken }),
		...(txnToken === null ? {} : { txnToken }),
	}
	const proof = await verifyWpt(verified.value, wpt, context, mesh.now())
	if (!proof.ok) return proof
	return ok({ name: { namespace, workload }, proven, ...proof.value })
}

/** Made of what the mesh is configured for: of the request's own URL only the path counts. */
const audiencesOf = ({ settings }: Mesh, { url }: Request): readonly string[] => [
	settings.issuer,
	settings.issuer + new URL(url).pathname,
]
