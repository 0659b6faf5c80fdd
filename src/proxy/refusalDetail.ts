/** What a refusal says in words. */
import type { Exchange } from './exchange.ts'
import type { Refusal } from './refusal.ts'

const attempts = ({ attempts }: Exchange): string => (attempts === 1 ? '1 attempt' : `${attempts} attempts`)

/** One sentence, for people. */
export function detailOf(refusal: Refusal, exchange: Exchange): string {
	switch (refusal.reason) {
		case 'malformed_url':
			return 'the request target and the Host field make no valid URL'
		case 'unknown_host':
			return `no Service and no Gateway listener answers on ${refusal.host}`
		case 'no_matching_rule':
			return `no rule of ${refusal.host} matches this request`
		case 'invalid_backend':
			return refusal.detail
		case 'no_endpoint':
			return `Service ${refusal.service} has no endpoint that takes traffic`
		case 'overloaded':
			return `Service ${refusal.service} has as many requests from here as its policy allows`
		case 'upstream_failed':
			return `endpoint ${refusal.endpoint}: ${refusal.detail}`
		case 'upstream_timeout':
			return `endpoint ${refusal.endpoint} did not answer within ${refusal.limitMs} ms`
		case 'request_timeout':
			return `no answer within the ${refusal.limitMs} ms that the rule allows, ${attempts(exchange)} made`
		case 'request_aborted':
			return 'the request ended before all of its body had come'
		case 'invalid_filter':
			return refusal.detail
		case 'native_grpc':
			return 'native gRPC needs HTTP/2 trailers, which cannot pass here: use gRPC-Web'
		case 'loop_detected':
			return `a request for ${refusal.host} was sent out of the mesh and came back to it`
		case 'method_refused':
			return `${refusal.method} would make Service ${refusal.service} repeat the secret that the mesh adds`
		case 'credential_unavailable':
			return `Service ${refusal.service}: ${refusal.detail}`
		case 'identity_unavailable':
			return 'this location has no keys yet to check credentials with'
		case 'invalid_proof':
		case 'invalid_token':
			return `${refusal.code}: ${refusal.detail}`
		case 'issuer_unavailable':
			return `the keys of ${refusal.issuer}, which issued the token, were never fetched`
		case 'credential_revoked':
			return refusal.detail
		case 'proof_replayed':
			return `Service ${refusal.service} takes each proof once: this one was shown before, or too many others were`
		case 'identity_required':
			return `Service ${refusal.service} wants its callers to prove who they are: ${refusal.methods.join(', ')}`
		case 'access_denied':
			return 'RBAC: access denied'
		case 'ambiguous_path':
			return `the path has ${refusal.form}, which services read in different ways`
		case 'authorizer_denied':
			return `authorizer ${refusal.authorizer} refuses this request`
		case 'authorizer_unavailable':
			return `authorizer ${refusal.authorizer} cannot be asked: ${refusal.detail}`
		case 'content_too_large':
			return `an authorizer looks at bodies of up to ${refusal.limitBytes} bytes`
		case 'fault_injected':
			return 'a FaultInjection of this rule answered; the service was not asked'
		case 'control_plane_unreachable':
			return `${refusal.host} is new to this location and the control plane does not answer`
		case 'lookups_exhausted':
			return `too many unknown hosts are asked for; ${refusal.host} was not looked up`
		case 'bug':
			return 'a mistake in the mesh itself, which has been reported'
	}
}
