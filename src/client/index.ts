/** The SDK: what a service imports to take part in the mesh. Without dependencies: WebCrypto, fetch and timers are all that it needs. */
export type { CertificateOptions, WorkloadCertificate } from './certificates.ts'
export { type JoinOptions, join, type Membership, type State } from './join.ts'
export type { KeptCertificate, KeptCertificateOptions } from './keptCertificate.ts'
export { isMeshError, type MeshError, type MeshErrorCode } from './meshError.ts'
export type { MeshFetch, MeshInit, Proofs } from './meshFetch.ts'
export type { EndpointOptions, Registration } from './registration.ts'
export { type CallerRequired, type RequireCallerOptions, requireCaller } from './requireCaller.ts'
export {
	type Caller,
	type CallerRefusal,
	createVerifier,
	type IncomingRequest,
	type VerifierOptions,
	type VerifyCaller,
} from './verifier.ts'
