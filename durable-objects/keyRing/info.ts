/** The ring as people see it: its keys and their history, and what rotates next. */
import { activeKey, hasStarted, PURPOSES, pendingKey, type RingKey } from '../../src/keys/ring.ts'
import { expectedTakeOverAt } from '../../src/keys/schedule.ts'
import type { KeyInfo, KeyRingInfo, PurposeInfo } from '../../src/ports.ts'
import type { Counters } from './counters.ts'
import { delegationsInfo } from './delegations.ts'
import { readFailures } from './keys.ts'
import { revocationsInfo } from './revocations.ts'
import type { RingState } from './state.ts'

export function infoOf(state: RingState, { storage: { sql }, delegations }: Counters, now: number): KeyRingInfo {
	const { ring, context, vault } = state
	return {
		trustDomain: context.trustDomain,
		issuer: context.issuer,
		version: ring.version,
		publishedVersion: ring.publishedVersion,
		purposes: hasStarted(ring) ? purposesOf(state, sql, now) : [],
		keys: ring.keys.map(shown).reverse(),
		sealedUnder: vault.sealedUnder(),
		delegations: delegationsInfo(delegations),
		revocations: revocationsInfo(sql, now),
	}
}

const purposesOf = ({ ring, settings }: RingState, sql: SqlStorage, now: number): PurposeInfo[] =>
	PURPOSES.map((purpose) => {
		const pending = pendingKey(ring, purpose)
		return {
			purpose,
			active: activeKey(ring, purpose)!.kid,
			...(pending && { pending: pending.kid }),
			nextRotationAt: timeOf(expectedTakeOverAt(ring, purpose, settings, now)),
			...readFailures(sql, purpose),
		}
	})

function shown({ kid, purpose, state, createdAt, authority, ...rest }: RingKey): KeyInfo {
	const { publishedAt, activatedAt, retiredAt, removedAt, signedUntil } = rest
	const times = { publishedAt, activatedAt, retiredAt, removedAt, signedUntil, expiresAt: authority?.expiresAt }
	const known = Object.entries(times).flatMap(([name, time]) => (time === undefined ? [] : [[name, timeOf(time)]]))
	return { kid, purpose, state, algorithm: 'ES256', createdAt: timeOf(createdAt), ...Object.fromEntries(known) }
}

const timeOf = (ms: number): string => new Date(ms).toISOString()
