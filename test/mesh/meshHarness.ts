/** A whole mesh in one runtime: the admin Worker with its objects, and a proxy in each region named, each on a port of its own. */
import { setTimeout as pause } from 'node:timers/promises'
import { build } from 'esbuild'
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4WorkerOptions } from 'miniflare'
import { unstable_getMiniflareWorkerOptions } from 'wrangler'
import { type Answer, type CallOptions, call } from './client.ts'
import { gateScript, gateWorker } from './gate.ts'

export const DOMAIN = 'mesh.localhost'
const TOKEN = 'the-first-token'
export const MASTER_KEY = 'a-master-key-of-more-than-32-characters'
const ADMIN = 'selvedge-admin'
const SCHEDULER = 'selvedge-scheduler'
const LOOPBACK = '127.0.0.1'

export interface Mesh {
	readonly adminPort: number
	/** The port of a region's proxy. */
	port(region: string): number
	/** Sends a request as the edge hands it over, with its own words on the connection: to the admin Worker, or to a region's proxy. */
	atEdge(cf: object, url: string, init?: RequestInit, region?: string): Promise<Response>
	/** Sends a request through a region's proxy; the first region's unless said. */
	via(host: string, path?: string, options?: CallOptions & { region?: string }): Promise<Answer>
	/** Applies documents, and answers the revision that they made. */
	apply(...documents: object[]): Promise<number>
	remove(...documents: object[]): Promise<number>
	/** Asks the admin API, and answers its JSON; throws unless the status is 200. */
	api<T>(method: string, path: string, documents?: object[]): Promise<T>
	metrics(): Promise<string>
	/** Shuts or opens the way from proxies to the control plane, in a mesh with a gate. */
	gate(region: string, mode: 'open' | 'throw' | 'hang'): Promise<void>
	/** Lets a minute of the scheduler pass. */
	tick(): Promise<void>
	/** The objects behind a binding of the admin Worker. */
	objects<T>(binding: string): Promise<{ getByName(name: string): T }>
	/** What an object of the admin Worker has stored, in a mesh that is inspected. */
	stored<T>(className: string, name: string, query: string): Promise<T[]>
	/** What the proxies wrote into their access logs. */
	readonly log: Record<string, unknown>[]
	stop(): Promise<void>
}

export interface MeshOptions {
	/** `weur/2` is a second isolate of `weur`. */
	readonly regions: readonly string[]
	/** Puts a gate between proxies and the control plane, to shut it from the test. */
	readonly gated?: boolean
	/** Lets the test read what the objects have stored. */
	readonly inspected?: boolean
	/** Regions whose edge asks clients for certificates. */
	readonly certifying?: readonly string[]
	/** DOMAIN unless said. */
	readonly domain?: string
	/** A folder that keeps what the objects store from one mesh to the next; none is kept unless said. */
	readonly state?: string
}

export async function startMesh(options: MeshOptions): Promise<Mesh> {
	const { regions, gated = false, domain = DOMAIN, state, inspected = false } = options
	const log: Record<string, unknown>[] = []
	const miniflare = new Miniflare(
		convertV4MiniflareOptions({
			host: LOOPBACK,
			port: 0,
			cf: false,
			log: new Log(LogLevel.ERROR),
			handleStructuredLogs: ({ message }) => {
				if (message.startsWith('{')) log.push(JSON.parse(message) as Record<string, unknown>)
			},
			...(state === undefined ? {} : { resourcePersistencePath: state }),
			unsafeInspectDurableObjects: inspected,
			workers: await workers(options),
		}),
	)
	await miniflare.ready
	const portOf = async (worker: string) => Number((await miniflare.unsafeGetDirectURL(worker)).port)
	const ports = new Map<string, number>()
	for (const region of regions) ports.set(region, await portOf(proxyIn(region)))
	const adminPort = await portOf(ADMIN)
	const gatePort = gated ? await portOf('gate') : 0

	const port = (region: string): number => ports.get(region)!
	const admin = async (method: string, path: string, body?: object[]): Promise<string> => {
		const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }
		const options = { port: adminPort, host: `admin.${domain}`, path, method, headers }
		const answer = await call(body === undefined ? options : { ...options, body: JSON.stringify(body) })
		if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
		return answer.text
	}
	const change = async (path: string, documents: object[]) =>
		(JSON.parse(await admin('POST', path, documents)) as { revision: number }).revision
	return {
		adminPort,
		port,
		async atEdge(cf, url, init = {}, region = regions[0]!) {
			const worker = await miniflare.getWorker(new URL(url).hostname === `admin.${domain}` ? ADMIN : proxyIn(region))
			return worker.fetch(url, { ...init, redirect: 'manual', cf } as object) as unknown as Promise<Response>
		},
		via: (host, path = '/', { region = regions[0]!, ...options } = {}) =>
			call({ ...options, port: port(region), host, path }),
		apply: (...documents) => change('/v1/apply', documents),
		remove: (...documents) => change('/v1/delete', documents),
		api: async <T>(method: string, path: string, documents?: object[]) =>
			JSON.parse(await admin(method, path, documents)) as T,
		metrics: () => admin('GET', '/metrics'),
		async gate(region, mode) {
			const { status } = await call({ port: gatePort, host: 'gate', path: `/${region}/${mode}` })
			if (status !== 204) throw new Error(`the gate answers ${status}`)
		},
		async tick() {
			const { outcome } = await (await miniflare.getWorker(SCHEDULER)).scheduled({ cron: '* * * * *' })
			if (outcome !== 'ok') throw new Error(`the scheduler ends with ${outcome}`)
		},
		objects: async <T>(binding: string) => {
			const namespace = await miniflare.getDurableObjectNamespace(binding, ADMIN)
			return { getByName: (name: string) => namespace.get(namespace.idFromName(name)) as unknown as T }
		},
		stored: async <T>(className: string, name: string, query: string) =>
			(await (await miniflare.unsafeGetDurableObjectStorage(ADMIN, className, { name })).exec(query)) as T[],
		log,
		stop: () => miniflare.dispose(),
	}
}

