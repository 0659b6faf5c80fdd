/** The choice among a service's endpoints: by locality, then by the policy's balancer, past those that are ejected or tried. */

import type { ChooseByHash } from '../../balancing/consistentHash.ts'
import { effectiveWeight, isSettled } from '../../balancing/effectiveWeight.ts'
import type { Choose } from '../../balancing/endpointLoad.ts'
import { firstAvailable } from '../../balancing/endpointLoad.ts'
import { hashKey } from '../../balancing/hashKey.ts'
import { hashTable } from '../../balancing/hashTables.ts'
import { leastRequest } from '../../balancing/leastRequest.ts'
import { drawLevel, type LevelLoad, levelLoads, levelsOf } from '../../balancing/locality.ts'
import { peakEwma } from '../../balancing/peakEwma.ts'
import { weightedChoice } from '../../balancing/weighted.ts'
import { expire } from '../../resilience/leasedCount.ts'
import { reserveTrial, takesTraffic } from '../../resilience/outliers.ts'
import type { Balancer, WarmUp } from '../../snapshot/trafficPolicy.ts'
import type { ServiceTraffic } from '../compile/defaultTraffic.ts'
import type { BalancedEndpoint } from '../compile/targetEndpoint.ts'
import type { ServiceState } from '../knowledge/endpointState.ts'
import { type Asking, keyOf } from './hashOn.ts'

export type ChooseEndpoint = (asking: Asking, now: number, avoid?: ReadonlySet<string>) => BalancedEndpoint | undefined

/** While weights change with time, they are looked at again so often. */
const WEIGHTS_STAND_MS = 250
/** Requests that ended without a word are looked for so often. An endpoint that seems busy gets none, and would seem so for ever. */
const LOADS_STAND_MS = 10_000
/** A review takes time in proportion to the endpoints. Where each answer changes something, all of the time must not go into reviews. */
const ENDPOINTS_PER_MS = 100
/** Draws that may meet endpoints to avoid. */
const DRAWS = 8
/** The bits of a key's hash that say the level. Those above them say the endpoint. */
const LEVEL_BITS = 2 ** 21

interface Level {
	/** 0 for the nearest one. */
	readonly place: number
	readonly endpoints: readonly BalancedEndpoint[]
	/** Made when first used: a table takes milliseconds. */
	byHash: ChooseByHash | undefined
	/** Those that are neither ejected nor unhealthy, in a panic all: what `choose` chooses among. */
	open: readonly BalancedEndpoint[]
	choose: Choose
	/** Some endpoint is ejected, on trial, or unhealthy. */
	someBarred: boolean
	/** So few are available that all are used. */
	inPanic: boolean
}

/** Chooses among endpoints of weight > 0. What changes with time and with what is learnt is looked at again only when it may have. */
export function compileBalancer(
	endpoints: readonly BalancedEndpoint[],
	state: ServiceState,
	traffic: ServiceTraffic,
	region: string,
	random: () => number,
): ChooseEndpoint {
	const { locality, balancer, panicShare } = traffic
	const groups = locality === undefined ? [endpoints.map((_, i) => i)] : levelsOf(endpoints, region, locality)
	const levels = groups.map((group, place) =>
		newLevel(
			place,
			group.map((i) => endpoints[i]!),
		),
	)
	/** Of requests that are to try an endpoint. Many are placed while one waits: for its body, or for a slot. */
	const reservations = new WeakMap<Asking, () => void>()
	const pauseMs = Math.floor(endpoints.length / ENDPOINTS_PER_MS)
	let loads: readonly LevelLoad[] = []
	let seen = -1
	let reviewAt = 0
	let changesCountFrom = 0

	const review = (now: number): void => {
		seen = state.changes
		changesCountFrom = now + pauseMs
		const open = levels.map(({ endpoints }) => endpoints.filter((endpoint) => isOpen(endpoint, now)))
		const available = open.map(({ length }, i) => length / levels[i]!.endpoints.length)
		loads = levelLoads(available, locality?.overflowBelow ?? 1, panicShare)
		levels.forEach((level, i) => {
			level.inPanic = levels.length === 1 ? available[0]! < panicShare : loads[i]!.inPanic
			level.open = level.inPanic ? level.endpoints : open[i]!
		})
		reviewAt = Math.min(...levels.map((level) => prepare(level, balancer, traffic.warmUp, state, now, random)))
	}

	return (asking, now, avoid) => {
		if (endpoints.length === 0) return undefined
		// It is placed anew. If it has not tried the endpoint that it was to try, another may.
		reservations.get(asking)?.()
		if (now >= reviewAt || (seen !== state.changes && now >= changesCountFrom)) review(now)
		const key = 'key' in balancer ? keyOf(balancer.key, asking) : undefined
		const draw = { balancer, state, hash: key === undefined ? undefined : hashKey(key), now, random }
		const drawn = levels.length === 1 ? 0 : drawLevel(loads, levelChance(draw))
		const chosen = drawn === undefined ? undefined : chooseFrom(levels, drawn, draw, panicShare > 0, avoid)
		const reservation = chosen?.state.outlier.onTrial && reserveTrial(traffic.outliers, chosen.state.outlier, now)
		if (reservation) reservations.set(asking, reservation)
		return chosen
	}
}

