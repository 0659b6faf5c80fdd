/** Durations as Gateway API writes them: `500ms`, `1h30m` (GEP-2257). */

const DURATION = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/
const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }

/** The sum of the duration's parts in ms, at most 1,439,985,600,000; undefined when the text is no duration. */
export function durationMs(text: string): number | undefined {
	if (!DURATION.test(text)) return undefined
	let ms = 0
	for (const [, count, unit] of text.matchAll(/([0-9]+)(ms|h|m|s)/g)) ms += Number(count) * (UNIT_MS[unit!] ?? 0)
	return ms
}
