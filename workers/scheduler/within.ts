/** A promise with a time limit: one object that hangs must not hold up the others. */

/** Rejects when the promise takes longer. */
export function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
	let timer: ReturnType<typeof setTimeout>
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
	})
	return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
