/** Certificates that the ring has issued and that count yet: which of them are taken back, and when. */
import { type Issued, readIssued } from '../../src/certificates/issued.ts'
import type { RevocationReason, RevokedCertificate } from '../../src/certificates/revocationList.ts'
import type { RingKey } from '../../src/keys/ring.ts'
import type { RevocationTarget, WorkloadName } from '../../src/ports.ts'
import { readNumber, writeMeta } from './tables.ts'

/** How often a list is made anew, though nothing has changed. */
export const LIST_INTERVAL_MS = 3_600_000
/** What is revoked stays on its list until one that was made after its end has it (RFC 5280 §3.3). */
const LISTED_AFTER_END_MS = 2 * LIST_INTERVAL_MS

/**
 * All of them may have to be listed: some 5 MB, which is as much as one may ask of whoever fetches a list. A workload that runs a
 * thousand times may have each restart twice and renew twice within the life of a certificate; and it takes twenty that do their
 * worst to leave no room for the others.
 */
const MAX_CERTIFICATES = { each: 5_000, all: 100_000 }

const holderOf = ({ namespace, workload }: WorkloadName): string => `${namespace}/${workload}`

/** Seconds to wait until the workload may have one more certificate; 0: none. */
export function waitForRoom(sql: SqlStorage, workload: WorkloadName, now: number): number {
	const isFull = readNumber(sql, 'certificates') >= MAX_CERTIFICATES.all
	const [row] = isFull
		? sql.exec<{ end: number }>(
				`SELECT not_after AS end FROM certificates WHERE holder <> '' ORDER BY not_after LIMIT 1`,
			)
		: sql.exec<{ end: number }>(
				'SELECT not_after AS end FROM certificates WHERE holder = ? AND not_after > ? ORDER BY not_after DESC LIMIT 1 OFFSET ?',
				holderOf(workload),
				now,
				MAX_CERTIFICATES.each - 1,
			)
	if (row === undefined) return 0
	const until = isFull ? row.end + LISTED_AFTER_END_MS : row.end
	return Math.max(1, Math.ceil((until - now) / 1000))
}

/** `thumbprint`: RFC 7638, of the workload's key. */
export function recordLeaf(sql: SqlStorage, pem: string, workload: WorkloadName, thumbprint: string): void {
	record(sql, readIssued(pem)!, holderOf(workload), thumbprint)
	writeMeta(sql, 'certificates', readNumber(sql, 'certificates') + 1)
}

/** Each certificate that others have signed for the authority; if its key is compromised, they are taken back. */
export function recordAuthority(sql: SqlStorage, { kid, authority, state, removedAt }: RingKey): void {
	for (const pem of [authority?.certificate, authority?.cross?.certificate]) {
		const issued = pem === undefined ? undefined : readIssued(pem)
		if (issued !== undefined) record(sql, issued, '', kid)
	}
	if (authority !== undefined && state === 'revoked')
		takeBack(sql, removedAt!, 'cACompromise', `holder = '' AND key = ?`, kid)
}

function record(sql: SqlStorage, { serialNumber, issuer, notAfter }: Issued, holder: string, key: string) {
	sql.exec(
		'INSERT OR IGNORE INTO certificates (serial_number, issuer, holder, key, not_after) VALUES (?, ?, ?, ?, ?)',
		serialNumber,
		issuer,
		holder,
		key,
		notAfter,
	)
}

/** Of a workload: what it was issued until now. Serial numbers and thumbprints of authorities name nothing here. */
export function takeBackLeaves(sql: SqlStorage, target: RevocationTarget, now: number): void {
	if (target.kind === 'certificate') {
		const serialNumber = target.serialNumber.toLowerCase().replace(/^0+/, '')
		takeBack(sql, now, null, `holder <> '' AND serial_number = ?`, serialNumber)
	} else if (target.kind === 'key') takeBack(sql, now, 'keyCompromise', `holder <> '' AND key = ?`, target.thumbprint)
	else if (target.kind === 'workload') takeBack(sql, now, 'privilegeWithdrawn', 'holder = ?', holderOf(target.workload))
}

/** `which`: conditions. What was taken back before stays so as of then. */
function takeBack(
	sql: SqlStorage,
	at: number,
	reason: RevocationReason | null,
	which: string,
	...bindings: readonly SqlStorageValue[]
): void {
	const changed = sql.exec(
		`UPDATE certificates SET revoked_at = ?, reason = ? WHERE revoked_at IS NULL AND ${which} RETURNING issuer`,
		at,
		reason,
		...bindings,
	)
	if (changed.toArray().length > 0) writeMeta(sql, 'takenBack', readNumber(sql, 'takenBack') + 1)
}

/** What the list of the authority with this key id has to say now. Oldest first. */
export const readRevoked = (sql: SqlStorage, issuer: string, now: number): RevokedCertificate[] =>
	Array.from(
		sql.exec<{ serial_number: string; revoked_at: number; reason: RevocationReason | null }>(
			`SELECT serial_number, revoked_at, reason FROM certificates
				WHERE issuer = ? AND revoked_at IS NOT NULL AND not_after > ? ORDER BY revoked_at, serial_number`,
			issuer,
			now - LISTED_AFTER_END_MS,
		),
		({ serial_number, revoked_at, reason }) => ({
			serialNumber: serial_number,
			revokedAt: revoked_at,
			...(reason !== null && { reason }),
		}),
	)

/** Forgets what no list has to mention any more. */
export function pruneIssued(sql: SqlStorage, now: number): void {
	const gone = sql
		.exec<{ holder: string }>(
			'DELETE FROM certificates WHERE not_after <= ? RETURNING holder',
			now - LISTED_AFTER_END_MS,
		)
		.toArray()
		.filter(({ holder }) => holder !== '').length
	if (gone > 0) writeMeta(sql, 'certificates', readNumber(sql, 'certificates') - gone)
}
