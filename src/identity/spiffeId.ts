/** SPIFFE IDs (SPIFFE-ID.md): one spelling each, so that equal texts are equal identities and nothing else is. */

export interface SpiffeId {
	/** E.g. `spiffe://mesh.example.com/ns/default/sa/orders`. */
	readonly id: string
	readonly trustDomain: string
	/** With its first `/`; empty: the trust domain itself. */
	readonly path: string
}

/** SPIFFE-ID §2.3. */
const MAX_LENGTH = 2_048
/**
 * Lower-case scheme and trust domain; neither user nor port, query, fragment, percent or empty segment. Upper case in the scheme is
 * refused, too, though a URI may have it (§2.4): a second spelling of an identity is a way around a revocation.
 */
const SPIFFE_ID = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/[A-Za-z0-9._-]+)*)$/
const DOT_SEGMENT = /\/\.\.?(\/|$)/
const WORKLOAD_PATH = /^\/ns\/([^/]+)\/sa\/([^/]+)$/
/** As the names of namespaces and Services. */
const LABEL = /^(?!.*--)[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

/** Undefined: not a SPIFFE ID, or not in its one spelling. */
export function parseSpiffeId(text: string): SpiffeId | undefined {
	if (text.length > MAX_LENGTH) return undefined
	const [, trustDomain, path] = SPIFFE_ID.exec(text) ?? []
	if (trustDomain === undefined || path === undefined || DOT_SEGMENT.test(path)) return undefined
	return { id: text, trustDomain, path }
}

/** The workload of this trust domain that the ID names; undefined: of another one, or no workload. */
export function workloadOf(
	id: SpiffeId,
	trustDomain: string,
): { readonly namespace: string; readonly workload: string } | undefined {
	const [, namespace = '', workload = ''] = (id.trustDomain === trustDomain && WORKLOAD_PATH.exec(id.path)) || []
	return LABEL.test(namespace) && LABEL.test(workload) ? { namespace, workload } : undefined
}

export const spiffeIdOf = (trustDomain: string, namespace: string, workload: string): string =>
	`spiffe://${trustDomain}/ns/${namespace}/sa/${workload}`