export interface RunningClock {
	/** ms. */
	now(): number
	stop(): Promise<void>
}

const ROUND_PAUSE_MS = 20
/** Of a round, its pause included, on a machine that is not held up. */
const ROUND_MS = 60

/**
 * Goes while the machine does: for promises of time, which hold as long as it runs. `round` asks the mesh for what it answers at once,
 * over and over; what that takes longer than usual, because all stands still or is busy with others, does not count.
 */
export function runningClock(round: () => Promise<unknown>): RunningClock {
	let [heldUpMs, begunAt, isOver] = [0, performance.now(), false]
	const heldUp = (now: number) => heldUpMs + Math.max(0, now - begunAt - ROUND_MS)
	const going = (async () => {
		while (!isOver) {
			await round()
			await pause(ROUND_PAUSE_MS)
			const now = performance.now()
			heldUpMs = heldUp(now)
			begunAt = now
		}
	})()
	// Whoever stops it hears of it.
	going.catch(() => {})
	return {
		now() {
			const now = performance.now()
			return now - heldUp(now)
		},
		stop() {
			isOver = true
			return going
		},
	}
}

const proxyIn = (region: string): string => `selvedge-proxy-${region.replace('/', '-')}`
const socket = { unsafeDirectSockets: [{ host: LOOPBACK, port: 0 }] }

async function workers({
	regions,
	gated,
	domain: MESH_DOMAIN = DOMAIN,
	certifying = [],
}: MeshOptions): Promise<V4WorkerOptions[]> {
	const admin = await fromConfig('workers/admin/wrangler.toml')
	const proxy = await fromConfig('wrangler.toml')
	const scheduler = await fromConfig('workers/scheduler/wrangler.toml')
	const gate = {
		SNAPSHOT_REPLICA: gateWorker('GatedReplica'),
		TELEMETRY_STORE: gateWorker('GatedTelemetry'),
		KEY_RING: gateWorker('GatedKeyRing'),
	}
	return [
		{
			...admin,
			name: ADMIN,
			bindings: { ...variables(admin), MESH_DOMAIN, ADMIN_TOKEN: TOKEN, MASTER_KEY },
			...socket,
		},
		{ ...scheduler, name: SCHEDULER, bindings: { ...variables(scheduler), MESH_DOMAIN } },
		...(gated ? [{ ...gateScript, ...socket }] : []),
		...regions.map((region) => ({
			...proxy,
			name: proxyIn(region),
			bindings: {
				...variables(proxy),
				...{ MESH_DOMAIN, REGION: region.split('/')[0]!, ACCESS_LOG_SAMPLE_RATE: '1' },
				...(certifying.includes(region) ? { CLIENT_CERTIFICATES: 'on' } : {}),
			},
			...(gated ? { durableObjects: gate } : {}),
			...socket,
		})),
	]
}

const variables = ({ bindings }: V4WorkerOptions) => bindings as Record<string, string>

const bundled = new Map<string, Promise<V4WorkerOptions>>()

/** A Worker as its wrangler.toml says, bundled as wrangler does; once, however many meshes run it. */
function fromConfig(config: string): Promise<V4WorkerOptions> {
	if (!bundled.has(config)) bundled.set(config, bundle(config))
	return bundled.get(config)!
}

async function bundle(config: string): Promise<V4WorkerOptions> {
	const { workerOptions, main } = unstable_getMiniflareWorkerOptions(config)
	const { modulesRules: _, ...options } = workerOptions
	const { outputFiles } = await build({
		entryPoints: [main!],
		bundle: true,
		write: false,
		format: 'esm',
		target: 'es2024',
		conditions: ['workerd', 'worker', 'browser'],
		external: ['cloudflare:*', 'node:*'],
		loader: { '.html': 'text', '.css': 'text' },
		define: { 'process.env.NODE_ENV': '"production"' },
		logLevel: 'silent',
	})
	return { ...options, modules: true, script: outputFiles[0]!.text } as V4WorkerOptions
}
