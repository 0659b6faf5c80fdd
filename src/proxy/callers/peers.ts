/** What a service wants of its callers: who must prove who they are, by which methods, and how often with the same proof. */
import { spiffeIdOf } from '../../identity/spiffeId.ts'
import type { Caller } from '../../matching/source.ts'
import type { PeerMethod } from '../../snapshot/peerAuthentication.ts'
import type { CompiledService } from '../compile/compileService.ts'
import { DEFAULT_PEERS } from '../compile/defaultPeers.ts'
import type { Exchange } from '../exchange.ts'
import type { RoutingTable } from '../knowledge/routingTable.ts'
import type { Refusal } from '../refusal.ts'

/** Who calls, as far as that is known, and whom. */
interface Judged {
	readonly service?: Pick<CompiledService, 'name' | 'peers' | 'external'>
	readonly caller: Caller | undefined
	readonly distrust?: Refusal | undefined
}

/**
 * The method by which the exchange's caller counts for its service; undefined: the caller is as good as unknown. Services outside the
 * mesh are told nothing of who calls, and ask for nothing.
 */
export function judge({ service, caller, distrust }: Judged, isShown = true): PeerMethod | Refusal | undefined {
	const { peers, external, name } = service!
	if (external || peers.mode === 'DISABLE') return undefined
	if (distrust !== undefined) return distrust
	const method = caller && countingMethod(caller, peers.methods)
	if (method === undefined)
		return peers.mode === 'STRICT' ? { reason: 'identity_required', service: name, methods: peers.methods } : undefined
	return isShown && method === 'WorkloadProof' && caller!.reused && peers.proofReuse === 'Never'
		? { reason: 'proof_replayed', service: name }
		: method
}

/**
 * The caller, as far as policies of access may count on it. Services outside the mesh are not told who calls, but policies may ask; and
 * where no service is asked, it counts as it would for one of the namespace.
 */
export function countingCaller(
	{ service, caller, distrust }: Exchange,
	{ defaults, namespaces }: RoutingTable,
	namespace: string,
	isShown = true,
): Caller | undefined {
	if (caller === undefined) return undefined
	const { name, peers } = service ?? {
		name: '',
		peers: { ...DEFAULT_PEERS, ...defaults.peers, ...namespaces.get(namespace)?.peers },
	}
	const verdict = judge({ service: { name, peers, external: false }, caller, distrust }, isShown)
	return typeof verdict === 'string' ? caller : undefined
}

const countingMethod = ({ method, alsoBy }: Caller, methods: readonly PeerMethod[]): PeerMethod | undefined =>
	methods.includes(method) ? method : alsoBy?.find((other) => methods.includes(other))

/** A workload of this mesh that has proven itself in every way, with a new proof. */
export function describedCaller(
	{ meshDomain }: RoutingTable,
	{ namespace, workload }: { readonly namespace: string; readonly workload: string },
): Caller {
	const [method, ...alsoBy] = DEFAULT_PEERS.methods
	const spiffeId = spiffeIdOf(meshDomain, namespace, workload)
	return { spiffeId, namespace, workload, method: method!, alsoBy, reused: false }
}
