/** Whether a request comes from one of the workloads that a rule names. */
import type { PeerMethod } from '../snapshot/peerAuthentication.ts'

/** Who sends a request, as far as it is proven. */
export interface Caller {
	/** E.g. `spiffe://mesh.example.com/ns/default/sa/orders`. */
	readonly spiffeId: string
	/** Of a workload of this mesh. Those of other trust domains have neither. */
	readonly namespace?: string
	readonly workload?: string
	/** How it was proven; of several ways the one that counts first. */
	readonly method: PeerMethod
	readonly alsoBy?: readonly PeerMethod[]
	/** The proof was shown here before, or nobody can tell. */
	readonly reused: boolean
}

/** A source without a workload is every workload of its namespace. A caller that proves nothing is none of them. */
export function isFrom(
	sources: readonly { readonly namespace: string; readonly workload?: string }[],
	caller: Caller | undefined,
): boolean {
	if (caller === undefined) return false
	for (let i = 0; i < sources.length; i++) {
		const { namespace, workload } = sources[i]!
		if (namespace === caller.namespace && (workload === undefined || workload === caller.workload)) return true
	}
	return false
}
