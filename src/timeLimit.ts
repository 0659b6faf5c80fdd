/** A promise with a time limit: what hangs must not hold up the others. */

/** `start` has a function called after so many ms, `stop` has it not called any more: the platform's timers. */
export const timeLimit = <Timer>(start: (ring: () => void, ms: number) => Timer, stop: (timer: Timer) => void) =>
	/** Rejects when the promise takes longer. What it stands for may still happen afterwards. */
	function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
		let timer: Timer
		const late = new Promise<never>((_, reject) => {
			timer = start(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
		})
		return Promise.race([promise, late]).finally(() => stop(timer))
	}
