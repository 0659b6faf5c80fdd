/** Finding one cookie in a Cookie field (RFC 6265 §4.2.1), in one pass and without taking the others apart. */

/**
 * The value of the first cookie of that name, without the quotes around it. Undefined when there is none. Names are
 * case-sensitive. Whatever else is in the field is stepped over.
 */
export function cookieValue(field: string, name: string): string | undefined {
	for (let start = 0; start < field.length; ) {
		const semicolon = field.indexOf(';', start)
		const end = semicolon < 0 ? field.length : semicolon
		while (start < end && isSpace(field.charCodeAt(start))) start++
		if (field.startsWith(name, start)) {
			let equals = start + name.length
			while (equals < end && isSpace(field.charCodeAt(equals))) equals++
			if (field[equals] === '=') return unquoted(field.slice(equals + 1, end).trim())
		}
		start = end + 1
	}
	return undefined
}

const isSpace = (code: number): boolean => code === 32 || code === 9

function unquoted(value: string): string {
	return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
}
