/** The weight that an endpoint has for now: what was configured, lowered while it warms up or has asked for less. */
import type { WarmUp } from '../snapshot/trafficPolicy.ts'
import { type Pushback, pushbackFactor } from './pushback.ts'
import { warmUpFactor } from './warmUp.ts'

export interface WeightState {
	/** When the endpoint was first seen, in ms since the epoch; undefined when it was there from the beginning. */
	readonly addedAt?: number | undefined
	readonly pushback?: Pushback | undefined
}

/** `weight` > 0 stays > 0. Changes with time alone: balancers that hold weights are made again while `isSettled` is false. */
export function effectiveWeight(weight: number, state: WeightState, warmUp: WarmUp | undefined, now: number): number {
	const { addedAt, pushback } = state
	const warmth = warmUp === undefined || addedAt === undefined ? 1 : warmUpFactor(now, addedAt, warmUp)
	return weight * warmth * pushbackFactor(pushback, now)
}

/** Whether the weight will stay what was configured until something happens. */
export function isSettled({ addedAt, pushback }: WeightState, warmUp: WarmUp | undefined, now: number): boolean {
	const isWarm = warmUp === undefined || addedAt === undefined || now - addedAt >= warmUp.durationMs
	return isWarm && (pushback === undefined || now >= pushback.over)
}
