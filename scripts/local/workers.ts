/** The three Workers as one local runtime: bundled from source, bound as their wrangler.toml files say. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { convertV4MiniflareOptions, Log, LogLevel, type MiniflareOptions, type V4WorkerOptions } from 'miniflare'
import { unstable_getMiniflareWorkerOptions } from 'wrangler'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

export const MESH_DOMAIN = 'mesh.localhost'
export const ADMIN_HOST = `admin.${MESH_DOMAIN}`
export const SCHEDULER = 'selvedge-scheduler'

export interface LocalMesh {
	readonly port: number
	readonly stateDir: string
	readonly adminToken: string
	/** What Secrets are encrypted under. */
	readonly masterKey: string
	readonly region: string
	/** 0–1. */
	readonly accessLogRate: number
	readonly onRuntimeRestart: () => void
}

/** What differs on one machine from the top level of a wrangler.toml, and which hosts the Worker answers. */
interface LocalWorker {
	readonly name: string
	readonly config: string
	readonly routes: readonly string[]
	readonly variables: (mesh: LocalMesh) => Readonly<Record<string, string>>
}

const WORKERS: readonly LocalWorker[] = [
	{
		name: 'selvedge-admin',
		config: 'workers/admin/wrangler.toml',
		routes: [`${ADMIN_HOST}/*`],
		variables: ({ port, adminToken, masterKey, region }) => ({
			MESH_DOMAIN,
			REGION: region,
			ENDPOINT_ADDRESSES: 'any',
			OWN_PORT: String(port),
			ISSUER: `http://${ADMIN_HOST}:${port}`,
			ADMIN_TOKEN: adminToken,
			MASTER_KEY: masterKey,
		}),
	},
	{
		name: 'selvedge-proxy',
		config: 'wrangler.toml',
		routes: ['*/*'],
		variables: ({ port, region, accessLogRate }) => ({
			MESH_DOMAIN,
			REGION: region,
			ENDPOINT_ADDRESSES: 'any',
			OWN_PORT: String(port),
			ACCESS_LOG_SAMPLE_RATE: String(accessLogRate),
		}),
	},
	{
		name: SCHEDULER,
		config: 'workers/scheduler/wrangler.toml',
		routes: [],
		variables: () => ({ MESH_DOMAIN, ENDPOINT_ADDRESSES: 'any' }),
	},
]

/** Bundles as wrangler does: one ES module, platform modules left to the runtime. */
async function bundle(entry: string): Promise<string> {
	const { outputFiles } = await build({
		entryPoints: [entry],
		bundle: true,
		write: false,
		format: 'esm',
		target: 'es2024',
		conditions: ['workerd', 'worker', 'browser'],
		mainFields: ['browser', 'module', 'main'],
		external: ['cloudflare:*', 'node:*'],
		loader: { '.html': 'text', '.txt': 'text', '.sql': 'text' },
		define: { 'process.env.NODE_ENV': '"production"' },
		sourcemap: 'inline',
		logLevel: 'silent',
	})
	return outputFiles[0]!.text
}

async function workerOptions(worker: LocalWorker, mesh: LocalMesh): Promise<V4WorkerOptions> {
	const { workerOptions: configured, main } = unstable_getMiniflareWorkerOptions(join(root, worker.config))
	if (main === undefined) throw new Error(`${worker.config} names no main`)
	const { modulesRules: _, ...options } = configured // the bundle is one module
	return {
		...options,
		name: worker.name,
		modules: true,
		script: await bundle(main),
		routes: [...worker.routes],
		bindings: { ...(options.bindings as Record<string, string>), ...worker.variables(mesh) },
	}
}

/** What the Workers log, records to stdout and troubles to stderr. The runtime's notes to its own makers are left out. */
function showLog({ level, message }: { level: string; message: string }): void {
	if (message.startsWith('NOSENTRY')) return
	if (level === 'error' || level === 'warn') console.error(message)
	else console.log(message)
}

/** Requests are dispatched by host on one loopback port; Durable Objects persist below the state folder. */
export async function localMesh(mesh: LocalMesh): Promise<MiniflareOptions> {
	return convertV4MiniflareOptions({
		host: '127.0.0.1',
		port: mesh.port,
		cf: false, // no look-up of this machine's location
		log: new Log(LogLevel.WARN),
		logRequests: false,
		handleStructuredLogs: showLog,
		resourcePersistencePath: join(mesh.stateDir, 'objects'),
		unsafeHandleRuntimeRestart: mesh.onRuntimeRestart,
		workers: await Promise.all(WORKERS.map((worker) => workerOptions(worker, mesh))),
	})
}