interface Draw {
	readonly balancer: Balancer
	readonly state: ServiceState
	/** Of what the request is known by. */
	readonly hash: number | undefined
	readonly now: number
	readonly random: () => number
}

/** A key stays in its level, too. */
const levelChance = ({ hash, random }: Draw): number =>
	hash === undefined ? random() : (hash % LEVEL_BITS) / LEVEL_BITS

/** An endpoint of the level drawn, or else of the others, nearest first. One that is to be avoided only where there is no other. */
function chooseFrom(
	levels: readonly Level[],
	drawn: number,
	draw: Draw,
	mayPanic: boolean,
	avoid: ReadonlySet<string> | undefined,
): BalancedEndpoint | undefined {
	const level = levels[drawn]!
	const chosen = chooseIn(level, draw, avoid)
	if (chosen !== undefined) return chosen
	const order = [level, ...levels.filter((other) => other !== level)]
	for (const avoided of avoid === undefined ? [undefined] : [avoid, undefined])
		for (const one of order) {
			const other = chooseIn(one, draw, avoided)
			if (other !== undefined) return other
		}
	// All that are left await the answer of the one request that tries them: better to ask them than nobody.
	return mayPanic ? chooseIn({ ...level, inPanic: true }, draw) : undefined
}

const newLevel = (place: number, endpoints: readonly BalancedEndpoint[]): Level => ({
	place,
	endpoints,
	byHash: undefined,
	open: endpoints,
	choose: () => undefined,
	someBarred: false,
	inPanic: false,
})

/** Makes the level's choice anew with the weights of now, and says when they, or who is available, may be others. */
function prepare(
	level: Level,
	balancer: Balancer,
	warmUp: WarmUp | undefined,
	state: ServiceState,
	now: number,
	random: () => number,
): number {
	let reviewAt = now + LOADS_STAND_MS
	for (const { state } of level.endpoints)
		if (state.load.inFlight > 0) {
			expire(state.underWay, now)
			state.load.inFlight = state.underWay.count
		}
	const candidates = level.open.map(({ weight, state: { load, seenAt, pushback }, joinedAt }) => {
		const changing = { addedAt: joinedAt ?? seenAt, pushback }
		if (!isSettled(changing, warmUp, now)) reviewAt = Math.min(reviewAt, now + WEIGHTS_STAND_MS)
		return { weight: effectiveWeight(weight, changing, warmUp, now), load }
	})
	level.someBarred = false
	for (const { unhealthy, state } of level.endpoints) {
		const { outlier } = state
		if (unhealthy || outlier.onTrial) level.someBarred = true
		if (outlier.onTrial && outlier.ejectedUntil > now) reviewAt = Math.min(reviewAt, outlier.ejectedUntil)
	}
	level.choose = choosing(candidates, balancer, state, random)
	return reviewAt
}

function choosing(
	candidates: readonly { readonly weight: number; readonly load: BalancedEndpoint['state']['load'] }[],
	balancer: Balancer,
	state: ServiceState,
	random: () => number,
): Choose {
	if (balancer.type === 'LeastRequest') return leastRequest(candidates, balancer.choices)
	if (balancer.type === 'PeakEwma') return peakEwma(candidates, balancer.choices, balancer.decayMs)
	const count = candidates.length
	if (count === 0) return () => undefined
	const isEven = candidates.every(({ weight }) => weight === candidates[0]!.weight)
	const draw = isEven ? undefined : weightedChoice(candidates.map(({ weight }) => weight))
	const anyOne = () => Math.floor(random() * count)
	const next = () => draw?.(random()) ?? (balancer.type === 'Random' ? anyOne() : turn(state, count))
	return (_now, _random, avoid) => {
		let index = next()
		// Not the one beside it: that would get the share of each before it that is to be avoided.
		for (let i = 1; i < DRAWS && avoid?.(index); i++) index = next()
		return avoid?.(index) ? firstAvailable(count, anyOne(), avoid) : index
	}
}

function turn(state: ServiceState, count: number): number {
	state.turn = (state.turn + 1) % Number.MAX_SAFE_INTEGER
	return state.turn % count
}

/** One of those that are available, in a panic of all, and not to be avoided. */
function chooseIn(
	level: Level,
	{ balancer, state, hash, now, random }: Draw,
	avoid?: ReadonlySet<string>,
): BalancedEndpoint | undefined {
	if (hash !== undefined && 'key' in balancer)
		level.byHash ??= hashTable(state.hashTables, level.endpoints, balancer, level.place)
	const byHash = hash === undefined ? undefined : level.byHash
	const among = byHash === undefined ? level.open : level.endpoints
	const looks = level.someBarred && !level.inPanic
	const isBarred =
		looks || avoid !== undefined
			? (index: number) => {
					const endpoint = among[index]!
					return avoid?.has(endpoint.id) === true || (looks && !isAvailable(endpoint, now))
				}
			: undefined
	const index = byHash === undefined ? level.choose(now, random, isBarred) : byHash(hash!, isBarred)
	return index === undefined ? undefined : among[index]
}

const isAvailable = ({ unhealthy, state }: BalancedEndpoint, now: number): boolean =>
	!unhealthy && takesTraffic(state.outlier, now)

/** Those on trial are: one request finds out. */
const isOpen = ({ unhealthy, state }: BalancedEndpoint, now: number): boolean =>
	!unhealthy && now >= state.outlier.ejectedUntil
