/** Every way the mesh says no, as one tagged union with its evidence. */
import type { ProofCode } from '../identity/proven.ts'
import type { PeerMethod } from '../snapshot/peerAuthentication.ts'

export type Refusal =
	/** The request's URL, which its Host field is part of, is not one. */
	| { readonly reason: 'malformed_url' }
	/** No listener and no Service answers on this host. */
	| { readonly reason: 'unknown_host'; readonly host: string }
	/** The host is known, but none of its rules matches. */
	| { readonly reason: 'no_matching_rule'; readonly host: string }
	/** The chosen backendRef cannot be followed; `detail` names the field of the route. */
	| { readonly reason: 'invalid_backend'; readonly detail: string }
	/** The service has no endpoint that takes traffic. */
	| { readonly reason: 'no_endpoint'; readonly service: string }
	/** The service has as many requests from here as its policy lets it have, and no place to wait is left. */
	| { readonly reason: 'overloaded'; readonly service: string }
	/** The endpoint could not be reached, or broke off before answering. */
	| { readonly reason: 'upstream_failed'; readonly endpoint: string; readonly detail: string }
	/** One attempt took longer than the rule's `timeouts.backendRequest`. */
	| { readonly reason: 'upstream_timeout'; readonly endpoint: string; readonly limitMs: number }
	/** The request as a whole took longer than the rule's `timeouts.request`. */
	| { readonly reason: 'request_timeout'; readonly limitMs: number }
	/** The client left before its request's body was here. */
	| { readonly reason: 'request_aborted' }
	/** A filter of the rule or backend cannot be followed; `detail` names the field of the route. */
	| { readonly reason: 'invalid_filter'; readonly detail: string }
	/** A call whose trailers cannot pass: answered as gRPC answers, for its caller reads nothing else. */
	| { readonly reason: 'native_grpc' }
	/** The request left for an unregistered host, and has come back. */
	| { readonly reason: 'loop_detected'; readonly host: string }
	/** A method that would show the caller the service's secret. */
	| { readonly reason: 'method_refused'; readonly method: string; readonly service: string }
	/** The secret that the service wants from the mesh cannot be had. */
	| { readonly reason: 'credential_unavailable'; readonly service: string; readonly detail: string }
	/** Someone shows a credential, and this isolate has no keys to check it with. */
	| { readonly reason: 'identity_unavailable' }
	/** A WIT, WPT or client certificate that is wrong; `detail` says what would be right, and nothing of what was sent. */
	| { readonly reason: 'invalid_proof'; readonly code: ProofCode; readonly detail: string }
	/** A JWT-SVID or an end user's token that is wrong, likewise. */
	| { readonly reason: 'invalid_token'; readonly code: ProofCode; readonly detail: string }
	/** The workload, or its token, key or certificate, has been revoked. */
	| { readonly reason: 'credential_revoked'; readonly status: 400 | 401; readonly detail: string }
	/** The keys of a token's issuer were never fetched, and cannot be had now. */
	| { readonly reason: 'issuer_unavailable'; readonly issuer: string }
	/** The service wants each WPT once, and this one was here before. */
	| { readonly reason: 'proof_replayed'; readonly service: string }
	/** The service wants to know its callers, by one of these methods. */
	| { readonly reason: 'identity_required'; readonly service: string; readonly methods: readonly PeerMethod[] }
	/** Policies of access refuse it: this one, or all in that none admits it. */
	| { readonly reason: 'access_denied'; readonly policy?: string }
	/** Policies look at paths, and services may read this one in several ways. */
	| { readonly reason: 'ambiguous_path'; readonly form: string }
	/** The authorizer of a CUSTOM policy refuses it, in its own words. */
	| {
			readonly reason: 'authorizer_denied'
			readonly policy?: string
			readonly authorizer: string
			readonly status: number
			readonly answer: Response
	  }
	/** The authorizer of a CUSTOM policy cannot be asked, and does not fail open. */
	| {
			readonly reason: 'authorizer_unavailable'
			readonly policy?: string
			readonly authorizer: string
			readonly status: number
			readonly detail: string
	  }
	/** An authorizer wants to see the whole body, and this one is longer than it takes. */
	| { readonly reason: 'content_too_large'; readonly policy?: string; readonly limitBytes: number }
	/** A FaultInjection says so. */
	| { readonly reason: 'fault_injected'; readonly status: number }
	/** This isolate has not served the host yet, and the control plane does not answer. */
	| { readonly reason: 'control_plane_unreachable'; readonly host: string }
	/** Too many unknown hosts are being asked for; a known host is never refused so. */
	| { readonly reason: 'lookups_exhausted'; readonly host: string }
	/** A mistake in the mesh itself. */
	| { readonly reason: 'bug' }

export type RefusalReason = Refusal['reason']
