/** What a refusal looks like to its client. */
import { describe, expect, it } from 'vitest'
import { ruleTo } from '../../../src/proxy/compile/compileRule.ts'
import { admit } from '../../../src/proxy/exchange.ts'
import type { Refusal, RefusalReason } from '../../../src/proxy/refusal.ts'
import { rescue, statusOf } from '../../../src/proxy/rescue.ts'
import { parseList } from './observing/structuredField.ts'

const exchange = (method = 'GET', ruleName?: string) => ({
	...admit(new Request('http://h.test/', { method }), 0, () => 0),
	...(ruleName === undefined ? {} : { rule: { ...ruleTo('d/s'), name: ruleName } }),
})

/**
 * Every reason with its evidence, the status it answers with, and the RFC 9209 error. A new reason is a type error here. Native
 * gRPC is answered in its own form (forward.test.ts), and authorizers answer in their own words (authorizers.test.ts).
 */
const CASES: Record<Exclude<RefusalReason, 'native_grpc' | 'authorizer_denied'>, [Refusal, number, string, string]> = {
	malformed_url: [{ reason: 'malformed_url' }, 400, 'http_request_error', 'valid URL'],
	unknown_host: [{ reason: 'unknown_host', host: 'h.test' }, 404, 'destination_not_found', 'h.test'],
	no_matching_rule: [{ reason: 'no_matching_rule', host: 'h.test' }, 404, 'destination_not_found', 'h.test'],
	invalid_backend: [{ reason: 'invalid_backend', detail: 'spec.x' }, 500, 'proxy_configuration_error', 'spec.x'],
	no_endpoint: [{ reason: 'no_endpoint', service: 'n/s' }, 503, 'destination_unavailable', 'n/s'],
	upstream_failed: [
		{ reason: 'upstream_failed', endpoint: 'e1', detail: 'lost' },
		503,
		'connection_terminated',
		'e1: lost',
	],
	overloaded: [{ reason: 'overloaded', service: 'n/s' }, 503, 'connection_limit_reached', 'n/s'],
	upstream_timeout: [
		{ reason: 'upstream_timeout', endpoint: 'e1', limitMs: 50 },
		504,
		'http_response_timeout',
		'e1 did not answer within 50 ms',
	],
	request_timeout: [
		{ reason: 'request_timeout', limitMs: 80 },
		504,
		'http_response_timeout',
		'80 ms that the rule allows, 0 attempts made',
	],
	request_aborted: [{ reason: 'request_aborted' }, 400, 'http_request_error', 'before all of its body'],
	invalid_filter: [{ reason: 'invalid_filter', detail: 'spec.f' }, 500, 'proxy_configuration_error', 'spec.f'],
	loop_detected: [{ reason: 'loop_detected', host: 'h.test' }, 508, 'proxy_loop_detected', 'h.test'],
	method_refused: [
		{ reason: 'method_refused', method: 'TRACE', service: 'n/s' },
		405,
		'http_request_denied',
		'TRACE would make Service n/s',
	],
	credential_unavailable: [
		{ reason: 'credential_unavailable', service: 'n/s', detail: 'no key' },
		500,
		'proxy_configuration_error',
		'n/s: no key',
	],
	identity_unavailable: [{ reason: 'identity_unavailable' }, 503, 'proxy_internal_error', 'no keys yet'],
	invalid_proof: [
		{ reason: 'invalid_proof', code: 'expired', detail: 'exp must not have passed' },
		400,
		'http_request_denied',
		'expired: exp must not have passed',
	],
	invalid_token: [
		{ reason: 'invalid_token', code: 'wrong_audience', detail: 'aud must be' },
		401,
		'http_request_denied',
		'wrong_audience: aud must be',
	],
	issuer_unavailable: [
		{ reason: 'issuer_unavailable', issuer: 'https://id.test' },
		503,
		'proxy_internal_error',
		'the keys of https://id.test',
	],
	credential_revoked: [
		{ reason: 'credential_revoked', status: 400, detail: 'it must not be revoked' },
		400,
		'http_request_denied',
		'it must not be revoked',
	],
	proof_replayed: [
		{ reason: 'proof_replayed', service: 'n/s' },
		400,
		'http_request_denied',
		'n/s takes each proof once',
	],
	identity_required: [
		{ reason: 'identity_required', service: 'n/s', methods: ['WorkloadProof', 'JWTSVID'] },
		403,
		'http_request_denied',
		'n/s wants its callers to prove who they are: WorkloadProof, JWTSVID',
	],
	access_denied: [{ reason: 'access_denied', policy: 'n/p' }, 403, 'http_request_denied', 'RBAC: access denied'],
	ambiguous_path: [
		{ reason: 'ambiguous_path', form: 'an encoded slash' },
		400,
		'http_request_denied',
		'the path has an encoded slash',
	],
	authorizer_unavailable: [
		{ reason: 'authorizer_unavailable', authorizer: 'opa', status: 401, detail: 'it answered 503' },
		401,
		'proxy_internal_error',
		'authorizer opa cannot be asked: it answered 503',
	],
	content_too_large: [
		{ reason: 'content_too_large', limitBytes: 1_024 },
		413,
		'http_request_denied',
		'up to 1024 bytes',
	],
	fault_injected: [{ reason: 'fault_injected', status: 418 }, 418, 'proxy_internal_response', 'FaultInjection'],
	control_plane_unreachable: [
		{ reason: 'control_plane_unreachable', host: 'h.test' },
		503,
		'proxy_internal_error',
		'h.test',
	],
	lookups_exhausted: [{ reason: 'lookups_exhausted', host: 'h.test' }, 503, 'proxy_internal_error', 'h.test'],
	bug: [{ reason: 'bug' }, 500, 'proxy_internal_error', ''],
}

