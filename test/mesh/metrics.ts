/** Reads a page of metrics as Prometheus would. */

/** The sum of a metric's samples that carry these labels; undefined when there is none. */
export function sample(
	page: string,
	metric: string,
	labels: Readonly<Record<string, string>> = {},
): number | undefined {
	const values = page
		.split('\n')
		.filter((line) => line.startsWith(`${metric}{`))
		.filter((line) => Object.entries(labels).every(([name, value]) => line.includes(`${name}="${value}"`)))
		.map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)))
	return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0)
}
