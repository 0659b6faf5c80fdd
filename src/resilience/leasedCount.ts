/**
 * A count of what is under way that forgets what never ends. When a client leaves, the platform stops its request where it is:
 * no code runs any more that could give back what the request held. So whatever is counted is held on a lease.
 */

/** How finely ages are told apart. */
const BUCKETS = 8

export interface LeasedCount {
	/** How many are under way. Right after `take`, `giveBack` or `expire`. */
	count: number
	/** The same by when they were taken: a ring of time buckets. Each endpoint has one, and a typed array takes twice the memory. */
	readonly taken: number[]
	readonly bucketMs: number
	/** The newest bucket, numbered from the epoch. */
	newest: number
}

/** What `take` hands out, and `giveBack` wants back. */
export type Lease = number

/** Leases last at least `leaseMs` (≥ 7), and at most a seventh longer. */
export const createLeasedCount = (leaseMs: number): LeasedCount => ({
	count: 0,
	taken: Array.from({ length: BUCKETS }, () => 0),
	bucketMs: Math.max(1, leaseMs / (BUCKETS - 1)),
	newest: 0,
})

/** Forgets those whose lease is over. A clock that is set back makes leases longer, nothing worse. */
export function expire(leased: LeasedCount, now: number): void {
	const bucket = Math.floor(now / leased.bucketMs)
	if (!(bucket > leased.newest)) return
	const { taken, newest } = leased
	for (let step = Math.min(BUCKETS, bucket - newest); step > 0; step--) {
		const slot = (bucket - step + 1) % BUCKETS
		leased.count -= taken[slot]!
		taken[slot] = 0
	}
	leased.newest = bucket
}

export function take(leased: LeasedCount, now: number): Lease {
	expire(leased, now)
	leased.count++
	leased.taken[leased.newest % BUCKETS]! += 1
	return leased.newest
}

/** Whoever comes after the lease was over gives nothing back: it is counted no more. */
export function giveBack(leased: LeasedCount, lease: Lease, now: number): void {
	expire(leased, now)
	const slot = lease % BUCKETS
	if (lease <= leased.newest - BUCKETS || !(leased.taken[slot]! > 0)) return
	leased.taken[slot]! -= 1
	leased.count--
}
