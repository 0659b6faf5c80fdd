/** What policies of access did, counted: in an isolate since its last report, and in a region for good. Both are bounded. */
import type { AccessCount, AccessLabels } from '../ports.ts'

/** How many rows an isolate keeps between two reports, and a region takes from one. */
export const MAX_ACCESS_PER_REPORT = 1_000
const MAX_ACCESS_PER_REGION = 10_000

export interface AccessTable {
	readonly rows: Map<string, { readonly labels: AccessLabels; count: number }>
	overflow: number
}

export const createAccessTable = (): AccessTable => ({ rows: new Map(), overflow: 0 })

/** Names have no line breaks. */
export const accessKey = ({ policy, service, rule, effect }: AccessLabels): string =>
	`${policy}\n${service}\n${rule}\n${effect}`

export function countAccess(table: AccessTable, labels: AccessLabels): void {
	const key = accessKey(labels)
	const row = table.rows.get(key)
	if (row !== undefined) row.count++
	else if (table.rows.size < MAX_ACCESS_PER_REPORT) table.rows.set(key, { labels, count: 1 })
	else table.overflow++
}

/** Everything since the last drain; undefined when there is nothing. */
export function drainAccess(
	table: AccessTable,
): { readonly access: readonly AccessCount[]; readonly accessOverflow: number } | undefined {
	const { rows, overflow } = table
	if (rows.size === 0 && overflow === 0) return undefined
	const access = [...rows.values()].map(({ labels, count }) => ({ ...labels, count }))
	rows.clear()
	table.overflow = 0
	return { access, accessOverflow: overflow }
}

/** How many rows a region has, and what none had room for. */
export interface AccessTotals {
	readonly rows: number
	readonly overflow: number
}

/** Adds what was reported to what is known. Answers the rows that changed, as they are now. Rows that are known always grow. */
export function absorbAccess(
	{ access = [], accessOverflow = 0 }: { readonly access?: readonly AccessCount[]; readonly accessOverflow?: number },
	totals: AccessTotals,
	known: (labels: AccessLabels) => number | undefined,
	maxRows: number = MAX_ACCESS_PER_REGION,
): { readonly changed: readonly AccessCount[]; readonly totals: AccessTotals } {
	const changed = new Map<string, AccessCount>()
	let { rows, overflow } = totals
	overflow = sum(overflow, accessOverflow)
	for (const row of access) {
		const key = accessKey(row)
		const before = changed.get(key)?.count ?? known(row)
		if (before === undefined && rows >= maxRows) overflow = sum(overflow, row.count)
		else {
			if (before === undefined) rows++
			changed.set(key, { ...row, count: sum(before ?? 0, row.count) })
		}
	}
	return { changed: [...changed.values()], totals: { rows, overflow } }
}

/** Stops at the last integer that is exact, rather than drift. */
const sum = (a: number, b: number): number => Math.min(a + b, Number.MAX_SAFE_INTEGER)
