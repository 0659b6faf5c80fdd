/** W3C Trace Context, level 2 (https://www.w3.org/TR/trace-context-2/): reading a `traceparent`, and starting a trace. */

/** Version, trace ID, parent ID, flags; later versions may add fields after another dash. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/

/**
 * The trace ID of a valid `traceparent`: 32 lower-case hex digits. Undefined for none and for an invalid one, whose
 * trace must not be continued. Versions above 00 are read by the level 2 rule: the four known fields, then the end or a dash.
 */
export function traceIdOf(traceparent: string | null): string | undefined {
	const match = traceparent === null ? null : TRACEPARENT.exec(traceparent)
	if (match === null) return undefined
	const [, version, traceId, more] = match
	return version === '00' && more !== undefined ? undefined : traceId
}

/** Every byte as two digits: a look-up is several times cheaper than `toString(16)` and padding. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/**
 * A `traceparent` that starts a trace. `random` is uniform in [0, 1), of at least 32 good bits, called six times.
 * The flags say that the trace ID is random (level 2 §3.2.2.5.2), and whether the caller records this trace.
 */
export function newTraceparent(random: () => number, sampled: boolean): string {
	const traceId = hex32(random()) + hex32(random()) + hex32(random()) + nonZeroHex32(random())
	return `00-${traceId}-${hex32(random())}${nonZeroHex32(random())}-${sampled ? '03' : '02'}`
}

const hex32 = (random: number): string => digits(random * 2 ** 32)

/** All-zero IDs are invalid; leaving zero out of one word rules them out. */
const nonZeroHex32 = (random: number): string => digits(1 + random * (2 ** 32 - 1))

/** Eight digits for the whole part of a number in [0, 2^32). */
const digits = (word: number): string =>
	HEX[word >>> 24]! + HEX[(word >>> 16) & 255]! + HEX[(word >>> 8) & 255]! + HEX[word & 255]!
