/** Isolates that send a service's requests round robin to the endpoints that they believe in, and learn from the answers. */
import { sweep } from '../../src/resilience/outlierSweep.ts'
import {
	answered,
	createOutlierState,
	eject,
	mayEject,
	type OutlierState,
	onSend,
	recordOutcome,
	takesTraffic,
} from '../../src/resilience/outliers.ts'
import {
	adoptEjection,
	ejectionsNow,
	ejectionsToShare,
	type SharedEjection,
} from '../../src/resilience/sharedEjections.ts'
import type { OutlierRules } from '../../src/snapshot/trafficPolicy.ts'
import { type Events, exponential, poisson } from './resilienceEvents.ts'

/** Istio's and Envoy's defaults, but for the share. */
export const OUTLIER_RULES: OutlierRules = {
	consecutive5xx: 5,
	consecutiveGatewayErrors: 0,
	consecutiveLocalOriginFailures: 0,
	intervalMs: 10_000,
	baseEjectionMs: 30_000,
	maxEjectionMs: 300_000,
	maxEjectionShare: 0.5,
	successRate: { minimumHosts: 5, minimumRequests: 100, stdevFactor: 1.9 },
}

export interface Isolate {
	readonly states: readonly OutlierState[]
	/** What it has sent, and how much of it failed. */
	readonly sent: number[]
	readonly failed: number[]
	readonly ejections: { readonly endpoint: number; readonly at: number; readonly until: number }[]
	/** The most that were ejected at once. */
	mostEjected: number
	report(): SharedEjection[]
	learn(shared: readonly SharedEjection[]): void
}

export interface Load {
	readonly rules: OutlierRules
	readonly endpoints: number
	readonly perSecond: number
	readonly until: number
	/** The chance that a request to the endpoint fails, at a time. */
	readonly failureShare: (endpoint: number, now: number) => number
	/** When a request is sent. */
	readonly onSent?: (endpoint: number, now: number) => void
}

const ANSWER_MS = 20

export function isolate(events: Events, random: () => number, load: Load): Isolate {
	const { rules, endpoints, failureShare } = load
	const states = Array.from({ length: endpoints }, createOutlierState)
	const self: Isolate = {
		states,
		sent: states.map(() => 0),
		failed: states.map(() => 0),
		ejections: [],
		mostEjected: 0,
		report: () =>
			ejectionsToShare(
				states.map((state, i) => [String(i), state] as const),
				events.now,
			),
		learn(shared) {
			for (const { id, until } of shared)
				if (allows()) adoptEjection(rules, states[Number(id)]!, until, events.now, random())
			count()
		},
	}
	const allows = () => mayEject(rules, ejectionsNow(states, events.now).ejected, endpoints)
	const count = () => {
		self.mostEjected = Math.max(self.mostEjected, ejectionsNow(states, events.now).ejected)
	}
	const ejectIfAllowed = (endpoint: number) => {
		if (!allows()) return
		const until = eject(rules, states[endpoint]!, events.now, random())
		self.ejections.push({ endpoint, at: events.now, until })
		count()
	}

	let turn = Math.floor(random() * endpoints)
	poisson(events, random, load.perSecond, load.until, () => {
		do turn = (turn + 1) % endpoints
		while (!takesTraffic(states[turn]!, events.now))
		const endpoint = turn
		const state = states[endpoint]!
		onSend(rules, state, events.now)
		load.onSent?.(endpoint, events.now)
		self.sent[endpoint]! += 1
		events.after(exponential(random, ANSWER_MS), () => {
			const fails = random() < failureShare(endpoint, events.now)
			if (fails) self.failed[endpoint]! += 1
			if (recordOutcome(rules, state, answered(fails ? 500 : 200), events.now) === 'eject') ejectIfAllowed(endpoint)
		})
	})
	const sweeps = () => {
		for (const outlier of sweep(rules, states, events.now)) ejectIfAllowed(states.indexOf(outlier))
		if (events.now < load.until) events.after(rules.intervalMs, sweeps)
	}
	events.after(rules.intervalMs, sweeps)
	return self
}
