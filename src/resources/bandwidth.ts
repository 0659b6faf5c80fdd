/** Bandwidths as they are written: `50kbps`, `1Mbps`, `8Gbps`, in bits per second, the unit in any case. */

const BANDWIDTH = /^([0-9]{1,6})(k|m|g)bps$/i
const UNIT_BITS: Readonly<Record<string, number>> = { k: 1_000, m: 1_000_000, g: 1_000_000_000 }

/** Bytes per second, 125–124,999,875,000,000; undefined when the text is no bandwidth or stands for none. */
export function bytesPerSecond(text: string): number | undefined {
	const [, count, unit] = BANDWIDTH.exec(text) ?? []
	const bits = Number(count) * (UNIT_BITS[unit?.toLowerCase() ?? ''] ?? 0)
	return bits > 0 ? bits / 8 : undefined
}
