/** The PolicyStore's counters: which history this is, and how far it has come. */

type MetaKey = 'epoch' | 'sequence' | 'revision' | 'schemas' | 'trust' | 'trustTold'

export function readMeta(sql: SqlStorage, key: MetaKey): string | undefined {
	const [row] = sql.exec<{ value: string }>('SELECT value FROM meta WHERE key = ?', key)
	return row?.value
}

export function writeMeta(sql: SqlStorage, key: MetaKey, value: string | number): void {
	sql.exec(
		'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
		key,
		String(value),
	)
}

export const currentRevision = (sql: SqlStorage): number => Number(readMeta(sql, 'revision') ?? 0)
export const currentSequence = (sql: SqlStorage): number => Number(readMeta(sql, 'sequence') ?? 0)
