/** A request's text taken apart into plain documents, before anything asks what kind they are. */
import type { DocumentError } from './documentError.ts'
import { plainProblem } from './plainValue.ts'
import { type ReadValue, readYaml } from './yamlDocuments.ts'

export interface RawDocument extends Omit<ReadValue, 'value'> {
	/** Where in the value at its position the document stands: empty, or `items` and an index. */
	readonly prefix: readonly PropertyKey[]
	readonly value: Readonly<Record<string, unknown>>
}

export interface RawDocuments {
	readonly documents: readonly RawDocument[]
	readonly errors: readonly DocumentError[]
}

const MAX_DOCUMENTS = 10_000

export function readDocuments(text: string, format: 'yaml' | 'json'): RawDocuments {
	const { values, errors } = format === 'yaml' ? readYaml(text, MAX_DOCUMENTS) : readJson(text)
	const found: DocumentError[] = [...errors]
	const documents: RawDocument[] = []
	for (const read of values) {
		const problem = plainProblem(read.value)
		if (problem !== undefined) found.push({ document: read.number, path: '', ...problem })
		else documents.push(...unfold(read, found))
		if (documents.length > MAX_DOCUMENTS) {
			const message = `must be one of at most ${MAX_DOCUMENTS.toLocaleString('en')} documents in a request`
			return { documents: [], errors: [...found, { document: read.number, path: '', message }] }
		}
	}
	return { documents, errors: found }
}

function readJson(text: string): { values: ReadValue[]; errors: DocumentError[] } {
	if (text.trim() === '') return { values: [], errors: [] }
	try {
		const value: unknown = JSON.parse(text)
		return {
			values: (Array.isArray(value) ? value : [value]).map((value, i) => ({ number: i + 1, value })),
			errors: [],
		}
	} catch (error) {
		const message = error instanceof Error ? error.message : String(error)
		const position = /at position (\d+)/.exec(message)?.[1]
		const line = position === undefined ? {} : { line: text.slice(0, Number(position)).split('\n').length }
		return { values: [], errors: [{ document: 1, path: '', message: `must be JSON: ${message}`, ...line }] }
	}
}

const LIST_FIELDS = ['apiVersion', 'kind', 'metadata', 'items']

/** The documents in a Kubernetes List, as `kubectl get -o yaml` prints; any other document is itself. */
function unfold({ value, ...read }: ReadValue, errors: DocumentError[]): RawDocument[] {
	const fail = (path: readonly PropertyKey[], where: string, message: string) => {
		const line = read.lineOf?.(path)
		errors.push({ document: read.number, path: where, message, ...(line === undefined ? {} : { line }) })
		return []
	}
	if (!isMapping(value)) return fail([], '', 'must be a mapping with apiVersion, kind and metadata')
	const { kind, apiVersion, items } = value
	if (typeof kind !== 'string' || !kind.endsWith('List')) return [{ ...read, prefix: [], value }]
	for (const key of Object.keys(value).filter((key) => !LIST_FIELDS.includes(key)))
		fail([key], key, `is not a field of a List; must be one of ${LIST_FIELDS.join(', ')}`)
	if (!Array.isArray(items)) return fail(['items'], 'items', 'must be a list')
	// In a typed list, e.g. HTTPRouteList, the entries need not repeat what they are.
	const inherited = kind === 'List' ? {} : { apiVersion, kind: kind.slice(0, -4) }
	return items.flatMap((item, i) =>
		isMapping(item)
			? [{ ...read, prefix: ['items', i], value: { ...inherited, ...item } }]
			: fail(['items', i], `items[${i}]`, 'must be a mapping with apiVersion, kind and metadata'),
	)
}

function isMapping(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value)
}
