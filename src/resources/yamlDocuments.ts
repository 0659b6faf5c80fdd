/** YAML text read as plain values, with the line of every field. YAML 1.2 core schema: `yes` is a string, `012` is 12. */
import { Composer, type Document, isMap, isScalar, isSeq, LineCounter, type Node, type ParsedNode, Parser } from 'yaml'
import type { DocumentError } from './documentError.ts'

/** Aliases may stand for at most so many nodes in all: the bound against "billion laughs". */
const MAX_ALIASES = 100
/** One mistake makes many errors after it. */
const MAX_ERRORS_PER_DOCUMENT = 5
const options = {
	version: '1.2',
	schema: 'core',
	stringKeys: true,
	uniqueKeys: true,
	resolveKnownTags: false,
	prettyErrors: false,
	logLevel: 'silent',
} as const

/** A value that a request's text holds at one position, not yet known to be a document. */
export interface ReadValue {
	/** Position in the request, from 1. Entries of a List share its position. */
	readonly number: number
	readonly value: unknown
	/** Line of a field, or of the nearest thing around it. */
	readonly lineOf?: (path: readonly PropertyKey[]) => number | undefined
}

interface Values {
	readonly values: ReadValue[]
	readonly errors: DocumentError[]
}

/** Reads every document of the stream but the empty ones; stops after `maxDocuments` + 1. */
export function readYaml(text: string, maxDocuments: number): Values {
	const lines = new LineCounter()
	const found: Values = { values: [], errors: [] }
	let number = 0
	try {
		for (const document of new Composer(options).compose(new Parser(lines.addNewLine).parse(text), true, text.length)) {
			number++
			readDocument(document, number, lines, found)
			if (found.values.length > maxDocuments) break
		}
	} catch (error) {
		// The reader recurses: text that nests without end overflows its stack.
		if (!(error instanceof RangeError)) throw error
		found.errors.push({ document: number + 1, path: '', message: 'must be nested less deeply' })
	}
	return found
}

function readDocument(document: Document.Parsed, number: number, lines: LineCounter, { values, errors }: Values): void {
	const problems = [...document.errors, ...document.warnings]
	for (const { code, message, pos } of problems.slice(0, MAX_ERRORS_PER_DOCUMENT)) {
		const { line, col } = lines.linePos(pos[0])
		const what = code === 'RESOURCE_EXHAUSTION' ? 'nesting is too deep' : message
		errors.push({ document: number, path: '', message: `must be YAML: ${what} (line ${line}, column ${col})`, line })
	}
	if (problems.length > 0) return
	try {
		const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES })
		if (value !== null) values.push({ number, value, lineOf: (path) => lineOf(document.contents, path, lines) })
	} catch (error) {
		// Aliases without an anchor, or too many of them, are found only here.
		if (!(error instanceof ReferenceError)) throw error
		errors.push({ document: number, path: '', message: `must be YAML: ${error.message}` })
	}
}

/** The line where the field begins; where a part of the path is missing, the line of what should hold it. */
function lineOf(root: ParsedNode | null, path: readonly PropertyKey[], lines: LineCounter): number | undefined {
	let found: unknown = root
	let start = offset(root)
	for (const segment of path) {
		if (isMap(found)) {
			const pair = found.items.find(({ key }) => isScalar(key) && String(key.value) === String(segment))
			if (pair === undefined) break
			start = offset(pair.key) ?? start
			found = pair.value
		} else if (isSeq(found) && typeof segment === 'number') {
			found = found.items[segment]
			start = offset(found) ?? start
		} else break
	}
	return start === undefined ? undefined : lines.linePos(start).line
}

const offset = (part: unknown): number | undefined => (part as Node | null | undefined)?.range?.[0]
