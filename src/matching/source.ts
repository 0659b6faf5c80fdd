/** Whether a request comes from one of the workloads that a rule names. */

/** Who sends a request, as far as it is proven. */
export interface Caller {
	readonly namespace: string
	readonly workload: string
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
