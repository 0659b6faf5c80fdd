/** How many isolates of each region had their key certified, and how fast they may: too many for an event each. */
import { admit, createLimits, DELEGATING, type Limits } from '../../src/keys/limits.ts'
import type { DelegationsInfo } from '../../src/ports.ts'

interface Tally {
	readonly certified: number
	readonly refused: number
	/** ms since the epoch; 0: never. */
	readonly lastAt: number
}

const NONE: Tally = { certified: 0, refused: 0, lastAt: 0 }

export interface Delegations {
	readonly limits: Limits
	readonly tallies: Map<string, Tally>
	/** Regions whose tallies are ahead of the table. */
	readonly ahead: Set<string>
	/** ms since the epoch. */
	writtenAt: number
}

/** What is counted is stored after at most so long, while isolates ask: not a write for each of thousands. */
const WRITE_MS = 10_000
/** Regions are configured, not counted. Whatever calls itself otherwise after these is one region together. */
const MAX_REGIONS = 64
const OTHERS = 'others'
const REGION = /^[a-z0-9-]{1,63}$/

export function openDelegations(sql: SqlStorage, now: number): Delegations {
	const rows = sql.exec<{ region: string; certified: number; refused: number; last_at: number }>(
		'SELECT * FROM delegations',
	)
	const tallies = new Map<string, Tally>()
	for (const { region, certified, refused, last_at } of rows)
		tallies.set(region, { certified, refused, lastAt: last_at })
	return { limits: createLimits(DELEGATING, now), tallies, ahead: new Set(), writtenAt: Number.NEGATIVE_INFINITY }
}

/** Counts one try. Seconds to wait until the next one may succeed, or 0: this one may. */
export function admitDelegation(sql: SqlStorage, delegations: Delegations, region: string, now: number): number {
	const waitSeconds = admit(delegations.limits, nameOf(delegations, region), now)
	if (waitSeconds > 0) note(sql, delegations, region, now, ({ refused }) => ({ refused: refused + 1 }))
	return waitSeconds
}

/** One more was certified. */
export function countDelegation(sql: SqlStorage, delegations: Delegations, region: string, now: number): void {
	note(sql, delegations, region, now, ({ certified }) => ({ certified: certified + 1, lastAt: now }))
}

const nameOf = ({ tallies }: Delegations, region: string): string =>
	tallies.has(region) || (tallies.size < MAX_REGIONS && REGION.test(region)) ? region : OTHERS

function note(
	sql: SqlStorage,
	delegations: Delegations,
	region: string,
	now: number,
	change: (before: Tally) => Partial<Tally>,
): void {
	const { tallies, ahead } = delegations
	const name = nameOf(delegations, region)
	const before = tallies.get(name) ?? NONE
	tallies.set(name, { ...before, ...change(before) })
	ahead.add(name)
	if (now - delegations.writtenAt >= WRITE_MS) writeDelegations(sql, delegations, now)
}

export function writeDelegations(sql: SqlStorage, delegations: Delegations, now: number): void {
	for (const region of delegations.ahead) {
		const { certified, refused, lastAt } = delegations.tallies.get(region)!
		sql.exec('INSERT OR REPLACE INTO delegations VALUES (?, ?, ?, ?)', region, certified, refused, lastAt)
	}
	delegations.ahead.clear()
	delegations.writtenAt = now
}

/** In order of region. */
export const delegationsInfo = ({ tallies }: Delegations): DelegationsInfo[] =>
	[...tallies]
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([region, { certified, refused, lastAt }]) => ({
			...{ region, certified, refused },
			...(lastAt === 0 ? {} : { lastAt: new Date(lastAt).toISOString() }),
		}))
