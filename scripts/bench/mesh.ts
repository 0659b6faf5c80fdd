/** The mesh under test: its three Workers in one plain workerd process, loaded through its own admin API. */
import { readFileSync } from 'node:fs'
import { type Bundled, bundleWorker } from './bundle.ts'
import { batches, type Document } from './documents.ts'
import { type Answer, ask, until200 } from './http.ts'
import { serve } from './workerd.ts'

export const MESH_DOMAIN = 'mesh.localhost'
const ADMIN_TOKEN = 'bench-token-of-a-mesh-that-only-listens-on-loopback'
/** Seals the secrets of meshes that only listen on loopback and are gone when the run ends. */
const MASTER_KEY = Buffer.alloc(32, 'bench').toString('base64')
const MAX_BATCH_BYTES = 1_900_000
const MAX_BATCH_DOCUMENTS = 1_000
const READY_LIMIT_MS = 20_000

export interface MeshBundles {
	readonly proxy: Bundled
	readonly admin: Bundled
	readonly scheduler: Bundled
}

export interface Mesh {
	readonly pid: number
	readonly proxyPort: number
	/** Asks the admin API as its operator, unless the fields say otherwise. Throws unless the answer is a good one. */
	ask(path: string, body: string, headers: Readonly<Record<string, string>>): Promise<Answer>
	/** Applies the documents in as many requests as it takes; answers how long that took. Throws on a refusal. */
	apply(documents: Iterable<Document>): Promise<number>
	/** Waits until the proxy answers 200. */
	served(host: string, path: string): Promise<void>
	/** Resident memory, in MB. */
	memoryMb(): number
	stop(): Promise<void>
}

export async function bundleMesh(directory: string): Promise<MeshBundles> {
	const [proxy, admin, scheduler] = await Promise.all([
		bundleWorker('wrangler.toml', directory, { MESH_DOMAIN }),
		bundleWorker('workers/admin/wrangler.toml', directory, {
			MESH_DOMAIN,
			ADMIN_TOKEN,
			MASTER_KEY,
			ENDPOINT_ADDRESSES: 'any',
		}),
		bundleWorker('workers/scheduler/wrangler.toml', directory),
	])
	return { proxy, admin, scheduler }
}

/** Starts a mesh, or starts it again with the state that a mesh of the same name left. */
export async function startMesh(name: string, directory: string, bundles: MeshBundles): Promise<Mesh> {
	const server = await serve(name, directory, {
		services: [bundles.admin.service, bundles.proxy.service, bundles.scheduler.service],
		sockets: [
			{ name: 'proxy', service: bundles.proxy.service.name },
			{ name: 'admin', service: bundles.admin.service.name },
		],
	})
	const admin = { port: server.ports.admin!, host: `admin.${MESH_DOMAIN}` }
	await until200({ ...admin, path: '/readyz' }, READY_LIMIT_MS)
	const proxyPort = server.ports.proxy!
	return {
		pid: server.pid,
		proxyPort,
		ask: (path, body, headers) => post(admin, path, body, headers),
		apply: (documents) => apply(admin, documents),
		served: (host, path) => until200({ port: proxyPort, host, path }, READY_LIMIT_MS),
		memoryMb: () => residentMb(server.pid),
		stop: server.stop,
	}
}

async function apply(admin: { port: number; host: string }, documents: Iterable<Document>): Promise<number> {
	let elapsedMs = 0
	for (const body of batches(documents, MAX_BATCH_BYTES, MAX_BATCH_DOCUMENTS)) {
		const startedAt = performance.now()
		await post(admin, '/v1/apply', body)
		elapsedMs += performance.now() - startedAt
	}
	return elapsedMs
}

async function post(
	admin: { port: number; host: string },
	path: string,
	body: string,
	more: Readonly<Record<string, string>> = {},
): Promise<Answer> {
	const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json', ...more }
	const answer = await ask({ ...admin, path, method: 'POST', headers, body })
	if (answer.status < 300) return answer
	throw new Error(`${path} answered ${answer.status}: ${answer.body.slice(0, 600)}`)
}

const residentMb = (pid: number): number =>
	Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024
