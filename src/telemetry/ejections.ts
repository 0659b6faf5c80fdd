/**
 * The endpoints that a region leaves alone, as its isolates found out: what one has found spares the others.
 *
 * An isolate may itself be what is broken. So what it alone says is handed on for few endpoints of a service at a time; beyond, a
 * second isolate must have found the same. And whoever hears of an ejection asks its own `mayEject` before it believes it.
 */
import type { EndpointEjection } from '../ports.ts'

export interface KnownEjection {
	/** Who found it first. */
	readonly isolate: string
	/** What the first finder said, in ms since the epoch: who is first to try the endpoint again tries for all. */
	readonly until: number
	/** Another isolate found the same meanwhile. */
	readonly isConfirmed: boolean
}

/** By service, then by endpoint, the longest known first. */
export type RegionEjections = Map<string, Map<string, KnownEjection>>

/** One that is new, or was confirmed. */
export interface ChangedEjection extends EndpointEjection, KnownEjection {
	readonly isNew: boolean
}

export const MAX_EJECTIONS_PER_REPORT = 1_000
/** How many services one isolate may ask about at a time. */
export const MAX_SERVICES_PER_REPORT = 1_000
/** What one report is told. */
const MAX_EJECTIONS_PER_ANSWER = 1_000
const MAX_EJECTIONS_PER_REGION = 10_000
/** Of one service, on the word of one isolate: what a single machine with two processes takes down when it dies. */
const MAX_UNCONFIRMED = 2
/** No policy ejects for longer than a day and its jitter; who says so has a broken clock. */
const LONGEST_MS = 1.1 * 24 * 3_600_000

/** Takes in what an isolate tells, and answers what changed. What is over is forgotten. Beyond the bound, news is dropped. */
export function takeIn(
	known: RegionEjections,
	isolate: string,
	told: readonly EndpointEjection[],
	now: number,
): ChangedEjection[] {
	if (told.length === 0) return []
	let room = MAX_EJECTIONS_PER_REGION - dropOver(known, now)
	const changed: ChangedEjection[] = []
	for (const { service, id, until } of told) {
		if (!(until > now)) continue
		const before = known.get(service)?.get(id)
		const isRepeated = before !== undefined && (before.isConfirmed || before.isolate === isolate)
		if (isRepeated || (before === undefined && room === 0)) continue
		if (before === undefined) room--
		const one: KnownEjection =
			before === undefined
				? { isolate, until: Math.min(until, now + LONGEST_MS), isConfirmed: false }
				: { ...before, isConfirmed: true }
		know(known, service, id, one)
		changed.push({ service, id, ...one, isNew: before === undefined })
	}
	return changed
}

export function know(known: RegionEjections, service: string, id: string, one: KnownEjection): void {
	const ofService = known.get(service)
	if (ofService === undefined) known.set(service, new Map([[id, one]]))
	else ofService.set(id, one)
}

/** Of these services, what holds now and is to be believed. */
export function believed(known: RegionEjections, services: readonly string[], now: number): EndpointEjection[] {
	const holding: EndpointEjection[] = []
	if (known.size === 0) return holding
	for (const service of new Set(services)) {
		const unconfirmed = new Map<string, number>()
		for (const [id, { isolate, until, isConfirmed }] of known.get(service) ?? []) {
			if (now >= until) continue
			const word = (unconfirmed.get(isolate) ?? 0) + 1
			if (!isConfirmed) unconfirmed.set(isolate, word)
			if (!isConfirmed && word > MAX_UNCONFIRMED) continue
			if (holding.length === MAX_EJECTIONS_PER_ANSWER) return holding
			holding.push({ service, id, until })
		}
	}
	return holding
}

/** Of one service, what holds now, believed or not. */
export const current = (known: RegionEjections, service: string, now: number): Omit<EndpointEjection, 'service'>[] =>
	[...(known.get(service) ?? [])].filter(([, { until }]) => now < until).map(([id, { until }]) => ({ id, until }))

/** Says how many are left. */
function dropOver(known: RegionEjections, now: number): number {
	let left = 0
	for (const [service, ofService] of known) {
		for (const [id, { until }] of ofService) if (now >= until) ofService.delete(id)
		if (ofService.size === 0) known.delete(service)
		left += ofService.size
	}
	return left
}
