/** What a service is compiled and picked with where a test does not care. */
import type { ServiceContext } from '../../../../src/proxy/compile/compileService.ts'
import type { Asking } from '../../../../src/proxy/sending/hashOn.ts'

export const CONTEXT: ServiceContext = { traffic: {}, region: '', now: 0 }

/** A request that is known by nothing. */
export const nobody: Asking = { header: () => null, queryParam: () => null, caller: undefined, clientAddress: '' }
