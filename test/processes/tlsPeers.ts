/** Two processes that meet over mutual TLS with what they are given, and are gone when they have. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('./tlsPeer.ts', import.meta.url))

/** All PEM. */
export interface Peer {
	readonly key: string
	/** The leaf first; empty: it proves nothing. */
	readonly chain: readonly string[]
	/** The roots that it believes. */
	readonly bundle: readonly string[]
	/** The SPIFFE ID that the other must have. */
	readonly expects: string
	/** Revocation lists of every authority above the other. None: it asks for none. */
	readonly lists?: readonly string[]
}

/** What the server and the client say of each other. */
export async function meet(server: Peer, client: Peer): Promise<{ server: unknown; client: unknown }> {
	const folder = mkdtempSync(join(tmpdir(), 'selvedge-tls-'))
	const running: ChildProcess[] = []
	const start = (peer: Peer, port?: number) => {
		const child = startPeer(mkdtempSync(join(folder, 'peer-')), peer, port)
		running.push(child)
		return child
	}
	try {
		const listening = start(server)
		const [port] = await once(listening, 'message')
		const judged = once(listening, 'message')
		const [said] = await once(start(client, port), 'message')
		return { server: (await judged)[0], client: said }
	} finally {
		for (const child of running) child.kill('SIGKILL')
		await Promise.all(running.map((child) => isGone(child) || once(child, 'exit')))
		rmSync(folder, { recursive: true })
	}
}

const isGone = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null

function startPeer(folder: string, { key, chain, bundle, expects, lists = [] }: Peer, port?: number): ChildProcess {
	writeFileSync(join(folder, 'key.pem'), key, { mode: 0o600 })
	writeFileSync(join(folder, 'chain.pem'), chain.join(''))
	writeFileSync(join(folder, 'bundle.pem'), bundle.join(''))
	writeFileSync(join(folder, 'lists.pem'), lists.join(''))
	const args = [script, folder, expects, ...(port === undefined ? [] : [String(port)])]
	return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
}
