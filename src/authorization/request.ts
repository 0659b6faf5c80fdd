/** What policies may look at in a request: who sends it, for whom, where to. */

/** An end user, as a verified token names one. */
export interface AccessUser {
	/** `<iss>/<sub>`. */
	readonly principal: string
	readonly audiences: readonly string[]
	/** `azp`: the client that the token was made for. */
	readonly presenter?: string
	readonly claims: Readonly<Record<string, unknown>>
	/** Names of claims whose text is a list, divided by spaces. */
	readonly spaceDelimitedClaims: readonly string[]
}

/** The workload that sends the request, as far as it counts for the service. */
export interface AccessCaller {
	readonly spiffeId: string
	/** Of a workload of this mesh. Those of other trust domains have neither. */
	readonly namespace?: string
	readonly workload?: string
}

export interface AccessRequest {
	readonly method: string
	/** Lower case, without a port. Of a service's names in the mesh, `canonicalMeshHost`. */
	readonly host: string
	readonly port: number
	/** As `canonicalPath` spells it; as it came, where it is ambiguous and no policy `looksAtPaths`. */
	readonly path: string
	/** Takes names in lower case. Null: there is no such field. */
	readonly header: (name: string) => string | null
	/** Empty: unknown. */
	readonly clientAddress: string
	/** In ms since 1970. */
	readonly now: number
	readonly caller?: AccessCaller | undefined
	/** Names of the mesh's own trust domain, where it has others beside the present one: a caller of one is a caller of each. */
	readonly trustDomains?: readonly string[]
	readonly user?: AccessUser | undefined
}
