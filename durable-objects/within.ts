/** A promise with a time limit. */

/** Rejects when the promise takes longer. What it stands for may still happen afterwards. */
export function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
	let timer: ReturnType<typeof setTimeout>
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
	})
	return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
