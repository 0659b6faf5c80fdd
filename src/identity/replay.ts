/**
 * Memory of proofs that were shown, so that each counts once (draft-ietf-wimse-wpt-02 §2.1, RECOMMENDED).
 *
 * Whoever has a key can make proofs without end, so the memory is bounded, and shared as switches share their buffers (Choudhury and
 * Hahne, Dynamic queue length thresholds, 1998): a subject may take as much as is still free. One alone gets half, of n each gets
 * 1/(n+1), and something is always left for who comes next.
 */

/** Of all proofs, in bytes: about 190,000 of them with a `jti` of 22 characters. */
const CAPACITY = 16 * 1_048_576
/** What an entry, and a subject in a bucket, take beside their text. */
const ENTRY_BYTES = 64
const SUBJECT_BYTES = 256
/** Proofs are forgotten by the bucket, when all in it have expired. */
const BUCKET_MS = 30_000
/** Far more than a WPT may live. */
const MAX_AHEAD_MS = 15 * 60_000

interface Remembered {
	readonly ids: Set<string>
	bytes: number
}

export interface Seen {
	readonly capacity: number
	/** By when they expire, in units of 30 s; then by subject. */
	readonly buckets: Map<number, Map<string, Remembered>>
	bytes: number
}

/** `capacity` in bytes, approximately. */
export const createSeen = (capacity = CAPACITY): Seen => ({ capacity, buckets: new Map(), bytes: 0 })

/**
 * Whether the subject showed this `jti` before. `full`: it cannot be remembered, so whoever wants each proof once must refuse it.
 * Times in ms since the epoch; what has expired is `again`.
 */
export function firstTime(
	seen: Seen,
	subject: string,
	jti: string,
	expiresAt: number,
	now: number,
): 'first' | 'again' | 'full' {
	if (expiresAt <= now) return 'again'
	forget(seen, now)
	let held = 0
	for (const subjects of seen.buckets.values()) {
		const remembered = subjects.get(subject)
		if (remembered?.ids.has(jti)) return 'again'
		held += remembered?.bytes ?? 0
	}
	const bucket = Math.floor(expiresAt / BUCKET_MS)
	const known = seen.buckets.get(bucket)?.get(subject)
	const cost = ENTRY_BYTES + jti.length + (known === undefined ? SUBJECT_BYTES + subject.length : 0)
	if (expiresAt > now + MAX_AHEAD_MS || held + cost > seen.capacity - seen.bytes) return 'full'
	const remembered = known ?? remember(seen, bucket, subject)
	remembered.ids.add(jti)
	remembered.bytes += cost
	seen.bytes += cost
	return 'first'
}

function remember({ buckets }: Seen, bucket: number, subject: string): Remembered {
	const subjects = buckets.get(bucket) ?? new Map<string, Remembered>()
	buckets.set(bucket, subjects)
	const remembered = { ids: new Set<string>(), bytes: 0 }
	subjects.set(subject, remembered)
	return remembered
}

function forget(seen: Seen, now: number): void {
	const current = Math.floor(now / BUCKET_MS)
	for (const [bucket, subjects] of seen.buckets) {
		if (bucket >= current) continue
		seen.buckets.delete(bucket)
		for (const { bytes } of subjects.values()) seen.bytes -= bytes
	}
}
