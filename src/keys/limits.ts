/** How often somebody may do something, and how much of what there is: a token bucket or a share for each, and a bound for all of them. */

interface Bucket {
	tokens: number
	/** ms since the epoch. */
	filledAt: number
}

interface Rate {
	readonly burst: number
	readonly perSecond: number
}

interface Rates {
	readonly each: Rate
	readonly all: Rate
}

export interface Limits {
	readonly rates: Rates
	/** The one that was used last is the last one. */
	readonly buckets: Map<string, Bucket>
	readonly all: Bucket
}

/**
 * Tries of strangers to join, by network. A machine of twenty workloads that restart together gets through at once; and whoever has
 * many addresses gets no more than the object can well bear beside its work.
 */
export const JOINING: Rates = { each: { burst: 20, perSecond: 1 }, all: { burst: 400, perSecond: 200 } }
/** What is issued, by workload. One that runs five hundred times may restart at once. */
export const ISSUING: Rates = { each: { burst: 500, perSecond: 10 }, all: { burst: 2_000, perSecond: 500 } }
/**
 * Isolates that have their key certified, by region. A deployment starts all of a region's anew: of ten thousand, which is some sixty
 * cities with a hundred and fifty each, none has to go unsigned. Each asks again twice an hour, six in a second together; the rate lets
 * thirty times as many. A ring that signs a few thousand times a second has done a burst in seconds, and at the rate of all regions
 * stays free for joins and renewals.
 */
export const DELEGATING: Rates = { each: { burst: 10_000, perSecond: 200 }, all: { burst: 20_000, perSecond: 400 } }
/** Some 2 MB. */
const MAX_BUCKETS = 10_000

/** In memory only. */
export const createLimits = (rates: Rates, now: number): Limits => ({
	rates,
	buckets: new Map(),
	all: { tokens: rates.all.burst, filledAt: now },
})

/** Counts one try. Seconds to wait until the next one may succeed, or 0: this one may. */
export function admit({ rates, buckets, all }: Limits, who: string, now: number): number {
	const own = buckets.get(who) ?? { tokens: rates.each.burst, filledAt: now }
	buckets.delete(who)
	buckets.set(who, own)
	// The one that was not used for longest is the first to be full again: little is lost with it.
	if (buckets.size > MAX_BUCKETS) buckets.delete(buckets.keys().next().value!)
	const wait = Math.max(waitFor(own, rates.each, now), waitFor(all, rates.all, now))
	if (wait > 0) return wait
	own.tokens--
	all.tokens--
	return 0
}

/** Fills the bucket up to now. Seconds until there is a token in it. */
function waitFor(bucket: Bucket, { burst, perSecond }: Rate, now: number): number {
	const seconds = Math.max(0, now - bucket.filledAt) / 1000
	bucket.tokens = Math.min(burst, bucket.tokens + seconds * perSecond)
	bucket.filledAt = now
	return bucket.tokens >= 1 ? 0 : Math.max(1, Math.ceil((1 - bucket.tokens) / perSecond))
}

/**
 * Whether somebody who holds so much may take more, of a capacity of which all together hold `total`: as much as is still free, as
 * switches share their buffers (Choudhury and Hahne, Dynamic queue length thresholds, 1998). One alone gets half; of n that go on taking
 * each has 1/(n+1), once what it took while there were fewer has ended.
 */
export const mayTake = (more: number, held: number, total: number, capacity: number): boolean =>
	held + more <= capacity - total

/** Who has one IPv6 address has 2^64 of them: the first four groups count (RFC 6177). Others count as they are. */
export function networkOf(address: string): string {
	if (!address.includes(':')) return address
	const [head = '', tail] = address.toLowerCase().split('::')
	const groups = head === '' ? [] : head.split(':')
	const rest = tail === undefined || tail === '' ? [] : tail.split(':')
	const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - rest.length)
	const whole = [...groups, ...Array.from({ length: zeros }, () => '0'), ...rest]
	return whole
		.slice(0, 4)
		.map((group) => group.replace(/^0+(?=.)/, ''))
		.join(':')
}
