/** A small strict reader of structured fields (RFC 9651): a list of items with parameters, as Proxy-Status is. */

export interface Item {
	readonly value: string
	readonly parameters: Readonly<Record<string, string | number | boolean>>
}

/** Throws where the field's syntax is broken. */
export function parseList(field: string): Item[] {
	const reader = { text: field, at: 0 }
	const items = [readItem(reader)]
	while (take(reader, /^[ \t]*,[ \t]*/y) !== undefined) items.push(readItem(reader))
	if (reader.at !== field.length) throw new Error(`unexpected ${field.slice(reader.at)}`)
	return items
}

interface Reader {
	readonly text: string
	at: number
}

function take(reader: Reader, pattern: RegExp): string | undefined {
	const found = new RegExp(pattern.source.replace(/^\^/, ''), 'y')
	found.lastIndex = reader.at
	const match = found.exec(reader.text)
	if (match === null) return undefined
	reader.at = found.lastIndex
	return match[0]
}

function readItem(reader: Reader): Item {
	const value = take(reader, /[A-Za-z*][\w!#$%&'*+\-.^`|~:/]*/)
	if (value === undefined) throw new Error(`no token at ${reader.text.slice(reader.at)}`)
	const parameters: Record<string, string | number | boolean> = {}
	while (take(reader, /; */) !== undefined) {
		const key = take(reader, /[a-z*][a-z0-9_\-.*]*/)
		if (key === undefined) throw new Error(`no key at ${reader.text.slice(reader.at)}`)
		parameters[key] = take(reader, /=/) === undefined ? true : readBare(reader)
	}
	return { value, parameters }
}

function readBare(reader: Reader): string | number {
	const text = take(reader, /"(?:[ !#-[\]-~]|\\["\\])*"/)
	if (text !== undefined) return text.slice(1, -1).replace(/\\(.)/g, '$1')
	const integer = take(reader, /-?[0-9]{1,15}(?![0-9.])/)
	if (integer !== undefined) return Number(integer)
	const token = take(reader, /[A-Za-z*][\w!#$%&'*+\-.^`|~:/]*/)
	if (token === undefined) throw new Error(`no value at ${reader.text.slice(reader.at)}`)
	return token
}
