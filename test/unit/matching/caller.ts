/** Callers as the data path knows them once they have proven who they are. */
import type { Caller } from '../../../src/matching/source.ts'

export const callerOf = (namespace: string, workload: string, more: Partial<Caller> = {}): Caller => ({
	spiffeId: `spiffe://mesh.test/ns/${namespace}/sa/${workload}`,
	namespace,
	workload,
	method: 'WorkloadProof',
	reused: false,
	...more,
})
