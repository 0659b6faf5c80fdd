/** The PolicyStore's API tokens: hashes only, with a name, a role, and an audit entry for each that comes, changes or goes. */
import type { NewToken, Principal, Role, TokenInfo, TokenRotation } from '../../src/ports.ts'
import { appendAudit } from './audit.ts'

/** The token from the deployment's secret. It cannot be rotated or revoked over the API, only replaced in the secret. */
const BOOTSTRAP = 'bootstrap'
const DAY_MS = 86_400_000
/** How long an expired token can still be looked up by people. */
const LISTED_AFTER_EXPIRY_MS = 30 * DAY_MS

interface TokenRow extends Record<string, SqlStorageValue> {
	id: string
	name: string
	role: Role
	namespaces: string | null
	created_at: number
	created_by: string
	expires_at: number | null
	rotated_at: number | null
	old_until: number | null
	last_used_day: number | null
}

const COLUMNS = 'id, name, role, namespaces, created_at, created_by, expires_at, rotated_at, old_until, last_used_day'

/**
 * The holder of the token, if it is good now. Comparing is looking up a SHA-256 by index, which leaks nothing useful: who cannot choose
 * a hash cannot approach one. That it was used is written once a day.
 */
export function findToken(sql: SqlStorage, hash: string, now: number): Principal | null {
	const [row] = sql.exec<TokenRow>(
		`SELECT ${COLUMNS} FROM tokens WHERE (hash = ? OR (old_hash = ? AND old_until > ?)) AND (expires_at IS NULL OR expires_at > ?)`,
		hash,
		hash,
		now,
		now,
	)
	if (row === undefined) return null
	const day = Math.floor(now / DAY_MS)
	if (row.last_used_day !== day) sql.exec('UPDATE tokens SET last_used_day = ? WHERE id = ?', day, row.id)
	return { token: row.id, name: row.name, role: row.role, ...namespacesOf(row) }
}

const namespacesOf = ({ namespaces }: TokenRow): { namespaces?: readonly string[] } =>
	namespaces === null ? {} : { namespaces: JSON.parse(namespaces) as string[] }

export function storeBootstrapToken(sql: SqlStorage, hash: string, now: number): void {
	sql.exec('DELETE FROM tokens WHERE id = ? AND hash <> ?', BOOTSTRAP, hash)
	sql.exec(
		'INSERT OR IGNORE INTO tokens (id, hash, name, role, created_at, created_by) VALUES (?, ?, ?, ?, ?, ?)',
		BOOTSTRAP,
		hash,
		BOOTSTRAP,
		'admin',
		now,
		'secret',
	)
}

/** In the caller's transaction, as what follows. */
export function storeToken(sql: SqlStorage, id: string, token: NewToken, actor: Principal, now: number): TokenInfo {
	sql.exec('DELETE FROM tokens WHERE expires_at < ?', now - LISTED_AFTER_EXPIRY_MS)
	sql.exec(
		`INSERT INTO tokens (id, hash, name, role, namespaces, created_at, created_by, expires_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		id,
		token.hash,
		token.name,
		token.role,
		token.namespaces === undefined ? null : JSON.stringify(token.namespaces),
		now,
		actor.name,
		token.expiresAt ?? null,
	)
	const info = readToken(sql, id)!
	auditToken(sql, 'token.create', actor, now, { id, before: null, after: info })
	return info
}

export function rotateToken(
	sql: SqlStorage,
	id: string,
	{ hash, graceSeconds, expiresAt }: TokenRotation,
	actor: Principal,
	now: number,
): TokenInfo | null {
	const [row] = sql.exec<TokenRow>(`SELECT ${COLUMNS} FROM tokens WHERE id = ?`, id)
	const before = readToken(sql, id)
	if (row === undefined || before === null || id === BOOTSTRAP) return null
	if (row.expires_at !== null && row.expires_at <= now) return null
	const oldUntil = Math.min(now + graceSeconds * 1000, row.expires_at ?? Number.MAX_SAFE_INTEGER)
	sql.exec(
		`UPDATE tokens SET old_hash = CASE WHEN ? > 0 THEN hash END, old_until = CASE WHEN ? > 0 THEN ? END,
			hash = ?, rotated_at = ?, expires_at = ? WHERE id = ?`,
		graceSeconds,
		graceSeconds,
		oldUntil,
		hash,
		now,
		expiresAt ?? row.expires_at,
		id,
	)
	const after = readToken(sql, id)!
	auditToken(sql, 'token.rotate', actor, now, { id, before, after })
	return after
}

export function removeToken(sql: SqlStorage, id: string, actor: Principal, now: number): boolean {
	const info = readToken(sql, id)
	if (info === null || id === BOOTSTRAP) return false
	sql.exec('DELETE FROM tokens WHERE id = ?', id)
	auditToken(sql, 'token.revoke', actor, now, { id, before: info, after: null })
	return true
}

function readToken(sql: SqlStorage, id: string): TokenInfo | null {
	const [row] = sql.exec<TokenRow>(`SELECT ${COLUMNS} FROM tokens WHERE id = ?`, id)
	return row === undefined ? null : infoOf(row)
}

export const readTokens = (sql: SqlStorage): TokenInfo[] =>
	sql.exec<TokenRow>(`SELECT ${COLUMNS} FROM tokens ORDER BY created_at, id`).toArray().map(infoOf)

function infoOf(row: TokenRow): TokenInfo {
	const { id, name, role, created_at, created_by, expires_at, rotated_at, old_until, last_used_day } = row
	return {
		...{ id, name, role, ...namespacesOf(row), createdAt: timeOf(created_at), createdBy: created_by },
		...(expires_at !== null && { expiresAt: timeOf(expires_at) }),
		...(rotated_at !== null && { rotatedAt: timeOf(rotated_at) }),
		...(old_until !== null && { oldSecretUntil: timeOf(old_until) }),
		...(last_used_day !== null && { lastUsedOn: timeOf(last_used_day * DAY_MS).slice(0, 10) }),
	}
}

const timeOf = (ms: number): string => new Date(ms).toISOString()

interface TokenChange {
	readonly id: string
	readonly before: TokenInfo | null
	readonly after: TokenInfo | null
}

function auditToken(
	sql: SqlStorage,
	action: string,
	actor: Principal,
	now: number,
	{ id, before, after }: TokenChange,
): void {
	appendAudit(sql, { at: now, actor, action, subject: { key: `Token/-/${id}`, before, after } })
}
