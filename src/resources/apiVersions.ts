/** The API versions that documents may carry, each read as the version that the mesh speaks. */
import { z } from 'zod'

/** Gateway API's v1beta1 documents have the same fields: they are read as v1. */
export const GatewayApiVersion = z
	.enum(['gateway.networking.k8s.io/v1', 'gateway.networking.k8s.io/v1beta1'])
	.transform(() => 'gateway.networking.k8s.io/v1' as const)

export const SelvedgeApiVersion = z.literal('selvedge.dev/v1')

/** Istio's documents of these kinds have the same fields: they are read as the mesh's own. */
export const SecurityApiVersion = z
	.enum(['selvedge.dev/v1', 'security.istio.io/v1', 'security.istio.io/v1beta1'])
	.transform(() => 'selvedge.dev/v1' as const)

export const CoreApiVersion = z.literal('v1')
