/** How a service wants its callers to prove who they are. */

/** `WorkloadProof`: WIT and WPT (IETF WIMSE). `JWTSVID`: a bearer token. `ClientCertificate`: mutual TLS at the edge. */
export type PeerMethod = 'WorkloadProof' | 'JWTSVID' | 'ClientCertificate'

/** Of policies for Service, namespace and mesh, the nearest one's field counts, as for traffic. */
export interface PeerRules {
	/**
	 * `STRICT`: nobody who proves nothing. `PERMISSIVE`: whoever proves something proves it well. `DISABLE`: proofs of methods that the
	 * service does not take are not looked at; the caller stays unknown.
	 */
	readonly mode?: 'STRICT' | 'PERMISSIVE' | 'DISABLE'
	/** The proofs that count. */
	readonly methods?: readonly PeerMethod[]
	/** Whether a WPT may be shown more than once before it expires. The draft leaves it to the deployment. */
	readonly proofReuse?: 'Never' | 'UntilExpiry'
}
