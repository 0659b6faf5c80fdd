/** A server of so many workers with a queue, behind an adaptive limit. Beyond its workers, more at once only wait longer (Little's law). */
import {
	type AdaptiveState,
	concurrencyLimit,
	createAdaptiveState,
	onAnswer,
} from '../../src/resilience/adaptiveConcurrency.ts'
import type { AdaptiveRules } from '../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../random.ts'
import { createEvents, type Events, exponential, poisson } from './resilienceEvents.ts'

export const ADAPTIVE_RULES: AdaptiveRules = {
	initialLimit: 20,
	minimumLimit: 5,
	maximumLimit: 1_000,
	tolerance: 1.5,
	smoothing: 0.2,
}
export const WORKERS = 40
const SERVICE_MS = 50
const CAPACITY_PER_SECOND = (WORKERS / SERVICE_MS) * 1_000

export interface Phase {
	readonly name: string
	readonly seconds: number
	/** Load as a share of what all workers can do. */
	readonly load: number
	/** Workers that work. */
	readonly workers: number
}

export interface PhaseFigures {
	readonly name: string
	/** Means over the second half of the phase. */
	readonly limit: number
	readonly latencyMs: number
	readonly lowestLimit: number
	readonly highestLimit: number
	/** Answers as a share of what the workers could have given, or of the load if that is less. */
	readonly served: number
}

/** First come, first served. */
function createServer(events: Events, random: () => number) {
	const waiting: (() => void)[] = []
	let busy = 0
	const server = {
		workers: WORKERS,
		handle(answer: () => void): void {
			waiting.push(answer)
			work()
		},
	}
	function work(): void {
		if (busy >= server.workers || waiting.length === 0) return
		const answer = waiting.shift()!
		busy++
		events.after(exponential(random, SERVICE_MS), () => {
			busy--
			answer()
			work()
			work()
		})
	}
	return server
}

export function adaptiveFigures(seed: number, phases: readonly Phase[], rules = ADAPTIVE_RULES): PhaseFigures[] {
	const random = seeded(seed)
	const events = createEvents()
	const server = createServer(events, random)
	const state: AdaptiveState = createAdaptiveState(rules, 0, random())
	let inFlight = 0
	return phases.map(({ name, seconds, load, workers }) => {
		server.workers = workers
		const until = events.now + seconds * 1_000
		const measuredFrom = events.now + seconds * 500
		const latencies: number[] = []
		const limits: number[] = []
		poisson(events, random, load * CAPACITY_PER_SECOND, until, () => {
			if (inFlight >= concurrencyLimit(state)) return
			inFlight++
			const sentAt = events.now
			server.handle(() => {
				onAnswer(rules, state, events.now - sentAt, inFlight, events.now, random)
				inFlight--
				if (events.now < measuredFrom) return
				latencies.push(events.now - sentAt)
				limits.push(state.limit)
			})
		})
		events.runUntil(until)
		const possible = Math.min(load, workers / WORKERS) * CAPACITY_PER_SECOND * seconds * 0.5
		return {
			name,
			limit: mean(limits),
			lowestLimit: limits.reduce((least, limit) => Math.min(least, limit), Number.POSITIVE_INFINITY),
			highestLimit: limits.reduce((most, limit) => Math.max(most, limit), 0),
			latencyMs: mean(latencies),
			served: latencies.length / possible,
		}
	})
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
