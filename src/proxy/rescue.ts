/** The only place where a refusal becomes a reply: status, fields, body, and whose problem it is. */
import type { Exchange } from './exchange.ts'
import { proxyStatus } from './proxyStatus.ts'
import type { Refusal, RefusalReason } from './refusal.ts'

interface Answer {
	readonly status: number
	/** Who can mend it. */
	readonly owner: 'client' | 'config' | 'capacity' | 'upstream' | 'mesh'
	/** Envoy's response flag, so that dashboards read as people expect; '-' where Envoy has none. */
	readonly flag: string
	/** RFC 9209 §2.3 proxy error type. */
	readonly proxyError: string
	readonly title: string
	readonly retryAfterSeconds?: number
}

const answers: Record<RefusalReason, Answer> = {
	malformed_url: {
		status: 400,
		owner: 'client',
		flag: 'DPE',
		proxyError: 'http_request_error',
		title: 'Malformed URL',
	},
	unknown_host: {
		status: 404,
		owner: 'client',
		flag: 'NR',
		proxyError: 'destination_not_found',
		title: 'Unknown host',
	},
	no_matching_rule: {
		status: 404,
		owner: 'client',
		flag: 'NR',
		proxyError: 'destination_not_found',
		title: 'No rule matches',
	},
	invalid_backend: {
		status: 500,
		owner: 'config',
		flag: 'NC',
		proxyError: 'proxy_configuration_error',
		title: 'Invalid backend',
	},
	no_endpoint: {
		status: 503,
		owner: 'capacity',
		flag: 'UH',
		proxyError: 'destination_unavailable',
		title: 'No endpoint',
	},
	overloaded: {
		status: 503,
		owner: 'capacity',
		flag: 'UO',
		proxyError: 'connection_limit_reached',
		title: 'Service overloaded',
		retryAfterSeconds: 1,
	},
	upstream_failed: {
		status: 503,
		owner: 'upstream',
		flag: 'UF',
		proxyError: 'connection_terminated',
		title: 'Endpoint unreachable',
	},
	upstream_timeout: {
		status: 504,
		owner: 'upstream',
		flag: 'UT',
		proxyError: 'http_response_timeout',
		title: 'Endpoint too slow',
	},
	request_timeout: {
		status: 504,
		owner: 'upstream',
		flag: 'UT',
		proxyError: 'http_response_timeout',
		title: 'Request timed out',
	},
	request_aborted: {
		status: 400,
		owner: 'client',
		flag: 'DC',
		proxyError: 'http_request_error',
		title: 'Request aborted',
	},
	invalid_filter: {
		status: 500,
		owner: 'config',
		flag: 'NC',
		proxyError: 'proxy_configuration_error',
		title: 'Invalid filter',
	},
	native_grpc: {
		status: 200,
		owner: 'client',
		flag: '-',
		proxyError: 'http_protocol_error',
		title: 'Native gRPC cannot pass',
	},
	loop_detected: {
		status: 508,
		owner: 'config',
		flag: '-',
		proxyError: 'proxy_loop_detected',
		title: 'Loop detected',
	},
	method_refused: {
		status: 405,
		owner: 'client',
		flag: '-',
		proxyError: 'http_request_denied',
		title: 'Method refused',
	},
	credential_unavailable: {
		status: 500,
		owner: 'config',
		flag: 'NC',
		proxyError: 'proxy_configuration_error',
		title: 'Credential unavailable',
	},
	identity_unavailable: {
		status: 503,
		owner: 'mesh',
		flag: '-',
		proxyError: 'proxy_internal_error',
		title: 'Identity unavailable',
		retryAfterSeconds: 1,
	},
	invalid_proof: {
		status: 400,
		owner: 'client',
		flag: '-',
		proxyError: 'http_request_denied',
		title: 'Invalid proof',
	},
	invalid_token: {
		status: 401,
		owner: 'client',
		flag: '-',
		proxyError: 'http_request_denied',
		title: 'Invalid token',
	},
	credential_revoked: {
		status: 400,
		owner: 'client',
		flag: '-',
		proxyError: 'http_request_denied',
		title: 'Credential revoked',
	},
	proof_replayed: {
		status: 400,
		owner: 'client',
		flag: '-',
		proxyError: 'http_request_denied',
		title: 'Proof replayed',
	},
	identity_required: {
		status: 403,
		owner: 'client',
		flag: '-',
		proxyError: 'http_request_denied',
		title: 'Identity required',
	},
	fault_injected: {
		status: 503,
		owner: 'config',
		flag: 'FI',
		proxyError: 'proxy_internal_response',
		title: 'Fault injected',
	},
	control_plane_unreachable: {
		status: 503,
		owner: 'mesh',
		flag: '-',
		proxyError: 'proxy_internal_error',
		title: 'Control plane unreachable',
		retryAfterSeconds: 1,
	},
	lookups_exhausted: {
		status: 503,
		owner: 'client',
		flag: 'RL',
		proxyError: 'proxy_internal_error',
		title: 'Too many unknown hosts',
		retryAfterSeconds: 1,
	},
	bug: { status: 500, owner: 'mesh', flag: '-', proxyError: 'proxy_internal_error', title: 'Mesh error' },
}

