/** The revocation lists of the ring's authorities: each made when it is asked for, anew after every change, and after an hour. */
import { createRevocationList } from '../../src/certificates/revocationList.ts'
import { listingAuthorities } from '../../src/keys/publication.ts'
import type { RingKey } from '../../src/keys/ring.ts'
import type { RevocationList } from '../../src/ports.ts'
import { BACKDATED_MS } from './certificates.ts'
import { LIST_INTERVAL_MS, readRevoked } from './issued.ts'
import type { RingState } from './state.ts'
import { readNumber, writeMeta } from './tables.ts'

/** By the time that a verifier wants another, there have been many chances to fetch one. */
const LIFETIME_MS = 86_400_000

interface MadeList extends Required<RevocationList> {
	/** ms since the epoch. */
	readonly madeAt: number
	/** What was taken back until this count is listed. */
	readonly takenBack: number
}

/** The last list of each authority, by key id. In memory only: those that come after a restart have greater numbers. */
export type MadeLists = Map<string, MadeList>

/** `known`: numbers by key id; lists with these come without their bytes. */
export async function revocationLists(
	state: RingState,
	sql: SqlStorage,
	made: MadeLists,
	known: Readonly<Record<string, number>>,
): Promise<readonly RevocationList[]> {
	const now = Date.now()
	const authorities = listingAuthorities(state.ring)
	const ids = new Set(authorities.map(({ authority }) => authority!.keyId))
	for (const keyId of made.keys()) if (!ids.has(keyId)) made.delete(keyId)
	const takenBack = readNumber(sql, 'takenBack')
	const isDue = (list: MadeList | undefined): boolean =>
		list === undefined || list.takenBack < takenBack || list.madeAt + LIST_INTERVAL_MS <= now
	const due = authorities.filter(({ authority }) => isDue(made.get(authority!.keyId)))
	await Promise.all(due.map((key) => renew(state, sql, made, key, now)))
	return [...ids].flatMap((keyId) => {
		const list = made.get(keyId)
		if (list === undefined || list.madeAt + LIFETIME_MS <= now) return []
		const { number, der } = list
		return [known[keyId] === number ? { keyId, number } : { keyId, number, der }]
	})
}

/** Where that fails, the list before goes on to be served for as long as it lasts. */
async function renew(
	{ vault }: RingState,
	sql: SqlStorage,
	made: MadeLists,
	{ kid, authority }: RingKey,
	now: number,
): Promise<void> {
	const { keyId, certificate } = authority!
	const privateKey = await vault.signingKey(kid)
	if (!privateKey.ok) {
		console.warn(JSON.stringify({ event: 'revocation_list_failed', keyId, error: privateKey.error }))
		return
	}
	// All as of the same moment: what is taken back from here on makes another list.
	const takenBack = readNumber(sql, 'takenBack')
	const revoked = readRevoked(sql, keyId, now)
	const number = nextNumber(sql, now)
	const der = await createRevocationList({
		issuer: { certificate: certificate!, privateKey: privateKey.value },
		number,
		// The clocks of those who verify with it differ.
		thisUpdate: now - BACKDATED_MS,
		nextUpdate: now + LIFETIME_MS,
		revoked,
	})
	if ((made.get(keyId)?.number ?? 0) < number) made.set(keyId, { keyId, number, der, madeAt: now, takenBack })
}

/** Numbers are times, or later: they go on growing even when the ring was lost, or put back to an earlier state. */
function nextNumber(sql: SqlStorage, now: number): number {
	const number = Math.max(now, readNumber(sql, 'listNumber') + 1)
	writeMeta(sql, 'listNumber', number)
	return number
}
