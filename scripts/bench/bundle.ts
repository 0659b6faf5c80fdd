/** The project's Workers as deployment would have them: bundled, minified, with the bindings of their wrangler.toml. */
import { fileURLToPath } from 'node:url'
import { type BuildResult, build } from 'esbuild'
import { unstable_readConfig } from 'wrangler'
import type { ObjectBinding, WorkerService } from './capnp.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What is used here of a wrangler.toml's top level. wrangler's own type for it is not in its package. */
interface Config {
	readonly name: string
	/** Absolute path. */
	readonly main: string
	readonly compatibility_date: string
	readonly compatibility_flags: readonly string[]
	readonly vars: Readonly<Record<string, unknown>>
	readonly durable_objects: {
		readonly bindings: readonly { readonly name: string; readonly class_name: string; readonly script_name?: string }[]
	}
	readonly migrations: readonly { readonly new_sqlite_classes?: readonly string[] }[]
}

export interface Bundled {
	readonly service: WorkerService
	readonly bytes: number
	/** Paths of the modules that went in. */
	readonly inputs: readonly string[]
}

/** Bundles one Worker into a directory. `configPath` is relative to the repository; `text` adds or replaces variables. */
export async function bundleWorker(
	configPath: string,
	directory: string,
	text: Readonly<Record<string, string>> = {},
): Promise<Bundled> {
	const config = readConfig(configPath)
	const { name } = config
	const built = await bundleModule(config.main, `${directory}/${name}.js`)
	const objects: ObjectBinding[] = config.durable_objects.bindings.map((object) => ({
		binding: object.name,
		className: object.class_name,
		service: object.script_name ?? name,
	}))
	const vars = Object.entries(config.vars).map(([key, value]) => [key, String(value)])
	const service: WorkerService = {
		name,
		module: `${name}.js`,
		compatibilityDate: config.compatibility_date,
		compatibilityFlags: config.compatibility_flags,
		text: { ...Object.fromEntries(vars), ...text },
		objects,
		classes: config.migrations.flatMap((migration) => migration.new_sqlite_classes ?? []),
	}
	return { service, ...built }
}

/** A yardstick runs under the proxy's compatibility settings, so that only its code differs. */
export async function bundleYardstick(
	name: string,
	directory: string,
	text: Readonly<Record<string, string>> = {},
): Promise<Bundled> {
	const { compatibility_date, compatibility_flags } = readConfig('wrangler.toml')
	const entry = fileURLToPath(new URL(`yardsticks/${name}.ts`, import.meta.url))
	const built = await bundleModule(entry, `${directory}/${name}.js`)
	const service: WorkerService = {
		name,
		module: `${name}.js`,
		compatibilityDate: compatibility_date,
		compatibilityFlags: compatibility_flags,
		text,
		objects: [],
		classes: [],
	}
	return { service, ...built }
}

const readConfig = (path: string): Config => unstable_readConfig({ config: ROOT + path }, { hideWarnings: true })

async function bundleModule(entry: string, outfile: string): Promise<{ bytes: number; inputs: string[] }> {
	const result: BuildResult<{ metafile: true }> = await build({
		entryPoints: [entry],
		outfile,
		bundle: true,
		minify: true,
		metafile: true,
		format: 'esm',
		target: 'es2024',
		platform: 'browser',
		conditions: ['workerd', 'worker', 'browser'],
		external: ['cloudflare:*', 'node:*'],
		loader: { '.html': 'text', '.txt': 'text' },
		logLevel: 'error',
	})
	const bytes = Object.values(result.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0)
	return { bytes, inputs: Object.keys(result.metafile.inputs) }
}
