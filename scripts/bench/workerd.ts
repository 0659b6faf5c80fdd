/** Plain `workerd serve`: the pinned binary itself, since Miniflare and the npm wrapper multiply the cost of a request. */

import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { capnpConfig, type ServerConfig } from './capnp.ts'
import { start } from './processes.ts'

const pinned = createRequire(import.meta.url)('workerd') as { default: string; version: string }

export const workerdVersion: string = pinned.version

export interface Server {
	readonly pid: number
	/** Port on 127.0.0.1 by the name of the socket. */
	readonly ports: Readonly<Record<string, number>>
	stop(): Promise<void>
}

/** The CPU that every proxy runs on. Load and backend have the other one. */
const PROXY_CPU = 0
export const LOAD_CPU = 1
const START_LIMIT_MS = 20_000

const servers = new Set<Server>()

/** Stops every server that is still running. */
export async function stopServers(): Promise<void> {
	await Promise.all([...servers].map((server) => server.stop()))
	servers.clear()
}

/** A directory for the bundles and state of one run. It goes when this process does, however it ends but by SIGKILL. */
export async function makeWorkspace(): Promise<string> {
	const path = await mkdtemp(join(tmpdir(), 'selvedge-bench-'))
	process.on('exit', () => rmSync(path, { recursive: true, force: true }))
	return path
}

/** Starts a server whose bundles lie in `directory`; answers when all its sockets listen. */
export async function serve(
	name: string,
	directory: string,
	config: Omit<ServerConfig, 'stateDirectory'>,
): Promise<Server> {
	const stateDirectory = join(directory, `${name}-state`)
	await mkdir(stateDirectory, { recursive: true })
	const file = join(directory, `${name}.capnp`)
	await writeFile(file, capnpConfig({ ...config, stateDirectory }))
	const started = start(pinned.default, ['serve', '--experimental', '--control-fd=3', file], {
		cpu: PROXY_CPU,
		stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
	})
	let complaints = ''
	started.child.stderr?.on('data', (chunk) => {
		complaints = (complaints + chunk).slice(-2_000)
	})
	const ports = await listening(started.child.stdio[3] as Readable, config.sockets.length).catch(async (error) => {
		await started.stop()
		throw new Error(`workerd ${name}: ${String(error)} ${complaints}`)
	})
	const server: Server = { pid: started.pid, ports, stop: started.stop }
	servers.add(server)
	return server
}

/** Reads `{"event":"listen","socket":…,"port":…}` lines until every socket has one. */
function listening(control: Readable, sockets: number): Promise<Record<string, number>> {
	const ports: Record<string, number> = {}
	let unread = ''
	return new Promise((resolve, reject) => {
		const limit = setTimeout(() => reject(new Error('did not listen in time')), START_LIMIT_MS)
		control.on('data', (chunk) => {
			const lines = (unread + chunk).split('\n')
			unread = lines.pop()!
			for (const line of lines) {
				const message = JSON.parse(line) as { event: string; socket?: string; port?: number }
				if (message.event === 'listen' && message.socket && message.port) ports[message.socket] = message.port
			}
			if (Object.keys(ports).length < sockets) return
			clearTimeout(limit)
			resolve(ports)
		})
		control.on('close', () => {
			clearTimeout(limit)
			reject(new Error('ended before it listened'))
		})
	})
}
