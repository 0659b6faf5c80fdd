/** When an issuer of end users' tokens is asked for a key that nobody knows: strangers can name keys without end. */

/** In memory only. Times are ms since the epoch. */
export interface Questions {
	/** When each issuer was asked last. */
	readonly askedAt: Map<string, number>
	/** Keys that were not there, by issuer and `kid`, and when: the latest one last. */
	readonly absent: Map<string, number>
}

const LEAST_PAUSE_MS = 10_000
const ABSENT_MS = 60_000
const MAX_ABSENT = 10_000

export const createQuestions = (): Questions => ({ askedAt: new Map(), absent: new Map() })

/** Counts the question, if it may be asked. Without `kid` whatever keys there are will do. */
export function mayAsk({ askedAt, absent }: Questions, issuer: string, kid: string | undefined, now: number): boolean {
	if (now - (askedAt.get(issuer) ?? Number.NEGATIVE_INFINITY) < LEAST_PAUSE_MS) return false
	if (kid !== undefined && now - (absent.get(keyOf(issuer, kid)) ?? Number.NEGATIVE_INFINITY) < ABSENT_MS) return false
	askedAt.set(issuer, now)
	return true
}

/** Nobody asks for it again for a minute. Of too many, the oldest are forgotten. */
export function noteAbsent({ absent }: Questions, issuer: string, kid: string, now: number): void {
	absent.delete(keyOf(issuer, kid))
	absent.set(keyOf(issuer, kid), now)
	if (absent.size > MAX_ABSENT) absent.delete(absent.keys().next().value!)
}

const keyOf = (issuer: string, kid: string): string => `${issuer} ${kid}`
