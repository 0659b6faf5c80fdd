/** A service that takes a share of a rule's requests. */
import type { z } from 'zod'
import { BackendFilters } from './filter.ts'
import { BackendObjectRef } from './references.ts'
import { Weight } from './scalars.ts'

/** https://gateway-api.sigs.k8s.io/reference/spec/#httpbackendref */
export const BackendRef = BackendObjectRef.extend({
	weight: Weight.default(1),
	filters: BackendFilters,
})
export type BackendRef = z.infer<typeof BackendRef>
