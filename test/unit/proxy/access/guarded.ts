/** A proxy before a service that policies guard, and policies as short as they can be. */
import type { AccessPolicies, AccessPolicy, AccessRule, Authorizer } from '../../../../src/snapshot/authorization.ts'
import type { Filters } from '../../../../src/snapshot/filters.ts'
import type { MeshDefaults, PartBody, Rule, ServiceTarget } from '../../../../src/snapshot/snapshot.ts'
import { identifying, problem, served } from '../callers/identified.ts'
import type { FakeProxy } from '../fakeProxy.ts'
import { DOMAIN, rule, slice } from '../knowledge/fakeReplica.ts'

export const HOST = `shop.${DOMAIN}`

/** Each rule is one that the policy needs. None: it never matches. */
const policy = (action: 'ALLOW' | 'DENY' | 'AUDIT', name: string, rules: readonly AccessRule[]): AccessPolicy => ({
	action,
	name: `default/${name}`,
	rules,
})
export const allow = (name: string, ...rules: AccessRule[]) => policy('ALLOW', name, rules)
export const deny = (name: string, ...rules: AccessRule[]) => policy('DENY', name, rules)

export const paths = (...paths: string[]): AccessRule => ({ to: [{ paths }] })
export const EVERYTHING: AccessRule = {}

export const authorizer = (changes: Partial<Authorizer> = {}): Authorizer => ({
	name: 'opa',
	service: 'default/opa',
	pathPrefix: '',
	timeoutMs: 1_000,
	failOpen: false,
	statusOnError: 403,
	includeRequestHeaders: [],
	includeAdditionalHeaders: [],
	headersToUpstreamOnAllow: [],
	headersToDownstreamOnAllow: [],
	headersToDownstreamOnDeny: [],
	...changes,
})
export const custom = (changes: Partial<Authorizer> = {}, ...rules: AccessRule[]): AccessPolicy => ({
	...{ action: 'CUSTOM', name: 'default/custom', authorizer: authorizer(changes) },
	rules: rules.length === 0 ? [EVERYTHING] : rules,
})

export const mesh = (access: AccessPolicies, more: Partial<MeshDefaults> = {}): Record<string, PartBody> => ({
	mesh: { kind: 'mesh', egress: 'registryOnly', defaultAccess: 'open', access, ...more },
})
export const closed = mesh([], { defaultAccess: 'closed' })
export const namespaced = (access: AccessPolicies): Record<string, PartBody> => ({
	'namespace/default': { kind: 'namespace', namespace: 'default', access },
})
export const guarding = (access: AccessPolicies, more: Partial<ServiceTarget> = {}) =>
	served('shop', undefined, { access, ...more })
/** The one rule of the service's route. */
export const ruled = (more: Partial<Rule>) =>
	slice(HOST, 'r', [{ ...rule('default/r/0', '', 'default/shop'), ...more }])
export const filtered = (filters: Filters, more: Partial<Rule> = {}) => ruled({ filters, ...more })

export const proxyWith = (...parts: readonly Record<string, PartBody>[]): FakeProxy =>
	identifying(Object.assign({}, served('shop'), ...parts))

export const ask = (proxy: FakeProxy, path = '/', init: RequestInit = {}): Promise<Response> =>
	proxy.get(new Request(`http://${HOST}${path}`, { redirect: 'manual', ...init }))

/** The status, or the reason of a refusal with the policy that it names. */
export async function outcome(response: Promise<Response>): Promise<string> {
	const answered = await response
	if (answered.headers.get('content-type') !== 'application/problem+json') return String(answered.status)
	const { reason, policy } = (await problem(answered)) as { reason?: string; policy?: string }
	return policy === undefined ? reason! : `${reason} by ${policy}`
}
