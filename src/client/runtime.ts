/** The way of the SDK to the world: network, clock, timers and chance. No other file of it touches the platform. */
import { toBase64Url } from '../base64url.ts'

/** What can be put in place of the platform's own. */
export interface Platform {
	/** E.g. one that presents a client certificate, or that knows where `*.localhost` is. */
	readonly fetch?: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
	/** ms since the epoch. */
	readonly now?: () => number
	/** Uniform in [0, 1). For jitter only: nothing secret is made of it. */
	readonly random?: () => number
	readonly setTimeout?: (work: () => void, delayMs: number) => unknown
	readonly clearTimeout?: (timer: never) => void
	/** For runtimes that end what a request began when the request ends: in Workers, that of `cloudflare:workers`. */
	readonly waitUntil?: (work: Promise<unknown>) => void
}

export interface Runtime {
	readonly send: NonNullable<Platform['fetch']>
	readonly now: () => number
	readonly random: () => number
	/** Does not keep a process alive. Answers what calls it off. */
	readonly later: (work: () => void, delayMs: number) => () => void
	/** Does. */
	readonly sleep: (delayMs: number) => Promise<void>
	readonly waitUntil: (work: Promise<unknown>) => void
	/** 128 random bits, in base64url. */
	readonly newId: () => string
}

export function runtimeOf(platform: Platform): Runtime {
	const start = platform.setTimeout ?? ((work: () => void, delayMs: number): unknown => setTimeout(work, delayMs))
	const stop = (platform.clearTimeout ?? clearTimeout) as (timer: unknown) => void
	return {
		// Looked up at each call: tracing replaces it after modules were loaded.
		send: platform.fetch ?? ((input, init) => fetch(input, init)),
		now: platform.now ?? (() => Date.now()),
		random: platform.random ?? (() => Math.random()),
		later(work, delayMs) {
			const timer = start(work, delayMs)
			// Node's and Bun's timers are objects, and keep the process alive unless told otherwise.
			if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref(): void }).unref()
			return () => stop(timer)
		},
		sleep: (delayMs) => new Promise((resolve) => void start(resolve, delayMs)),
		waitUntil: platform.waitUntil ?? (() => {}),
		newId: () => toBase64Url(crypto.getRandomValues(new Uint8Array(16))),
	}
}

/** Rejects when the work has not ended in time, also where it does not heed the signal. */
export async function within<T>(
	{ later }: Runtime,
	limitMs: number,
	work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
	const controller = new AbortController()
	const overdue = new Promise<never>((_, reject) => {
		controller.signal.addEventListener('abort', () => reject(controller.signal.reason))
	})
	const cancel = later(() => controller.abort(new Error(`no answer within ${limitMs} ms`)), limitMs)
	try {
		return await Promise.race([work(controller.signal), overdue])
	} finally {
		cancel()
	}
}
