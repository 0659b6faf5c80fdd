/**
 * Who may call what, as it travels: AuthorizationPolicies with their targets resolved and their texts as their authors wrote them.
 *
 * Fields and meaning are Istio's (https://istio.io/latest/docs/reference/config/security/authorization-policy/). Policies add up: those
 * of the mesh, of the namespace, of the Service, of the route and of the rule apply together, and DENY wins over ALLOW wherever either
 * is attached. An absent list asks for nothing; an empty one is met by nobody.
 */

/** All policies that one part of the snapshot brings. Absent: there is none. */
export type AccessPolicies = readonly AccessPolicy[]

interface PolicyRules {
	/** `<namespace>/<name>`: what refusals, logs and metrics call it. */
	readonly name: string
	/** Counted and logged, and nothing else: what it would change. */
	readonly dryRun?: true
	/** One that matches is enough. None: it never matches, so that an ALLOW without rules lets nobody in. */
	readonly rules: readonly AccessRule[]
}

export type AccessPolicy =
	| (PolicyRules & { readonly action: 'ALLOW' | 'DENY' | 'AUDIT' })
	| (PolicyRules & { readonly action: 'CUSTOM'; readonly authorizer: Authorizer })

/** Whatever is there must hold: one of `from`, one of `to`, all of `when`. */
export interface AccessRule {
	readonly from?: readonly AccessSource[]
	readonly to?: readonly AccessOperation[]
	readonly when?: readonly AccessCondition[]
}

/**
 * Of each list one must match, and of each `not…` list none. Texts are exact, `abc*`, `*abc`, or `*` for whatever is there; what is
 * not there matches nothing, and so passes every `not…` list.
 */
export interface AccessSource {
	/** `<trust domain>/ns/<namespace>/sa/<workload>`; `cluster.local` means the mesh's own trust domain, and so does each alias of it. */
	readonly principals?: readonly string[]
	readonly notPrincipals?: readonly string[]
	/** `<iss>/<sub>` of the end user's token. */
	readonly requestPrincipals?: readonly string[]
	readonly notRequestPrincipals?: readonly string[]
	readonly namespaces?: readonly string[]
	readonly notNamespaces?: readonly string[]
	/** `<namespace>/<workload>`, exact: the build has added the policy's own namespace where its author left it out. */
	readonly serviceAccounts?: readonly string[]
	readonly notServiceAccounts?: readonly string[]
	readonly trustDomains?: readonly string[]
	readonly notTrustDomains?: readonly string[]
	/**
	 * Addresses and CIDR blocks. `remoteIpBlocks` mean the same here: the edge knows one address of a client.
	 *
	 * An address that is not known refuses: of DENY and CUSTOM it matches either list, of ALLOW neither. To AUDIT it is in no block.
	 */
	readonly ipBlocks?: readonly string[]
	readonly notIpBlocks?: readonly string[]
}

export interface AccessOperation {
	/** Ignoring case. With a port they are compared with host and port, without one with the host. */
	readonly hosts?: readonly string[]
	readonly notHosts?: readonly string[]
	/** Decimal: the port of the client's Host, or of its scheme. Workers see no listener. */
	readonly ports?: readonly string[]
	readonly notPorts?: readonly string[]
	readonly methods?: readonly string[]
	readonly notMethods?: readonly string[]
	/**
	 * As the service will see them, without the query. Also templates: `{*}` is one segment, `{**}` any number of them, at the end.
	 *
	 * In doubt they refuse: where a match would refuse (`paths` of DENY, `notPaths` of ALLOW) case and a final `/` are ignored, because
	 * some services ignore them; where a match would admit, they count.
	 */
	readonly paths?: readonly string[]
	readonly notPaths?: readonly string[]
}

/** One of `values` must match, if there are any, and none of `notValues`. */
export interface AccessCondition {
	readonly key: AccessKey
	readonly values?: readonly string[]
	readonly notValues?: readonly string[]
}

export type AccessKey =
	/** Lower case. Several fields of one name are one value, joined as HTTP joins them. */
	| { readonly of: 'header'; readonly name: string }
	/** From the top: `request.auth.claims[realm_access][roles]`. A list has the value when one of its members does. */
	| { readonly of: 'claim'; readonly path: readonly string[] }
	| { readonly of: 'audiences' | 'presenter' | 'requestPrincipal' }
	| { readonly of: 'principal' | 'namespace' | 'serviceAccount' | 'trustDomain' }
	/** Addresses and CIDR blocks. One that is not known is as in `ipBlocks`. */
	| { readonly of: 'address' }
	| { readonly of: 'port' }
	/** `Mon-Fri 08:00-18:00 +01:00`: days, times and offset, of which days and offset may be left out; UTC then. */
	| { readonly of: 'time' }

/** Who is asked about a request that a CUSTOM policy matches: Envoy's ext_authz over HTTP, Istio's `envoyExtAuthzHttp`. */
export interface Authorizer {
	/** Of the Mesh's `extensionProviders`. */
	readonly name: string
	/** Undefined answers are made of it: why it cannot be asked, so that everything that would be asked about is refused. */
	readonly invalid?: string
	/** `<namespace>/<name>` of a Service of the mesh. */
	readonly service: string
	/** Goes before the request's own path. */
	readonly pathPrefix: string
	readonly timeoutMs: number
	/** Whether requests go on when it does not answer, or answers 5xx. */
	readonly failOpen: boolean
	/** What is answered when it does not, unless `failOpen`. */
	readonly statusOnError: number
	/** Lower case, exact, `abc*` or `*abc`: fields of the request that it gets, beside Authorization, and always method, path and host. */
	readonly includeRequestHeaders: readonly string[]
	readonly includeAdditionalHeaders: readonly (readonly [name: string, value: string])[]
	/** The start of the body that it gets, in bytes; absent: none. */
	readonly bodyBytes?: number
	/** Requests with a longer body are refused with 413, so that it never judges half of one. */
	readonly wholeBody?: true
	/** Of its answer, to the service; these replace the client's own. */
	readonly headersToUpstreamOnAllow: readonly string[]
	/** Of its answer, to the client. */
	readonly headersToDownstreamOnAllow: readonly string[]
	/** Of its refusal, to the client, beside its status and body. Empty: all of them. */
	readonly headersToDownstreamOnDeny: readonly string[]
}
