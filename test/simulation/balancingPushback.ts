/** An endpoint that can do less than its share, and says so: what the mesh makes of it, second by second. */
import { effectiveWeight } from '../../src/balancing/effectiveWeight.ts'
import { type Pushback, pushbackMs, pushedBack } from '../../src/balancing/pushback.ts'
import { weightedChoice } from '../../src/balancing/weighted.ts'
import { seeded } from '../random.ts'

const PER_SECOND = 200
const LATENCY_MS = 50

/**
 * Four endpoints share 200 requests a second; the first takes `capacity` of them in each second and answers 429 with `retryAfter` to the
 * others. Answers the share of requests refused and the share that it served, from the second minute on.
 */
export function underPushback(
	seed: number,
	capacity: number,
	retryAfter: string,
	isHeeded: boolean,
): { readonly refused: number; readonly served: number } {
	const random = seeded(seed)
	const rules = { defaultMs: 5_000, maxMs: 60_000 }
	let pushback: Pushback | undefined
	const counts = { all: 0, refused: 0, served: 0 }
	for (let second = 0; second < 660; second++) {
		const startedAt = 1_800_000_000_000 + 1_000 * second
		const first = effectiveWeight(1, { pushback: isHeeded ? pushback : undefined }, undefined, startedAt)
		const draw = weightedChoice([first, 1, 1, 1])!
		let taken = 0
		for (let i = 0; i < PER_SECOND; i++) {
			const sentAt = startedAt + (1_000 * i) / PER_SECOND
			const isFirst = draw(random()) === 0
			const isRefused = isFirst && ++taken > capacity
			if (second >= 60) {
				counts.all++
				if (isRefused) counts.refused++
				else if (isFirst) counts.served++
			}
			if (!isRefused) continue
			const answeredAt = sentAt + LATENCY_MS
			pushback = pushedBack(pushback, pushbackMs(429, retryAfter, rules, answeredAt)!, sentAt, answeredAt)
		}
	}
	return { refused: counts.refused / counts.all, served: counts.served / counts.all }
}
