/** The Proxy-Status field (RFC 9209) of every reply that the mesh makes itself: what made it, and which revision and rule. */

export interface MadeBy {
	/** RFC 9209 §2.3 proxy error type; absent when nothing went wrong. */
	readonly error?: string
	/** For people. */
	readonly details: string
	readonly revision: number
	readonly rule: string | undefined
	/** `<namespace>/<name>` of what refused. */
	readonly policy?: string | undefined
}

/** `revision`, `rule` and `policy` are our own parameters, which the RFC allows. */
export function proxyStatus({ error, details, revision, rule, policy }: MadeBy): string {
	const failure = error === undefined ? '' : `;error=${error}`
	const parameters = `selvedge${failure};details="${details}";revision=${revision}`
	// The rule that stands in while a service has no route has no name.
	const ofRule = rule ? `;rule=${quoted(rule)}` : ''
	const ofPolicy = policy === undefined ? '' : `;policy=${quoted(policy)}`
	return parameters + ofRule + ofPolicy
}

/** A structured field's string (RFC 9651 §3.3.3): printable ASCII, with quotes and backslashes escaped. */
const quoted = (text: string): string => `"${text.replace(/[^ -~]/g, '?').replace(/["\\]/g, '\\$&')}"`
