/** The only place where a refusal becomes a reply: status, fields, body, and whose problem it is. */
import type { Exchange } from './exchange.ts'
import { proxyStatus } from './proxyStatus.ts'
import type { Refusal, RefusalReason } from './refusal.ts'
import { detailOf } from './refusalDetail.ts'

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
	issuer_unavailable: {
		status: 503,
		owner: 'upstream',
		flag: '-',
		proxyError: 'proxy_internal_error',
		title: 'Issuer unavailable',
		retryAfterSeconds: 5,
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
	access_denied: {
		status: 403,
		owner: 'client',
		flag: '-',
		proxyError: 'http_request_denied',
		title: 'Access denied',
	},
	ambiguous_path: {
		status: 400,
		owner: 'client',
		flag: '-',
		proxyError: 'http_request_denied',
		title: 'Ambiguous path',
	},
	authorizer_denied: {
		status: 403,
		owner: 'client',
		flag: 'UAEX',
		proxyError: 'http_request_denied',
		title: 'Denied by an authorizer',
	},
	authorizer_unavailable: {
		status: 403,
		owner: 'upstream',
		flag: 'UAEX',
		proxyError: 'proxy_internal_error',
		title: 'Authorizer unavailable',
	},
	content_too_large: {
		status: 413,
		owner: 'client',
		flag: '-',
		proxyError: 'http_request_denied',
		title: 'Content too large',
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
/** About tokens. */
const CHALLENGED: ReadonlySet<RefusalReason> = new Set<RefusalReason>(['invalid_token', 'credential_revoked'])

/** The status a refusal answers with. Injected faults, authorizers and revoked credentials bring their own. */
export const statusOf = (refusal: Refusal): number =>
	'status' in refusal ? refusal.status : answers[refusal.reason].status

/** The reply to a refused exchange: RFC 9457 problem details and RFC 9209 Proxy-Status. */
export function rescue(refusal: Refusal, exchange: Exchange, revision: number): Response {
	const { owner, flag, proxyError, title, retryAfterSeconds } = answers[refusal.reason]
	const status = statusOf(refusal)
	// The rule that stands in while a service has no route has no name.
	const rule = exchange.rule?.name || undefined
	const policy = 'policy' in refusal ? refusal.policy : undefined
	const made = proxyStatus({ error: proxyError, details: refusal.reason, revision, rule, policy })
	if (refusal.reason === 'authorizer_denied') return passedOn(refusal.answer, made)
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
		...(policy === undefined ? {} : { policy }),
	}
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
	if (status === 401 && CHALLENGED.has(refusal.reason)) headers.set('www-authenticate', 'Bearer error="invalid_token"')
	return new Response(exchange.request.method === 'HEAD' ? null : text, { status, headers })
}

/** Who refused said so in its own words, and for its own clients. */
function passedOn(answer: Response, made: string): Response {
	answer.headers.set('proxy-status', made)
	return answer
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