const encoder = new TextEncoder()

/** The status a refusal answers with. An injected fault brings its own, and so does a revoked credential. */
export const statusOf = (refusal: Refusal): number =>
	'status' in refusal ? refusal.status : answers[refusal.reason].status

/** The reply to a refused exchange: RFC 9457 problem details and RFC 9209 Proxy-Status. */
export function rescue(refusal: Refusal, exchange: Exchange, revision: number): Response {
	const { owner, flag, proxyError, title, retryAfterSeconds } = answers[refusal.reason]
	const status = statusOf(refusal)
	// The rule that stands in while a service has no route has no name.
	const rule = exchange.rule?.name || undefined
	const body = {
		type: `https://selvedge.dev/refusals/${refusal.reason}`,
		title,
		status,
		detail: detailOf(refusal, exchange),
		reason: refusal.reason,
		owner,
		flag,
		revision,
		...(rule === undefined ? {} : { rule }),
	}
	const made = proxyStatus({ error: proxyError, details: refusal.reason, revision, rule })
	if (refusal.reason === 'native_grpc') return grpcRefusal(body.detail, made)
	const text = encoder.encode(`${JSON.stringify(body)}\n`)
	const headers = new Headers({
		'content-type': 'application/problem+json',
		'content-length': String(text.length),
		'cache-control': 'no-store',
		'proxy-status': made,
	})
	if (retryAfterSeconds !== undefined) headers.set('retry-after', String(retryAfterSeconds))
	// RFC 6750 §3: nobody else's 401 is ours to make.
	if (status === 401 && refusal.reason !== 'fault_injected')
		headers.set('www-authenticate', 'Bearer error="invalid_token"')
	return new Response(exchange.request.method === 'HEAD' ? null : text, { status, headers })
}

/** A response without messages, its status where the trailers would be (gRPC over HTTP/2, "Trailers-Only"). 12 is UNIMPLEMENTED. */
function grpcRefusal(message: string, made: string): Response {
	const headers = {
		'content-type': 'application/grpc',
		'grpc-status': '12',
		'grpc-message': message,
		'proxy-status': made,
	}
	return new Response(null, { status: 200, headers })
}

const attempts = ({ attempts }: Exchange): string => (attempts === 1 ? '1 attempt' : `${attempts} attempts`)

function detailOf(refusal: Refusal, exchange: Exchange): string {
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
		case 'credential_revoked':
			return refusal.detail
		case 'proof_replayed':
			return `Service ${refusal.service} takes each proof once: this one was shown before, or too many others were`
		case 'identity_required':
			return `Service ${refusal.service} wants its callers to prove who they are: ${refusal.methods.join(', ')}`
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
