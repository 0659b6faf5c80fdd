/** JSON values as one text each, however their members are ordered: what hashes are taken of. */

/**
 * RFC 8785 (JCS): no white space, members in the order of their names' UTF-16 code units, numbers and strings as ECMAScript writes
 * them. Beyond it, members that are undefined are left out, and a lone surrogate, which the RFC refuses, is escaped.
 */
export function canonicalJson(value: unknown): string {
	if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
	if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
	const members = Object.entries(value)
		.filter(([, member]) => member !== undefined)
		.sort(([a], [b]) => (a < b ? -1 : 1))
	return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`
}
