/** Texts that may be longer than a row of SQLite-backed storage may be (2 MB): a row holds the beginning, this table the rest. */

export const longTextsTable = `
	-- What follows the beginning of a text that a row of another table holds: kind says which table, name which row.
	CREATE TABLE IF NOT EXISTS long_texts (
		kind TEXT, name TEXT, position INTEGER, text TEXT NOT NULL, PRIMARY KEY (kind, name, position)
	) WITHOUT ROWID;
`

/** In UTF-16 code units, of which each takes at most three bytes: a piece leaves room for what else its row holds. */
const PIECE_CHARACTERS = 400_000

/** Stores what of the text does not belong into its row, instead of what was stored before, and answers what does. */
export function storeLongText(sql: SqlStorage, kind: string, name: string, text: string | null): string | null {
	sql.exec('DELETE FROM long_texts WHERE kind = ? AND name = ?', kind, name)
	if (text === null) return null
	const first = pieceAt(text, 0)
	for (let at = first.length, position = 1; at < text.length; position++) {
		const piece = pieceAt(text, at)
		sql.exec('INSERT INTO long_texts (kind, name, position, text) VALUES (?, ?, ?, ?)', kind, name, position, piece)
		at += piece.length
	}
	return first
}

/** The whole text whose beginning the row holds. */
export function readLongText(sql: SqlStorage, kind: string, name: string, first: string | null): string | null {
	if (first === null || first.length < PIECE_CHARACTERS - 1) return first
	const rest = sql.exec<{ text: string }>(
		'SELECT text FROM long_texts WHERE kind = ? AND name = ? ORDER BY position',
		kind,
		name,
	)
	return first + Array.from(rest, ({ text }) => text).join('')
}

/** A surrogate pair stays together: half of one is no UTF-8, and would not come back. */
function pieceAt(text: string, at: number): string {
	const end = at + PIECE_CHARACTERS
	const last = end < text.length ? text.charCodeAt(end - 1) : 0
	return text.slice(at, last >= 0xd800 && last < 0xdc00 ? end - 1 : end)
}
