/** Requests in flight and in wait: never more than allowed, nobody overtaken, no slot lost, whoever leaves whenever. */
import { describe, expect, it } from 'vitest'
import { expire } from '../../../src/resilience/leasedCount.ts'
import { abandon, admit, createLimitState, done, next, type Slot } from '../../../src/resilience/limits.ts'
import type { Limits } from '../../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../../random.ts'

const START = 1_700_000_000_000
const SLOT_MS = 60_000

describe('a request', () => {
	it('goes while there is room, waits while there is room to wait, and is refused beyond', () => {
		const state = createLimitState(SLOT_MS)
		const limits: Limits = { maxInFlight: 2, maxPending: 1 }
		expect(typeof admit(state, limits, START)).toBe('number')
		expect(typeof admit(state, limits, START)).toBe('number')
		expect(admit(state, limits, START)).toBe('wait')
		expect(admit(state, limits, START)).toBe('refuse')
	})

	it.each<[string, Limits]>([
		['limits of none', {}],
		['a limit on waiting alone', { maxPending: 1 }],
	])('always goes under %s', (_, limits) => {
		const state = createLimitState(SLOT_MS)
		for (let i = 0; i < 10_000; i++) expect(typeof admit(state, limits, START)).toBe('number')
	})

	it('does not wait where nobody said that it may', () => {
		const state = createLimitState(SLOT_MS)
		admit(state, { maxInFlight: 1 }, START)
		expect(admit(state, { maxInFlight: 1 }, START)).toBe('refuse')
	})

	it('is held to the tighter of the fixed and the adaptive limit', () => {
		const admitted = (maxInFlight: number, adaptive: number) => {
			const state = createLimitState(SLOT_MS)
			let count = 0
			while (count < 100 && typeof admit(state, { maxInFlight }, START, adaptive) === 'number') count++
			return count
		}
		expect([admitted(5, 9), admitted(9, 5)]).toEqual([5, 5])
	})

	it('does not overtake those that wait when the limit grows', () => {
		const state = createLimitState(SLOT_MS)
		const limits: Limits = { maxPending: 5 }
		admit(state, limits, START, 1)
		expect(admit(state, limits, START, 1)).toBe('wait')
		expect(admit(state, limits, START, 3)).toBe('wait')
		expect(next(state, limits, START, 3)).toBeDefined()
		expect(next(state, limits, START, 3)).toBeDefined()
		expect(next(state, limits, START, 3)).toBeUndefined()
	})

	it('whose end nobody tells holds its slot for its time, not forever', () => {
		const state = createLimitState(SLOT_MS)
		const limits: Limits = { maxInFlight: 1 }
		admit(state, limits, START)
		expect(admit(state, limits, START + SLOT_MS - 1)).toBe('refuse')
		expect(typeof admit(state, limits, START + SLOT_MS * 1.2)).toBe('number')
	})
})

/** The caller as it is to be: a queue of waiters, some of which die without a word. */
interface Waiter {
	readonly number: number
	readonly since: number
	isDead: boolean
}

function simulate(seed: number): void {
	const random = seeded(seed)
	const limits = {
		maxInFlight: 1 + Math.floor(random() * 5),
		maxPending: Math.floor(random() * 6),
		maxWaitMs: 2_000,
	}
	const state = createLimitState(SLOT_MS)
	const queue: Waiter[] = []
	/** Slots of requests that will tell when they end, and when slots were lost. */
	const live: Slot[] = []
	let lost: number[] = []
	let now = START
	let arrivals = 0
	let lastStarted = -1
	let refusedWithRoom = 0
	const start = (number: number, slot: Slot, isDead: boolean) => {
		if (number <= lastStarted) expect.fail(`seed ${seed}: ${lastStarted} overtook ${number}`)
		lastStarted = number
		if (isDead) lost.push(now)
		else live.push(slot)
	}
	const pump = () => {
		while (queue.length > 0 && now - queue[0]!.since >= limits.maxWaitMs) {
			queue.shift()
			abandon(state)
		}
		for (let slot = next(state, limits, now); slot !== undefined; slot = next(state, limits, now)) {
			const { number, isDead } = queue.shift()!
			start(number, slot, isDead)
		}
	}
	const arrive = () => {
		pump()
		const admission = admit(state, limits, now)
		const number = arrivals++
		if (admission === 'wait') queue.push({ number, since: now, isDead: false })
		else if (admission !== 'refuse') start(number, admission, random() < 0.02)
		else if (live.length + lost.length < limits.maxInFlight) refusedWithRoom++
	}
	const finish = () => {
		if (live.length > 0) done(state, live.splice(Math.floor(random() * live.length), 1)[0]!, now)
		pump()
	}
	const leave = () => {
		const at = Math.floor(random() * queue.length)
		if (queue.length === 0) return
		// Half of them go properly, the others stay in the queue as they were when the platform stopped them.
		if (random() < 0.5) queue[at]!.isDead = true
		else {
			queue.splice(at, 1)
			abandon(state)
		}
	}
	for (let step = 0; step < 400; step++) {
		now += Math.floor(random() * 400)
		lost = lost.filter((since) => now - since < (SLOT_MS * 8) / 7)
		const chance = random()
		if (chance < 0.5) arrive()
		else if (chance < 0.85) finish()
		else leave()
		expire(state.inFlight, now)
		const { count } = state.inFlight
		const isWithinLimits = count <= limits.maxInFlight && queue.length <= limits.maxPending
		const isCountedRight = state.pending === queue.length && count >= live.length && count <= live.length + lost.length
		if (!isWithinLimits || !isCountedRight)
			expect.fail(`seed ${seed}, step ${step}: ${JSON.stringify({ limits, count, live, lost, queue })}`)
	}
	expect(refusedWithRoom, `seed ${seed}: refused though there was room`).toBe(0)
	while (live.length > 0) finish()
	now += SLOT_MS * 1.2
	pump()
	expire(state.inFlight, now)
	expect([state.inFlight.count, state.pending, queue.length], `seed ${seed}: left behind`).toEqual([0, 0, 0])
}

describe('in any order of arriving, ending, leaving and dying', () => {
	it('limits hold, nobody is overtaken, nobody waits beside a free slot, and in the end every slot is free', () => {
		for (let seed = 1; seed <= 300; seed++) simulate(seed)
	})
})
