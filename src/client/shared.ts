/** Work that one does and many wait for. */
import { type Runtime, within } from './runtime.ts'

export interface Shared {
	/** Begins the work, or joins it when it is under way. */
	readonly run: () => Promise<void>
	/** The work that is under way. */
	readonly running: () => Promise<void> | undefined
}

/**
 * `work` never rejects. What has not ended after `limitMs` never will, and is done anew: some runtimes end a request, and with it all that
 * it began, while others wait for it. So whoever waits has a timer of its own.
 */
export function shared(runtime: Runtime, limitMs: number, work: () => Promise<void>): Shared {
	const { now, waitUntil } = runtime
	let latest: { readonly ended: Promise<void>; readonly startedAt: number } | undefined
	const start = () => {
		const begun = { ended: work(), startedAt: now() }
		latest = begun
		const done = begun.ended.then(() => {
			if (latest === begun) latest = undefined
		})
		waitUntil(done)
		return begun
	}
	const wait = ({ ended, startedAt }: NonNullable<typeof latest>) =>
		within(runtime, Math.max(0, startedAt + limitMs - now()), () => ended).catch(() => {})
	const running = () => (latest !== undefined && now() < latest.startedAt + limitMs ? latest : undefined)
	return {
		run: () => wait(running() ?? start()),
		running: () => {
			const begun = running()
			return begun && wait(begun)
		},
	}
}
