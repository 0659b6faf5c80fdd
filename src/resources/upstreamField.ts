/** Fields of a request that a policy may write for a service: none by which the mesh or the platform says who calls. */
import { ownerOfRequestField } from './headerEdits.ts'
import { HeaderName } from './scalars.ts'

const OF_THE_MESH =
	/^(cdn-loop|cf-.*|client-cert(-chain)?|forwarded|selvedge-.*|traceparent|tracestate|via|workload-(identity|proof)-token|x-forwarded-.*|x-real-ip)$/

/** Why a policy may not write this field, as a sentence; undefined when it may. Some servers take `_` for `-`. */
export function ownerOfUpstreamField(name: string): string | undefined {
	const read = name.toLowerCase().replaceAll('_', '-')
	return (
		ownerOfRequestField(read) ??
		(OF_THE_MESH.test(read) ? `must not be '${name}': the mesh or the platform writes it` : undefined)
	)
}

export const UpstreamField = HeaderName.superRefine((name, context) => {
	const message = ownerOfUpstreamField(name)
	if (message !== undefined) context.addIssue({ code: 'custom', message })
})
