/** The bench's side of the two processes on the load's CPU: the generator and the backend. */
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { LoadTarget, SliceOrder, SliceResult } from './load.ts'
import { type Started, start } from './processes.ts'
import type { TroubleCounts, TroubleMessage, TroublePorts } from './troubleMakers.ts'
import { LOAD_CPU } from './workerd.ts'

export interface Generator {
	add(target: LoadTarget): void
	slice(order: SliceOrder): Promise<SliceResult>
}

export function startGenerator(): Generator {
	const started = startScript('load.ts')
	return {
		add: (target) => void started.child.send({ target }),
		async slice(slice) {
			started.child.send({ slice })
			return (await answer(started)) as SliceResult
		},
	}
}

export interface Backend {
	/** In the order of the letters. */
	readonly ports: readonly number[]
	/** How many requests each listener got so far. */
	received(): Promise<readonly number[]>
}

/** One listener for each letter. */
export async function startBackend(letters: readonly string[]): Promise<Backend> {
	const started = startScript('backend.ts', letters)
	return {
		ports: (await answer(started)) as number[],
		async received() {
			started.child.send('received')
			return (await answer(started)) as number[]
		},
	}
}

export interface TroubleMakers {
	readonly ports: TroublePorts
	/** How many requests each got so far. */
	received(): Promise<TroubleCounts>
	/** From now on nobody listens where `refusing` did. */
	refuse(): Promise<void>
}

/** Servers that answer late, or badly, or not at all. */
export async function startTroubleMakers(slowMs: number): Promise<TroubleMakers> {
	const started = startScript('troubleMakers.ts', [String(slowMs)])
	const ports = (await answer(started)) as TroublePorts
	const tell = (message: TroubleMessage): Promise<unknown> => {
		started.child.send(message)
		return answer(started)
	}
	return {
		ports,
		received: async () => (await tell('received')) as TroubleCounts,
		refuse: async () => void (await tell('refuse')),
	}
}

const startScript = (name: string, args: readonly string[] = []): Started =>
	start(process.execPath, [fileURLToPath(new URL(name, import.meta.url)), ...args], {
		cpu: LOAD_CPU,
		stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
	})

async function answer(started: Started): Promise<unknown> {
	const abort = new AbortController()
	const ended = once(started.child, 'exit', { signal: abort.signal }).then(() => {
		throw new Error('a process of the bench ended early')
	})
	try {
		const [message] = (await Promise.race([once(started.child, 'message', { signal: abort.signal }), ended])) as [
			unknown,
		]
		return message
	} finally {
		abort.abort()
		ended.catch(() => undefined)
	}
}
