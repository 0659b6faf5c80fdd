/** What was met of late, bounded in size: two generations, of which the older one goes as a whole when the younger one is full. */

interface Entry<T> {
	readonly value: T
	readonly size: number
}

export interface Recent<T> {
	/** Of one generation, in whatever `remember` is told to count in. */
	readonly limit: number
	young: Map<string, Entry<T>>
	old: Map<string, Entry<T>>
	size: number
}

export const createRecent = <T>(limit: number): Recent<T> => ({ limit, young: new Map(), old: new Map(), size: 0 })

/** `size`: roughly the characters that key and value take together. */
export function remember<T>(recent: Recent<T>, key: string, value: T, size: number): void {
	put(recent, key, { value, size })
}

/** What is still asked for outlives its generation. */
export function recall<T>(recent: Recent<T>, key: string): T | undefined {
	const young = recent.young.get(key)
	if (young !== undefined) return young.value
	const old = recent.old.get(key)
	if (old !== undefined) put(recent, key, old)
	return old?.value
}

function put<T>(recent: Recent<T>, key: string, entry: Entry<T>): void {
	if (recent.size + entry.size > recent.limit) {
		recent.old = recent.young
		recent.young = new Map()
		recent.size = 0
	}
	recent.size += entry.size
	recent.young.set(key, entry)
}
