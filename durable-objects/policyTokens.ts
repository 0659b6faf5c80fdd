/** The PolicyStore's API tokens: hashes only, with a name, a role, and an audit entry for each that comes or goes. */
import type { Principal, Role, TokenInfo } from '../src/ports.ts'

/** The token from the deployment's secret. It cannot be revoked over the API, only replaced in the secret. */
const BOOTSTRAP = 'bootstrap'

interface TokenRow extends Record<string, SqlStorageValue> {
	id: string
	name: string
	role: Role
	created_at: number
	created_by: string
}

/** Looking up a SHA-256 by index leaks nothing useful: who cannot choose a hash cannot approach one. */
export function findToken(sql: SqlStorage, hash: string): Principal | null {
	const [row] = sql.exec<{ id: string; name: string; role: Role }>(
		'SELECT id, name, role FROM tokens WHERE hash = ?',
		hash,
	)
	return row === undefined ? null : { token: row.id, name: row.name, role: row.role }
}

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

export function storeToken(
	sql: SqlStorage,
	token: { id: string; name: string; role: Role; hash: string },
	actor: Principal,
	now: number,
): TokenInfo {
	sql.exec(
		'INSERT INTO tokens (id, hash, name, role, created_at, created_by) VALUES (?, ?, ?, ?, ?, ?)',
		token.id,
		token.hash,
		token.name,
		token.role,
		now,
		actor.name,
	)
	const info = {
		id: token.id,
		name: token.name,
		role: token.role,
		createdAt: new Date(now).toISOString(),
		createdBy: actor.name,
	}
	storeTokenAudit(sql, 'token.create', actor, now, { key: `Token/-/${info.id}`, before: null, after: info })
	return info
}

export function removeToken(sql: SqlStorage, id: string, actor: Principal, now: number): boolean {
	const info = readTokens(sql).find((token) => token.id === id)
	if (info === undefined || id === BOOTSTRAP) return false
	sql.exec('DELETE FROM tokens WHERE id = ?', id)
	storeTokenAudit(sql, 'token.revoke', actor, now, { key: `Token/-/${id}`, before: info, after: null })
	return true
}

export function readTokens(sql: SqlStorage): TokenInfo[] {
	return sql
		.exec<TokenRow>('SELECT id, name, role, created_at, created_by FROM tokens ORDER BY created_at, id')
		.toArray()
		.map(({ id, name, role, created_at, created_by }) => ({
			id,
			name,
			role,
			createdAt: new Date(created_at).toISOString(),
			createdBy: created_by,
		}))
}

function storeTokenAudit(sql: SqlStorage, action: string, actor: Principal, now: number, subject: unknown): void {
	sql.exec(
		'INSERT INTO audit (at, actor, role, action, subject) VALUES (?, ?, ?, ?, ?)',
		now,
		actor.name,
		actor.role,
		action,
		JSON.stringify(subject),
	)
}
