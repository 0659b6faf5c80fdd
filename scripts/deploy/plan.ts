/** What a deployment does and needs, worked out from the Workers' configurations alone. */

export interface Route {
	readonly pattern: string
	readonly zone?: string
	readonly customDomain: boolean
}

export interface WorkerConfig {
	/** Path of its wrangler.toml. */
	readonly config: string
	/** The name it is deployed under in this environment. */
	readonly name: string
	readonly routes: readonly Route[]
	/** Secrets it cannot work without. */
	readonly secrets: readonly string[]
}

export type Step =
	| { readonly action: 'deploy'; readonly config: string; readonly name: string }
	/** Made when the deployed Worker lacks it: a secret can be put only where a Worker already is. */
	| { readonly action: 'ensureSecret'; readonly config: string; readonly name: string; readonly secret: string }

/** Workers in the order given: whoever hosts the Durable Object classes comes before those who bind them. */
export const planSteps = (workers: readonly WorkerConfig[]): Step[] =>
	workers.flatMap(({ config, name, secrets }): Step[] => [
		{ action: 'deploy', config, name },
		...secrets.map((secret): Step => ({ action: 'ensureSecret', config, name, secret })),
	])

export interface Requirements {
	/** Proxied records that must exist for wildcard routes to be reached. 100:: is the discard prefix (RFC 6666). */
	readonly records: readonly {
		readonly zone: string
		readonly type: 'AAAA'
		readonly name: string
		readonly content: '100::'
	}[]
	/** Wildcards that Universal SSL does not cover, as it ends at the first level below the zone. */
	readonly certificates: readonly string[]
	/** Custom domains: the platform makes their records and certificates. */
	readonly customDomains: readonly string[]
}

/** What the environment's zone must hold for its routes to work. */
export function requirements(workers: readonly WorkerConfig[]): Requirements {
	const routes = workers.flatMap((worker) => worker.routes)
	const wildcards = routes
		.filter((route) => !route.customDomain)
		.map(({ pattern, zone }) => ({ host: pattern.replace(/\/.*$/, ''), zone: zone ?? '' }))
	return {
		records: wildcards.map(({ host, zone }) => ({ zone, type: 'AAAA', name: host, content: '100::' })),
		certificates: wildcards.filter(({ host, zone }) => host !== zone && host !== `*.${zone}`).map(({ host }) => host),
		customDomains: routes.filter((route) => route.customDomain).map((route) => route.pattern),
	}
}

/** The first route that still names a domain reserved for examples (RFC 2606). */
export const placeholderRoute = (workers: readonly WorkerConfig[]): string | undefined =>
	workers
		.flatMap((worker) => worker.routes.map((route) => route.pattern))
		.find((pattern) => /(^|\.)example\.(com|net|org)(\/|$)/.test(pattern))
