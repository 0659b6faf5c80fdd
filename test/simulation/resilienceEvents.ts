/** A world of events in which time passes only from one to the next (discrete event simulation). Times are in ms. */

export interface Events {
	readonly now: number
	at(time: number, act: () => void): void
	after(ms: number, act: () => void): void
	/** Lets everything happen up to `time`. */
	runUntil(time: number): void
}

/** A binary heap by time; events of one time happen in the order in which they were planned. */
export function createEvents(): Events {
	const heap: { time: number; order: number; act: () => void }[] = []
	let now = 0
	let planned = 0
	const isBefore = (a: number, b: number) =>
		heap[a]!.time < heap[b]!.time || (heap[a]!.time === heap[b]!.time && heap[a]!.order < heap[b]!.order)
	const swap = (a: number, b: number) => {
		const kept = heap[a]!
		heap[a] = heap[b]!
		heap[b] = kept
	}

	function at(time: number, act: () => void): void {
		heap.push({ time: Math.max(now, time), order: planned++, act })
		for (let i = heap.length - 1; i > 0; ) {
			const parent = (i - 1) >> 1
			if (!isBefore(i, parent)) break
			swap(i, parent)
			i = parent
		}
	}

	function pop(): () => void {
		const { act } = heap[0]!
		const last = heap.pop()!
		if (heap.length > 0) heap[0] = last
		for (let i = 0; ; ) {
			let least = i
			for (const child of [2 * i + 1, 2 * i + 2]) if (child < heap.length && isBefore(child, least)) least = child
			if (least === i) return act
			swap(i, least)
			i = least
		}
	}

	return {
		get now() {
			return now
		},
		at,
		after: (ms, act) => at(now + ms, act),
		runUntil(time) {
			while (heap.length > 0 && heap[0]!.time <= time) {
				now = heap[0]!.time
				pop()()
			}
			now = time
		},
	}
}

/** A wait of a Poisson process, or a service time, with this mean. */
export const exponential = (random: () => number, meanMs: number): number => -Math.log(1 - random()) * meanMs

/** Lets `arrive` happen as a Poisson process, until that time. */
export function poisson(
	events: Events,
	random: () => number,
	perSecond: number,
	until: number,
	arrive: () => void,
): void {
	const next = () =>
		events.after(exponential(random, 1_000 / perSecond), () => {
			if (events.now >= until) return
			arrive()
			next()
		})
	next()
}

/** By nearest rank. */
export function quantileOf(values: readonly number[], q: number): number {
	const sorted = Float64Array.from(values).sort()
	return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!
}
