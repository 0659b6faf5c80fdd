/** Policies and requests with what a test does not speak of filled in. */
import { compileAccess } from '../../../src/authorization/compileAccess.ts'
import { type AccessVerdict, decide } from '../../../src/authorization/decide.ts'
import type { AccessRequest } from '../../../src/authorization/request.ts'
import type { AccessPolicies, AccessPolicy, AccessRule, Authorizer } from '../../../src/snapshot/authorization.ts'

type Made = Partial<AccessRequest> & { readonly headers?: Readonly<Record<string, string>> }

/** `GET https://shop.example/`, by nobody. */
export const request = ({ headers, ...made }: Made = {}): AccessRequest => ({
	method: 'GET',
	host: 'shop.example',
	port: 443,
	path: '/',
	header: (name) => headers?.[name] ?? null,
	clientAddress: '192.0.2.1',
	now: 0,
	...made,
})

/** A workload of the mesh `mesh.example`. */
export const caller = (namespace: string, workload: string) => ({
	spiffeId: `spiffe://mesh.example/ns/${namespace}/sa/${workload}`,
	namespace,
	workload,
})

/** An end user with a token of `issuer`. */
export const user = (issuer: string, subject: string, claims: Record<string, unknown> = {}) => ({
	principal: `${issuer}/${subject}`,
	audiences: [],
	claims: { iss: issuer, sub: subject, ...claims },
	spaceDelimitedClaims: ['scope', 'permission'],
})

type Plain = 'ALLOW' | 'DENY' | 'AUDIT'

export const policy = (action: Plain, rules: readonly AccessRule[], name = `default/${action}`): AccessPolicy => ({
	action,
	name,
	rules,
})

export const tried = (one: AccessPolicy): AccessPolicy => ({ ...one, dryRun: true })

export const custom = (authorizer: string, rules: readonly AccessRule[], name = 'default/CUSTOM'): AccessPolicy => ({
	action: 'CUSTOM',
	name,
	rules,
	authorizer: { ...AUTHORIZER, name: authorizer },
})

const AUTHORIZER: Authorizer = {
	name: '',
	service: 'default/authorizer',
	pathPrefix: '',
	timeoutMs: 1_000,
	failOpen: false,
	statusOnError: 403,
	includeRequestHeaders: [],
	includeAdditionalHeaders: [],
	headersToUpstreamOnAllow: [],
	headersToDownstreamOnAllow: [],
	headersToDownstreamOnDeny: [],
}

/** What the layers say, in an open mesh unless it is said. */
export const ask = (
	layers: readonly AccessPolicies[],
	made: Made = {},
	defaultAccess: 'open' | 'closed' = 'open',
): AccessVerdict =>
	decide(
		layers.map((policies) => compileAccess(policies, 'mesh.example')),
		defaultAccess,
		request(made),
	)

/** Whether a rule matches, as an ALLOW and as a DENY policy. */
export function matches(rule: AccessRule, made: Made = {}): { readonly admits: boolean; readonly refuses: boolean } {
	return {
		admits: ask([[policy('ALLOW', [rule])]], made).allowed,
		refuses: !ask([[policy('DENY', [rule])]], made).allowed,
	}
}
