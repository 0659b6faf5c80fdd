/**
 * A linear-time regular expression matcher: runs an RE2 program as a lazily built DFA, so no pattern can hang an isolate.
 *
 * The control plane parses patterns (`snapshot/regexProgram.ts`); only the program travels. Method: R. Cox, "Regular
 * Expression Matching: the Virtual Machine Approach" (2009) for the program, "… in the Wild" (2010) for the lazy DFA.
 */

/** What an instruction does with the next character. */
export const op = { alt: 0, empty: 1, fail: 2, match: 3, jump: 4, range: 5 } as const

/** Conditions of an `empty` instruction, as bits. */
export const at = { lineStart: 1, lineEnd: 2, textStart: 4, textEnd: 8, wordBoundary: 16, noWordBoundary: 32 } as const

/** Instructions: [alt, a, b] · [empty, next, conditions] · [fail] · [match] · [jump, next] · [range, next, lo, hi, lo, hi, …]. */
export interface RegexProgram {
	readonly start: number
	readonly instructions: readonly (readonly number[])[]
}

/** A set of waiting instructions after some text, and what the last character was. */
interface State {
	readonly waiting: readonly number[]
	readonly previous: number
	readonly ascii: (State | undefined)[]
	accepts?: boolean
}

/** More states than this and the cache starts anew: memory stays bounded whatever the pattern and the text. */
const MAX_STATES = 512
const NOTHING = -1
const NEWLINE = 10

/** Makes a function that tells whether the whole of a text matches. Time is linear in the text, whatever the pattern. */
export function regexMatcher(program: RegexProgram): (text: string) => boolean {
	let states = new Map<string, State>()

	const stateOf = (waiting: readonly number[], previous: number): State => {
		const key = `${classOf(previous)}:${waiting.join()}`
		const known = states.get(key)
		if (known !== undefined) return known
		if (states.size >= MAX_STATES) states = new Map()
		const state: State = { waiting, previous, ascii: [] }
		states.set(key, state)
		return state
	}

	const after = (state: State, character: number): State => {
		const known = character < 128 ? state.ascii[character] : undefined
		if (known !== undefined) return known
		const next = stateOf(step(program, state, character), character)
		if (character < 128) state.ascii[character] = next
		return next
	}

	return (text) => {
		let state = stateOf([program.start], NOTHING)
		for (let i = 0; i < text.length; i++) {
			if (state.waiting.length === 0) return false
			const character = text.codePointAt(i)!
			if (character > 0xffff) i++
			state = after(state, character)
		}
		state.accepts ??= closure(program, state, NOTHING).some((pc) => program.instructions[pc]![0] === op.match)
		return state.accepts
	}
}

/** The instructions that wait after consuming `character`. */
function step(program: RegexProgram, state: State, character: number): number[] {
	const waiting = new Set<number>()
	for (const pc of closure(program, state, character)) {
		const instruction = program.instructions[pc]!
		if (instruction[0] === op.range && inRanges(instruction, character)) waiting.add(instruction[1]!)
	}
	return [...waiting].sort((a, b) => a - b)
}

/** Follows every instruction that consumes nothing, given the characters on both sides. */
function closure(program: RegexProgram, state: State, next: number): number[] {
	const holds = conditionsBetween(state.previous, next)
	const seen = new Set<number>()
	const stack = [...state.waiting]
	for (let pc = stack.pop(); pc !== undefined; pc = stack.pop()) {
		if (seen.has(pc)) continue
		seen.add(pc)
		const instruction = program.instructions[pc]!
		if (instruction[0] === op.alt) stack.push(instruction[1]!, instruction[2]!)
		else if (instruction[0] === op.jump) stack.push(instruction[1]!)
		else if (instruction[0] === op.empty && (instruction[2]! & ~holds) === 0) stack.push(instruction[1]!)
	}
	return [...seen]
}

function inRanges(instruction: readonly number[], character: number): boolean {
	for (let i = 2; i < instruction.length; i += 2) {
		if (character < instruction[i]!) return false
		if (character <= instruction[i + 1]!) return true
	}
	return false
}

function conditionsBetween(previous: number, next: number): number {
	let holds = isWord(previous) === isWord(next) ? at.noWordBoundary : at.wordBoundary
	if (previous === NOTHING) holds |= at.textStart | at.lineStart
	else if (previous === NEWLINE) holds |= at.lineStart
	if (next === NOTHING) holds |= at.textEnd | at.lineEnd
	else if (next === NEWLINE) holds |= at.lineEnd
	return holds
}

/** States that differ only in a previous character of the same class behave alike. */
function classOf(previous: number): number {
	if (previous === NOTHING) return 0
	if (previous === NEWLINE) return 1
	return isWord(previous) ? 2 : 3
}

/** RE2's `\w`: ASCII only. */
function isWord(character: number): boolean {
	return (
		(character >= 48 && character <= 57) ||
		(character >= 65 && character <= 90) ||
		character === 95 ||
		(character >= 97 && character <= 122)
	)
}
