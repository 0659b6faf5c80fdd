/** Which fields of two values differ, by path, as a person would name them. */

/** Null where the field is not there. */
export interface FieldChange {
	/** Such as `timeouts.requestMs`, `matches[0].path.value` or `labels["app.example/zone"]`. */
	readonly path: string
	readonly before: unknown
	readonly after: unknown
}

type Fields = Readonly<Record<string, unknown>>

/** A text, of a direct response for example, that is longer than this is shown by its beginning. In UTF-16 code units. */
const SHOWN_CHARACTERS = 500

/**
 * Every field that differs. Objects are compared field by field, lists of equally many objects item by item, anything else as a
 * whole: `[a, b]` against `[b]` says more than "a became b, and b went".
 */
export function fieldChanges(before: object | null, after: object | null): FieldChange[] {
	return changesWithin('', (before ?? {}) as Fields, (after ?? {}) as Fields)
}

function changesWithin(path: string, before: Fields, after: Fields): FieldChange[] {
	return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name) =>
		changesAt(path + step(name, path === ''), before[name] ?? null, after[name] ?? null),
	)
}

function changesAt(path: string, before: unknown, after: unknown): FieldChange[] {
	if (isFields(before) && isFields(after)) return changesWithin(path, before, after)
	if (isListOfFields(before) && isListOfFields(after) && before.length === after.length)
		return before.flatMap((item, i) => changesWithin(`${path}[${i}]`, item, after[i]!))
	return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, before: shown(before), after: shown(after) }]
}

const isFields = (value: unknown): value is Fields =>
	typeof value === 'object' && value !== null && !Array.isArray(value)
const isListOfFields = (value: unknown): value is Fields[] => Array.isArray(value) && value.every(isFields)

function step(name: string, isFirst: boolean): string {
	if (!/^[A-Za-z_]\w*$/.test(name)) return `[${JSON.stringify(name)}]`
	return isFirst ? name : `.${name}`
}

function shown(value: unknown): unknown {
	if (typeof value === 'string' && value.length > SHOWN_CHARACTERS)
		return `${value.slice(0, SHOWN_CHARACTERS)}… (${value.length} characters)`
	if (Array.isArray(value)) return value.map(shown)
	return isFields(value)
		? Object.fromEntries(Object.entries(value).map(([name, field]) => [name, shown(field)]))
		: value
}
