/** Listings, a page at a time. */

/** One page of a listing. `next` goes back in as `after`. */
export interface Page<T> {
	readonly items: readonly T[]
	readonly next?: string
}

/** Which page. `namespaces`: only what belongs to these, and of what belongs to them and others, their part. */
export interface PageRequest {
	readonly limit: number
	readonly after?: string
	readonly namespaces?: readonly string[]
}
