/** When documents from outside are fetched again: as often as they ask for, within bounds. */
import type { FetchedInfo } from '../ports.ts'

/** A document that the mesh wants to have. */
export interface Source {
	/** What it is kept under. */
	readonly name: string
	/** Where a bundle is; what is known from elsewhere counts for nothing. Absent: found in the course of fetching. */
	readonly url?: string
	/** As operators want it. Absent: as the document does. */
	readonly intervalMs?: number
}

const MINUTE_MS = 60_000
/** SPIFFE Federation §4.1: a reasonably low default, five minutes is recommended. */
const DEFAULT_MS = 5 * MINUTE_MS
const LEAST_MS = MINUTE_MS
const MOST_MS = 24 * 60 * MINUTE_MS
/** Who asks once a minute asks a little earlier or later: what is due by then is due. */
const EARLY_MS = MINUTE_MS / 2

/**
 * Those that are due, the longest untried first: where not all can be fetched in time, the others come first the next time. One that
 * failed waits as long as any other (Federation §6.2), unless nothing is known of it yet.
 */
export function dueSources<S extends Source>(
	sources: readonly S[],
	known: readonly FetchedInfo[],
	nowMs: number,
): readonly S[] {
	const byName = new Map(known.map((info) => [info.name, info]))
	const infoOf = ({ name, url }: Source) => {
		const info = byName.get(name)
		return url === undefined || info?.url === url ? info : undefined
	}
	return sources
		.map((source) => ({ source, info: infoOf(source) }))
		.filter(({ source, info }) => info === undefined || info.triedAt + intervalMs(source, info) <= nowMs + EARLY_MS)
		.sort((a, b) => (a.info?.triedAt ?? 0) - (b.info?.triedAt ?? 0))
		.map(({ source }) => source)
}

function intervalMs({ intervalMs: asked }: Source, { fetchedAt, refreshHintSeconds }: FetchedInfo): number {
	if (fetchedAt === 0) return LEAST_MS
	const hint = refreshHintSeconds === undefined ? undefined : refreshHintSeconds * 1_000
	return Math.min(Math.max(asked ?? hint ?? DEFAULT_MS, LEAST_MS), MOST_MS)
}
