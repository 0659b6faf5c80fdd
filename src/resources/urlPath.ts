/** Paths in documents: those that normalise to themselves, so that no two spellings of a path are told apart. */

const PATH_CHARACTERS = /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/

/** The problem with a path, as a sentence that says what would be right; undefined when it may be used. */
export function checkPath(path: string): string | undefined {
	if (!path.startsWith('/')) return "must begin with '/'"
	const forbidden = ['//', '/./', '/../', '%2f', '%2F', '#'].find((part) => path.includes(part))
	if (forbidden !== undefined) return `must not contain '${forbidden}'`
	const ending = ['/..', '/.'].find((part) => path.endsWith(part))
	if (ending !== undefined) return `must not end with '${ending}'`
	return PATH_CHARACTERS.test(path)
		? undefined
		: "must contain only the characters of a URL path; encode others as '%' and two hex digits"
}
