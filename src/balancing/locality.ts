/** Locality: the levels in which endpoints stand in for each other, nearest first, and how much of the traffic each level gets. */
import type { LocalityRules } from '../snapshot/trafficPolicy.ts'

/** What one level gets. */
export interface LevelLoad {
	/** Share of the traffic, 0–1. */
	readonly share: number
	/** So few are available, here and everywhere, that all endpoints of the level are used. */
	readonly inPanic: boolean
}

/**
 * Indexes of the endpoints by level: the caller's own region, then each of `failover`, then all others unless they are never to be used.
 * Levels without endpoints are left out. An endpoint that names no locality is one of the others.
 */
export function levelsOf(
	endpoints: readonly { readonly locality?: string }[],
	region: string,
	{ failover, others }: LocalityRules,
): number[][] {
	const near = [...new Set([region, ...failover])]
	const levelOf = new Map(near.map((locality, level) => [locality, level]))
	const levels: number[][] = Array.from({ length: near.length + 1 }, () => [])
	endpoints.forEach(({ locality = '' }, index) => {
		const level = levelOf.get(locality) ?? near.length
		if (level < near.length || others === 'last') levels[level]!.push(index)
	})
	return levels.filter((level) => level.length > 0)
}

/**
 * How traffic is shared by levels of which these shares (0–1) are available. A level is whole while its available share is at least
 * `overflowBelow` (above 0, up to 1; Envoy's default factor of 1.4 is 1/1.4), and takes that much of the traffic; the next one takes what it
 * leaves. Where all levels together are less than one whole, each gets traffic in proportion, and those of which less than
 * `panicShare` is available use all their endpoints. If nothing at all is available, the first level gets everything; unless
 * `panicShare` is 0: then all shares are 0, and the request is to be refused.
 *
 * Source: Envoy, priority levels and panic threshold
 * (https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/priority).
 */
export function levelLoads(available: readonly number[], overflowBelow: number, panicShare: number): LevelLoad[] {
	const healths = available.map((share) => Math.min(1, share / overflowBelow))
	const totalHealth = healths.reduce((sum, health) => sum + health, 0)
	if (totalHealth === 0)
		return available.map((_, level) => ({ share: level === 0 && panicShare > 0 ? 1 : 0, inPanic: panicShare > 0 }))
	const total = Math.min(1, totalHealth)
	let left = 1
	return available.map((availableShare, level) => {
		const share = Math.min(left, healths[level]! / total)
		left -= share
		return { share, inPanic: total < 1 && availableShare < panicShare }
	})
}

/** The level for one request; undefined when none takes traffic. `random` is in [0, 1). */
export function drawLevel(loads: readonly LevelLoad[], random: number): number | undefined {
	let last: number | undefined
	let sum = 0
	for (let level = 0; level < loads.length; level++) {
		const { share } = loads[level]!
		if (share <= 0) continue
		last = level
		sum += share
		if (random < sum) return level
	}
	return last
}
