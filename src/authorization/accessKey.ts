/** What a condition looks at, by the names that Istio gives it (https://istio.io/latest/docs/reference/config/security/conditions/). */
import type { AccessKey } from '../snapshot/authorization.ts'

/** Istio's keys that name one thing, and two of our own: `source.trustDomain` and `request.time`. */
const KEYS: ReadonlyMap<string, AccessKey> = new Map([
	['source.ip', { of: 'address' }],
	// The edge knows one address of a client: where it came from and what it forwards are the same here.
	['remote.ip', { of: 'address' }],
	['source.namespace', { of: 'namespace' }],
	['source.principal', { of: 'principal' }],
	['source.serviceAccount', { of: 'serviceAccount' }],
	['source.trustDomain', { of: 'trustDomain' }],
	['request.auth.principal', { of: 'requestPrincipal' }],
	['request.auth.audiences', { of: 'audiences' }],
	['request.auth.presenter', { of: 'presenter' }],
	['request.time', { of: 'time' }],
	['destination.port', { of: 'port' }],
])

const HEADER = /^request\.headers\[([A-Za-z0-9!#$%&'*+\-.^_`|~]+)\]$/
/** Names of claims are any text without brackets: some are URLs. */
const CLAIM = /^request\.auth\.claims((?:\[[^[\]]+\])+)$/

/** Undefined: Istio knows no such key, or it speaks of what a Worker cannot see, such as `destination.ip` and `connection.sni`. */
export function parseKey(text: string): AccessKey | undefined {
	const key = KEYS.get(text)
	if (key !== undefined) return key
	const [, name] = HEADER.exec(text) ?? []
	if (name !== undefined) return { of: 'header', name: name.toLowerCase() }
	const [, claim] = CLAIM.exec(text) ?? []
	return claim === undefined ? undefined : { of: 'claim', path: claim.slice(1, -1).split('][') }
}

/** As documents write it; of names for one thing, the first. */
export function keyText(key: AccessKey): string {
	if (key.of === 'header') return `request.headers[${key.name}]`
	if (key.of === 'claim') return `request.auth.claims[${key.path.join('][')}]`
	return Array.from(KEYS).find(([, { of }]) => of === key.of)![0]
}
