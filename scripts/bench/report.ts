/** The bench's figures as Markdown, and the page that keeps them beside notes written by hand. */
import type { Spread } from './statistics.ts'

export const fixed = (value: number, digits = 0): string =>
	value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })

/** `1.36 (1.19–1.59)`: the median, and the lowest and highest round. */
export const ranged = ({ median, low, high }: Spread, digits = 2): string =>
	`${fixed(median, digits)} (${fixed(low, digits)}–${fixed(high, digits)})`

/** A table with aligned columns, as the project's formatter would have it. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
	const widths = header.map((title, i) => Math.max(3, title.length, ...rows.map((row) => row[i]!.length)))
	const line = (cells: readonly string[], filler: string): string =>
		`| ${cells.map((cell, i) => cell.padEnd(widths[i]!, filler)).join(' | ')} |`
	return [
		line(header, ' '),
		line(
			header.map(() => ''),
			'-',
		),
		...rows.map((row) => line(row, ' ')),
	].join('\n')
}

const opening = (name: string): string => `<!-- bench:${name} -->`
const closing = (name: string): string => `<!-- /bench:${name} -->`

/** The page with one generated block replaced; what is written outside the markers stays. A new block goes to the end. */
export function replaceBlock(page: string, name: string, content: string): string {
	const block = `${opening(name)}\n${content.trim()}\n${closing(name)}`
	const start = page.indexOf(opening(name))
	const end = page.indexOf(closing(name))
	if (start < 0 || end < start) return `${page.trimEnd()}\n\n${block}\n`
	return page.slice(0, start) + block + page.slice(end + closing(name).length)
}
