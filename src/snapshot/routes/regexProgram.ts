/** Turns an RE2 pattern into the program that the data plane runs: re2js parses here, so that its 150 KB stay here. */
import { RE2JS } from 're2js'
import { at, op, type RegexProgram } from '../../matching/regex.ts'
import { err, ok, type Result } from '../../result.ts'

/** Longer programs are refused: they cost every isolate memory. RE2's own default budget is of this order. */
export const MAX_INSTRUCTIONS = 2_000

/** The compiled form inside re2js, by its instruction numbers; `test/unit/snapshot/regexProgram.test.ts` holds it to them. */
interface Compiled {
	readonly start: number
	readonly numLb?: number
	readonly inst: readonly {
		readonly op: number
		readonly out: number
		readonly arg: number
		readonly runes: ArrayLike<number>
	}[]
}
const re2 = {
	alt: 1,
	altMatch: 2,
	capture: 3,
	emptyWidth: 4,
	fail: 5,
	match: 6,
	nop: 7,
	rune: 8,
	rune1: 9,
	any: 10,
	anyNotNewline: 11,
}
const MAX_RUNE = 0x10ffff

/**
 * Compiles a pattern in RE2 syntax (https://github.com/google/re2/wiki/Syntax) for matching a whole text.
 * Fails with a sentence when the syntax is wrong, needs lookbehind, or the program would be too long.
 */
export function regexProgram(pattern: string): Result<RegexProgram, string> {
	let compiled: Compiled
	try {
		compiled = compile(pattern)
	} catch (error) {
		return err(error instanceof Error ? error.message : String(error))
	}
	if (compiled.numLb) return err('lookbehind is not linear-time and not supported')
	if (compiled.inst.length > MAX_INSTRUCTIONS)
		return err(`the pattern needs ${compiled.inst.length} instructions; at most ${MAX_INSTRUCTIONS} are allowed`)
	return ok({ start: compiled.start, instructions: compiled.inst.map(translate) })
}

const compile = (pattern: string): Compiled =>
	(RE2JS.compile(pattern) as unknown as { re2Input: { prog: Compiled } }).re2Input.prog

function translate(instruction: Compiled['inst'][number]): readonly number[] {
	const { op: code, out, arg } = instruction
	switch (code) {
		case re2.alt:
		case re2.altMatch:
			return [op.alt, out, arg]
		case re2.capture:
		case re2.nop:
			return [op.jump, out]
		case re2.emptyWidth:
			return [op.empty, out, conditions(arg)]
		case re2.match:
			return [op.match]
		case re2.fail:
			return [op.fail]
		case re2.any:
			return [op.range, out, 0, MAX_RUNE]
		case re2.anyNotNewline:
			return [op.range, out, 0, 9, 11, MAX_RUNE]
		case re2.rune:
		case re2.rune1:
			return [op.range, out, ...ranges(Array.from(instruction.runes), (arg & 1) === 1)]
		default:
			throw new Error(`re2js made an instruction ${code} that this translation does not know`)
	}
}

/** re2js numbers the conditions as RE2 does: line start 1, line end 2, text start 4, text end 8, \b 16, \B 32. */
function conditions(arg: number): number {
	return arg & (at.lineStart | at.lineEnd | at.textStart | at.textEnd | at.wordBoundary | at.noWordBoundary)
}

/** A single rune may stand for its case variants; longer lists are ranges with the variants already in. */
function ranges(runes: readonly number[], foldCase: boolean): number[] {
	if (runes.length !== 1) return [...runes]
	const rune = runes[0]!
	return foldCase ? variantsOf(rune) : [rune, rune]
}

/**
 * A rune and all that fold to the same, as ranges. Some have more than two cases (θ ϑ Θ ϴ) and JavaScript's own mapping
 * misses some, so re2js is asked: they are the gaps in "anything but this rune".
 */
function variantsOf(rune: number): number[] {
	// The quick way for most of ASCII; k and s have relatives outside it.
	const letter = String.fromCodePoint(rune)
	if (/^[a-jl-rt-z]$/i.test(letter))
		return [letter.toUpperCase(), letter.toLowerCase()].flatMap((variant) => [
			variant.charCodeAt(0),
			variant.charCodeAt(0),
		])
	const others = compile(`(?i)[^\\x{${rune.toString(16)}}]`).inst.find(({ op: code }) => code === re2.rune)!.runes
	const variants: number[] = []
	for (let i = 1; i < others.length - 1; i += 2) variants.push(others[i]! + 1, others[i + 1]! - 1)
	return variants
}
