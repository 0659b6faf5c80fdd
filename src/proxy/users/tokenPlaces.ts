/** Where a request shows tokens of end users, and the request without them. */
import type { TokenPlace } from '../../snapshot/requestAuthentication.ts'
import type { Exchange } from '../exchange.ts'

export interface ShownToken {
	readonly token: string
	readonly place: TokenPlace
}

/** Every token in one of the places, as often as it is there. */
export function shownTokens(
	{ request, target, path }: Pick<Exchange, 'request' | 'target' | 'path'>,
	places: readonly TokenPlace[],
): ShownToken[] {
	const shown: ShownToken[] = []
	for (const place of places) {
		if (place.in === 'header') {
			const token = afterPrefix(request.headers.get(place.name), place.prefix)
			if (token !== undefined) shown.push({ token, place })
			continue
		}
		const said = place.in === 'param' ? target.slice(path.length + 1) : request.headers.get('cookie')
		if (said === null || said === '') continue
		const tokens = place.in === 'param' ? paramValues(said, place.name) : cookieValues(said, place.name)
		for (const token of tokens) if (token !== '') shown.push({ token, place })
	}
	return shown
}

/**
 * Schemes have no case (RFC 9110 §11.1), and some servers take more for a space after them than a space. Fields of one name come joined by
 * commas, which no token has: one with something beside it is shown together with that, and so believed by nobody.
 */
function afterPrefix(value: string | null, prefix: string): string | undefined {
	if (value === null) return undefined
	if (value.startsWith(prefix)) return value.slice(prefix.length).trim() || undefined
	const text = spaced(value)
	const has = (text: string) => text.toLowerCase().startsWith(prefix.toLowerCase())
	if (has(text)) return text.slice(prefix.length).trim() || undefined
	return text.includes(',') && text.split(',').some((part) => has(`${part.trim()} `)) ? text : undefined
}

const spaced = (text: string): string => text.replace(/[^!-~]/g, ' ').trim()

// === query ===

/** Names may be written with percent-encodings, so that only a query with neither can be passed over. */
const mayHave = (query: string, name: string): boolean => query.includes(name) || /[%+]/.test(query)

const paramValues = (query: string, name: string): readonly string[] =>
	mayHave(query, name) ? new URLSearchParams(query).getAll(name) : []

/** Path and query without those parameters; the others keep their spelling: signatures may cover it. */
export function withoutParams(target: string, names: readonly string[]): string {
	const queryAt = target.indexOf('?')
	if (queryAt < 0) return target
	const others = target
		.slice(queryAt + 1)
		.split('&')
		.filter((parameter) => {
			const said = new URLSearchParams(parameter)
			return !names.some((name) => said.has(name))
		})
	const path = target.slice(0, queryAt)
	return others.length === 0 ? path : `${path}?${others.join('&')}`
}

// === cookies ===

/** Several Cookie fields, which HTTP/2 allows, may have been joined by a comma. Values have none (RFC 6265 §4.1.1). */
const cookies = (field: string): string[] => field.split(/[;,]/)
const nameOf = (cookie: string): string => spaced(cookie.slice(0, Math.max(0, cookie.indexOf('='))))

const isWithin = (cookie: string, name: string): boolean =>
	spaced(cookie)
		.split(/ *=/)
		.slice(0, -1)
		.some((before) => before.endsWith(` ${name}`))

/** To some servers a space ends a cookie, too (Python's http.cookies): what would be one is shown with what is before it. */
function cookieValues(field: string, name: string): readonly string[] {
	if (!field.includes(name)) return []
	return cookies(field).flatMap((cookie) => {
		if (nameOf(cookie) !== name) return isWithin(cookie, name) ? cookie : []
		const value = cookie.slice(cookie.indexOf('=') + 1)
		return value.trim().replace(/^"(.*)"$/, '$1')
	})
}

/** The field without those cookies; undefined where none is left. The others keep their spelling. */
export function withoutCookies(field: string, names: readonly string[]): string | undefined {
	const pieces = field.match(/[^;,]+[;,]?/g) ?? []
	const kept = pieces.filter((piece) => !names.includes(nameOf(piece))).join('')
	return kept.trim().replace(/[;,]$/, '') || undefined
}
