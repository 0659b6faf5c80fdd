/** What the parts of the mesh ask of each other, as types. Workers and Durable Objects implement them; `src` only names them. */
export type * from './ports/accessLayers.ts'
export type * from './ports/accessSample.ts'
export type * from './ports/issuing.ts'
export type * from './ports/keyRing.ts'
export type * from './ports/policyStore.ts'
export type * from './ports/serviceRegistry.ts'
export type * from './ports/snapshotReplica.ts'
export type * from './ports/telemetryStore.ts'
