/** Whether a pattern is RE2 and small: what it may cost is decided here, not while requests wait. */
import { RE2JS } from 're2js'

const MAX_LENGTH = 1_024
/** Longer programs would cost every isolate memory. */
const MAX_INSTRUCTIONS = 2_000
/** Bounds what compiling itself costs: RE2 writes `x{n}` out n times. */
const MAX_EXPANSION = 20_000

/**
 * The problem with a pattern, or undefined when the mesh takes it.
 * Syntax: https://github.com/google/re2/wiki/Syntax — no backreferences and no lookaround, so that matching is linear.
 */
export function checkRegularExpression(pattern: string): string | undefined {
	if (pattern.length > MAX_LENGTH) return `must be a pattern of at most ${MAX_LENGTH} characters`
	if (expansion(pattern) > MAX_EXPANSION) return 'must repeat less: its counted repeats multiply to too long a program'
	try {
		const size = RE2JS.compile(pattern).programSize()
		return size > MAX_INSTRUCTIONS
			? `must be simpler: it compiles to ${size} instructions, at most ${MAX_INSTRUCTIONS} are allowed`
			: undefined
	} catch (error) {
		return `must be a regular expression in RE2 syntax: ${error instanceof Error ? error.message : String(error)}`
	}
}

/** An upper bound, in atoms: a counted repeat of an atom adds its count, one of a group multiplies everything. */
function expansion(pattern: string): number {
	let atoms = pattern.length
	let factor = 1
	for (const [, before, least, most] of pattern.matchAll(/(\)|\\E)?\{(\d+)(?:,(\d*))?\}/g)) {
		const count = Math.max(Number(least), Number(most ?? 0))
		if (before === undefined) atoms += count
		else factor *= Math.max(1, count)
	}
	return atoms * factor
}
