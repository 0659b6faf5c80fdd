/** What the bench asks of the mesh, as resources: rules on one virtual host, or services by the thousand. */

export type Document = Readonly<Record<string, unknown>>

export interface BenchRequest {
	readonly host: string
	readonly path: string
}

export const BENCH_HOST = 'bench.example.com'
/** What an HTTPRoute may hold. Source: Gateway API, HTTPRouteSpec.rules. */
export const RULES_PER_ROUTE = 16

/** One listener for each host. */
export const gateway = (...hosts: readonly string[]): Document => ({
	apiVersion: 'gateway.networking.k8s.io/v1',
	kind: 'Gateway',
	metadata: { name: 'bench' },
	spec: {
		gatewayClassName: 'selvedge',
		listeners: (hosts.length === 0 ? [BENCH_HOST] : hosts).map((hostname, i) => ({
			name: `http-${i}`,
			hostname,
			port: 80,
			protocol: 'HTTP',
		})),
	},
})

export const service = (name: string, url: string): Document => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'Service',
	metadata: { name },
	spec: { endpoints: [{ url }] },
})

export interface RuleMatch {
	readonly path: { readonly type: 'Exact' | 'PathPrefix'; readonly value: string }
	readonly method?: string
}

/** Three prefixes to each exact path, one in eight for GET only. Every rule has a path of its own. */
export function ruleMatch(index: number): RuleMatch {
	const path = { type: index % 4 === 3 ? ('Exact' as const) : ('PathPrefix' as const), value: rulePath(index) }
	return index % 8 === 1 ? { path, method: 'GET' } : { path }
}

const rule = (index: number, backend: string): Document => ({
	matches: [ruleMatch(index)],
	backendRefs: [{ name: backend, port: 80 }],
})

const rulePath = (index: number): string => `/shop-${index % 100}/part-${index}`

/** Without hostnames, for all of the Gateway's. */
export const route = (name: string, rules: readonly Document[], hostnames: readonly string[] = []): Document => ({
	apiVersion: 'gateway.networking.k8s.io/v1',
	kind: 'HTTPRoute',
	metadata: { name },
	spec: { parentRefs: [{ name: 'bench' }], hostnames, rules },
})

/** The HTTPRoute that holds the rules from `first` on, up to `count` in all. */
function ruleRoute(first: number, count: number, backend: string): Document {
	const size = Math.min(RULES_PER_ROUTE, count - first)
	const rules = Array.from({ length: size }, (_, i) => rule(first + i, backend))
	return route(`rules-${first}`, rules)
}

export function ruleRoutes(count: number, backend: string): Document[] {
	const routes: Document[] = []
	for (let first = 0; first < count; first += RULES_PER_ROUTE) routes.push(ruleRoute(first, count, backend))
	return routes
}

/** A route of one rule, whose backend a change can switch. */
export const switchRoute = (backend: string): Document =>
	route('switch', [
		{ matches: [{ path: { type: 'PathPrefix', value: '/switch' } }], backendRefs: [{ name: backend, port: 80 }] },
	])

/** `distinct` requests that are spread evenly over `count` rules, whatever `count` is, so that only the rules differ. */
export function ruleRequests(count: number, distinct: number): BenchRequest[] {
	return Array.from({ length: distinct }, (_, i) => {
		const index = count >= distinct ? Math.floor((i * count) / distinct) : i % count
		const path = index % 4 === 3 ? rulePath(index) : `${rulePath(index)}/item-${i}`
		return { host: BENCH_HOST, path }
	})
}

export const serviceAt = (index: number): string => `service-${index}`

/** Requests to at most `hosts` of `count` services, spread evenly over them. */
export function serviceRequests(count: number, hosts: number, meshDomain: string): BenchRequest[] {
	const asked = Math.min(count, hosts)
	return Array.from({ length: hosts }, (_, i) => ({
		host: `${serviceAt(Math.floor(((i % asked) * count) / asked))}.${meshDomain}`,
		path: `/item-${i}`,
	}))
}

/** Cuts documents into JSON arrays of at most `maxBytes` and `maxDocuments` each. */
export function batches(documents: Iterable<Document>, maxBytes: number, maxDocuments: number): string[] {
	const bodies: string[] = []
	let texts: string[] = []
	let bytes = 0
	const close = (): void => {
		if (texts.length > 0) bodies.push(`[${texts.join(',')}]`)
		texts = []
		bytes = 0
	}
	for (const document of documents) {
		const text = JSON.stringify(document)
		if (texts.length >= maxDocuments || bytes + text.length > maxBytes) close()
		texts.push(text)
		bytes += text.length + 1
	}
	close()
	return bodies
}
