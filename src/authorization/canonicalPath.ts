/**
 * The one spelling of a path that policies look at, and the forms of which nobody can say what a service will make.
 *
 * What may be written in two ways by RFC 3986 §6.2.2 gets one of them. What services are known to read in different ways (decoding
 * twice, taking `\` for `/`, dropping `;…` or a dot at the end) is not guessed at: it is named, for the request to be refused.
 */

/** Paths that are their own spelling, as almost all are: no empty segment, none that ends in a dot, nothing encoded. */
const PLAIN = /^(?:(?:\/[\w~!$&'()*+,=:@.-]*[\w~!$&'()*+,=:@-])+\/?|\/)$/

/** In the spelling that `spell` gives. The first that is there names the path. */
const FORMS: readonly (readonly [form: RegExp, words: string])[] = [
	[/^(?!\/)/, 'no slash at its beginning'],
	[/%2F/, 'an encoded slash'],
	[/%5C/, 'a backslash'],
	[/%25u?[0-9A-Fa-f]{2}/, 'a double encoding'],
	[/%3F/, 'an encoded question mark'],
	[/%23/, 'an encoded number sign'],
	[/;|%3B/, 'a semicolon'],
	// The latter are those of ISO 8859-1, in UTF-8.
	[/%[01][0-9A-F]|%7F|%C2%[89][0-9A-F]/, 'a control character'],
	[/\/\//, 'an empty segment'],
	[/\/\.\.?(?:\/|$)/, 'a dot segment'],
	[/\.(?:\/|$)/, 'a segment that ends in a dot'],
	[/%20(?:\/|$)/, 'a segment that ends in a space'],
]
/** Of UTF-8, all that is not ASCII. */
const ENCODED_TEXT = /(?:%[89A-F][0-9A-F])+/g
const ASCII = /[\0-\x7f]/

/** `path` without the query, as the service will see it. `ambiguous` says what it has that may be read in several ways. */
export function canonicalPath(path: string): { readonly path: string } | { readonly ambiguous: string } {
	if (PLAIN.test(path)) return { path }
	const spelled = spell(path)
	if (spelled === undefined) return { ambiguous: 'a percent sign that encodes nothing' }
	for (const [form, words] of FORMS) if (form.test(spelled)) return { ambiguous: words }
	const ambiguous = ambiguousText(spelled)
	return ambiguous === undefined ? { path: spelled } : { ambiguous }
}

/**
 * RFC 3986 §6.2.2.1–2: unreserved characters stand for themselves, all that no path may contain is encoded, and that in upper case.
 * Undefined: a `%` without two hexadecimal digits, or half of a surrogate pair.
 */
export function spell(text: string): string | undefined {
	if (/%(?![0-9A-Fa-f]{2})/.test(text) || !text.isWellFormed()) return undefined
	return text.replace(/%..|[^\w~!$&'()*+,;=:@./-]/gu, (found) => {
		if (found.length < 3) return encodeURIComponent(found)
		const character = String.fromCharCode(Number.parseInt(found.slice(1), 16))
		return /[\w.~-]/.test(character) ? character : found.toUpperCase()
	})
}

/**
 * A spelled path, or a part of one, in the form in which all that a service may take for the same is the same: decoded, and in one
 * case. Undefined: what is encoded is no text. Upper case, because lower case of a Greek sigma depends on what comes after it.
 */
export function fold(spelled: string): string | undefined {
	if (!spelled.includes('%')) return spelled.toUpperCase()
	return decode(spelled)?.toUpperCase()
}

/** Text beyond ASCII that some service, or the file system below it, may turn into ASCII, or into other bytes (not in form NFC). */
function ambiguousText(spelled: string): string | undefined {
	for (const [encoded] of spelled.matchAll(ENCODED_TEXT)) {
		const text = decode(encoded)
		if (text === undefined) return 'bytes that are not UTF-8'
		const compatible = text.normalize('NFKC')
		if (ASCII.test(compatible + compatible.toLowerCase()) || Array.from(compatible).some(isUpperedToAscii))
			return 'a character that may become ASCII'
	}
	const text = decode(spelled)
	return text === text?.normalize() ? undefined : 'decomposed characters'
}

/** One for one, as file systems do it (simple case mapping): that `ß` is `SS` in capitals makes no ASCII of it. */
const isUpperedToAscii = (character: string): boolean => /^[\0-\x7f]$/.test(character.toUpperCase())

function decode(encoded: string): string | undefined {
	try {
		return decodeURIComponent(encoded)
	} catch {
		// The only way to ask whether bytes are UTF-8 without a decoder for each question.
		return undefined
	}
}
