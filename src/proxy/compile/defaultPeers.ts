/** How the mesh treats callers of services that no PeerAuthentication speaks of. */
import type { PeerRules } from '../../snapshot/peerAuthentication.ts'

/** Of mesh, namespace and Service, the nearest one's field each. */
export type CompiledPeers = Required<PeerRules>

export const DEFAULT_PEERS: CompiledPeers = {
	mode: 'PERMISSIVE',
	methods: ['WorkloadProof', 'JWTSVID', 'ClientCertificate'],
	proofReuse: 'Never',
}