/** RFC 9209 §2.3, the registered types that are used. */
const REGISTERED = new Set([
	'http_request_error',
	'destination_not_found',
	'proxy_configuration_error',
	'destination_unavailable',
	'connection_terminated',
	'proxy_internal_error',
	'proxy_internal_response',
	'proxy_loop_detected',
	'http_request_denied',
	'http_response_timeout',
	'connection_limit_reached',
])

describe('a refusal', () => {
	it.each(Object.entries(CASES))(
		'%s answers with its status, its problem and its Proxy-Status',
		async (reason, row) => {
			const [refusal, status, proxyError, evidence] = row
			const response = rescue(refusal, exchange('GET', 'default/shop/0'), 7)
			expect([response.status, statusOf(refusal)]).toEqual([status, status])
			expect(response.headers.get('content-type')).toBe('application/problem+json')
			expect(response.headers.get('cache-control')).toBe('no-store')
			const text = await response.text()
			expect(Number(response.headers.get('content-length'))).toBe(new TextEncoder().encode(text).length)
			const body = JSON.parse(text) as Record<string, unknown>
			expect(body).toMatchObject({ status, reason, revision: 7, rule: 'default/shop/0' })
			expect(body.type).toBe(`https://selvedge.dev/refusals/${reason}`)
			expect(body.detail).toContain(evidence)
			expect(['client', 'config', 'capacity', 'upstream', 'mesh']).toContain(body.owner)
			const [item, ...others] = parseList(response.headers.get('proxy-status') ?? '')
			expect(others).toEqual([])
			expect(item).toMatchObject({
				value: 'selvedge',
				parameters: { error: proxyError, details: reason, revision: 7, rule: 'default/shop/0' },
			})
			expect(REGISTERED).toContain(proxyError)
		},
	)

	it.each(['control_plane_unreachable', 'lookups_exhausted', 'identity_unavailable'] as const)(
		'%s says when to come back',
		(reason) => expect(rescue(CASES[reason][0], exchange(), 1).headers.get('retry-after')).toBe('1'),
	)

	it.each(['unknown_host', 'upstream_failed', 'bug'] as const)('%s promises nothing', (reason) =>
		expect(rescue(CASES[reason][0], exchange(), 1).headers.has('retry-after')).toBe(false),
	)

	it('by a policy names it, in the body and in Proxy-Status', async () => {
		const response = rescue({ reason: 'access_denied', policy: 'shop/"odd"' }, exchange('GET', 'default/shop/0'), 7)
		const [item] = parseList(response.headers.get('proxy-status') ?? '')
		expect(item?.parameters).toMatchObject({ details: 'access_denied', policy: 'shop/"odd"', rule: 'default/shop/0' })
		expect(await response.json()).toMatchObject({ policy: 'shop/"odd"' })
	})

	it('where no policy admits a request names none', async () => {
		const response = rescue({ reason: 'access_denied' }, exchange(), 7)
		expect(response.headers.get('proxy-status')).not.toContain('policy')
		expect(await response.json()).not.toHaveProperty('policy')
	})

	it.each([
		[{ reason: 'invalid_token', code: 'expired', detail: 'exp' }, 'Bearer error="invalid_token"'],
		[{ reason: 'credential_revoked', status: 401, detail: 'revoked' }, 'Bearer error="invalid_token"'],
		[{ reason: 'fault_injected', status: 401 }, null],
		[{ reason: 'authorizer_unavailable', authorizer: 'opa', status: 401, detail: 'silent' }, null],
	] as const)('%j challenges its client only about a token', (refusal, challenge) =>
		expect(rescue(refusal, exchange(), 1).headers.get('www-authenticate')).toBe(challenge),
	)

	it('of a HEAD request has the fields and no body', () => {
		const get = rescue(CASES.unknown_host[0], exchange('GET'), 1)
		const head = rescue(CASES.unknown_host[0], exchange('HEAD'), 1)
		expect(head.body).toBe(null)
		expect([...head.headers]).toEqual([...get.headers])
	})

	it.each([
		['a"b', 'a"b'],
		['a\\b', 'a\\b'],
		['a";injected="1', 'a";injected="1'],
		['a\r\nset-cookie: x=1', 'a??set-cookie: x=1'],
		['straße/😀', 'stra?e/??'],
		['\\"', '\\"'],
	])('names the rule %j without breaking the field', async (name, named) => {
		const response = rescue(CASES.no_endpoint[0], exchange('GET', name), 3)
		const [item] = parseList(response.headers.get('proxy-status') ?? '')
		expect(item?.parameters).toEqual({
			error: 'destination_unavailable',
			details: 'no_endpoint',
			revision: 3,
			rule: named,
		})
		expect(((await response.json()) as { rule: string }).rule).toBe(name)
	})

	it.each([undefined, ''])('names no rule when it is %j', async (name) => {
		const response = rescue(CASES.no_endpoint[0], exchange('GET', name), 3)
		expect(response.headers.get('proxy-status')).not.toContain('rule')
		expect(await response.json()).not.toHaveProperty('rule')
	})

	it('of a bug tells nothing of the mesh from inside', async () => {
		const { detail } = (await rescue({ reason: 'bug' }, exchange(), 1).json()) as { detail?: string }
		expect(detail ?? '').not.toMatch(/TypeError|undefined|at /)
	})
})

describe('the checker of structured fields', () => {
	it.each(['a;b="', 'a;b="\u00fc"', 'a;b="x"y', 'a;;b', 'a;b=', '', '"', 'a;b="\\x"', 'a;B=1'])('refuses %j', (field) =>
		expect(() => parseList(field)).toThrow(),
	)
})
