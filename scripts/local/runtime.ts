/** The local runtime as a process: started, watched over, given its clock, ended. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Miniflare, type MiniflareOptions } from 'miniflare'
import { findRuntime, forgetRuntime, recordRuntime } from './orphans.ts'
import { SCHEDULER } from './workers.ts'

const TICK_MS = 60_000

export interface Guard {
	/** Puts this process's workerd on record, if it runs. */
	readonly note: () => boolean
	readonly stop: () => void
}

/** Keeps the record of our workerd on disk, and with a watcher that ends it when this process dies. */
export function guardRuntime(stateDir: string): Guard {
	const script = fileURLToPath(new URL('guard.ts', import.meta.url))
	// A group of its own: who kills ours whole does not kill it.
	const watcher = spawn(process.execPath, [script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
	watcher.on('error', (error) => console.error(`No watcher over the runtime: ${error.message}`))
	watcher.stdin.on('error', () => {}) // it is gone; the record on disk remains
	watcher.unref()
	return {
		note() {
			const record = findRuntime()
			if (record === undefined) return false
			recordRuntime(stateDir, record)
			watcher.stdin.write(`${JSON.stringify(record)}\n`)
			return true
		},
		stop() {
			forgetRuntime(stateDir)
			watcher.kill()
		},
	}
}

/** Starts workerd and answers when it listens. Its process is on record from its first moments. */
export async function startRuntime(options: MiniflareOptions, guard: Guard): Promise<Miniflare> {
	const looking = setInterval(() => guard.note() && clearInterval(looking), 30)
	const miniflare = withoutItsSignalHandlers(() => new Miniflare(options))
	try {
		await miniflare.ready
		guard.note()
		return miniflare
	} catch (error) {
		await miniflare.dispose()
		throw error
	} finally {
		clearInterval(looking)
	}
}

/** Miniflare exits the process on the first signal; ours stops the shop first, and then it. */
function withoutItsSignalHandlers<T>(create: () => T): T {
	const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
	const ours = new Map(signals.map((signal) => [signal, process.listeners(signal)]))
	const created = create()
	for (const signal of signals)
		for (const listener of process.listeners(signal))
			if (!ours.get(signal)?.includes(listener)) process.removeListener(signal, listener)
	return created
}

/** Fires the scheduler once a minute, as its cron trigger does. Answers what stops it. */
export function startClock(miniflare: Miniflare): () => void {
	const tick = async () => {
		const scheduler = await miniflare.getWorker(SCHEDULER)
		await scheduler.scheduled({ scheduledTime: new Date(), cron: '* * * * *' })
	}
	const clock = setInterval(
		() => tick().catch((error: Error) => console.error(`The scheduler failed: ${error.message}`)),
		TICK_MS,
	)
	return () => clearInterval(clock)
}
