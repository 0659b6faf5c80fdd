/** The three Workers' wrangler.toml files, as a deployment reads them. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { experimental_readRawConfig, unstable_readConfig } from 'wrangler'
import type { Route, WorkerConfig } from './plan.ts'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** In order of deployment: the admin Worker hosts the Durable Object classes that the others bind. */
export const WORKERS = [
	{ config: 'workers/admin/wrangler.toml', secrets: ['ADMIN_TOKEN', 'MASTER_KEY'] },
	{ config: 'wrangler.toml', secrets: [] },
	{ config: 'workers/scheduler/wrangler.toml', secrets: [] },
] as const

/** What is read here of wrangler's configuration. */
export interface WranglerConfig {
	readonly name?: string
	readonly routes?: readonly (string | { pattern: string; zone_name?: string; custom_domain?: boolean })[]
	readonly vars: Readonly<Record<string, unknown>>
	readonly triggers: { readonly crons?: readonly string[] }
	readonly durable_objects: {
		readonly bindings: readonly { name: string; class_name: string; script_name?: string }[]
	}
}

/** A Worker's configuration with one environment's values in force; '' is the top level. wrangler warns when it deploys. */
export const readWrangler = (config: string, env: string): WranglerConfig =>
	unstable_readConfig({ config: join(root, config), env }, { hideWarnings: true })

/** Environments that the configuration names. */
export const environmentsOf = (config: string): string[] =>
	Object.keys(experimental_readRawConfig({ config: join(root, config) }).rawConfig.env ?? {})

function asRoute(route: NonNullable<WranglerConfig['routes']>[number]): Route {
	if (typeof route === 'string') return { pattern: route, customDomain: false }
	const { pattern, zone_name: zone, custom_domain: customDomain = false } = route
	return { pattern, customDomain, ...(zone === undefined ? {} : { zone }) }
}

export function workerConfigs(env: string): WorkerConfig[] {
	return WORKERS.map(({ config, secrets }) => {
		const { name, routes } = readWrangler(config, env)
		if (name === undefined) throw new Error(`${config} names no Worker`)
		return { config, name, routes: (routes ?? []).map(asRoute), secrets }
	})
}
