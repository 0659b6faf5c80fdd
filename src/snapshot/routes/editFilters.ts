/** The filters that say everything themselves, as they travel: header edits, redirects, rewrites and CORS. */
import type { Filter } from '../../resources/filter.ts'
import type { Cors, Field, Filters, HeaderEdits, PathEdit, Redirect, UrlRewrite } from '../filters.ts'

type Of<Type extends Filter['type']> = Extract<Filter, { type: Type }>
type Plain = Exclude<Filter, { type: 'RequestMirror' | 'ExtensionRef' }>
type PathModifier = NonNullable<Of<'URLRewrite'>['urlRewrite']['path']>

/** `prefix` is the rule's, without a final `/`: what a new prefix stands in for. */
export function plainFilter(filter: Plain, prefix: string): Filters {
	switch (filter.type) {
		case 'RequestHeaderModifier':
			return edited('requestHeaders', filter.requestHeaderModifier)
		case 'ResponseHeaderModifier':
			return edited('responseHeaders', filter.responseHeaderModifier)
		case 'RequestRedirect':
			return { redirect: redirectOf(filter.requestRedirect, prefix) }
		case 'URLRewrite':
			return { rewrite: rewriteOf(filter.urlRewrite, prefix) }
		case 'CORS':
			return { cors: corsOf(filter.cors) }
	}
}

const lowerCase = (names: readonly string[]): string[] => names.map((name) => name.toLowerCase())

export const fieldsOf = (fields: readonly { name: string; value: string }[]): Field[] =>
	fields.map(({ name, value }) => [name.toLowerCase(), value])

/** Edits that change nothing are none. */
function edited(
	which: 'requestHeaders' | 'responseHeaders',
	{ set, add, remove }: Of<'RequestHeaderModifier'>['requestHeaderModifier'],
): Filters {
	const edits: HeaderEdits = {
		...(set.length > 0 && { set: fieldsOf(set) }),
		...(add.length > 0 && { add: fieldsOf(add) }),
		...(remove.length > 0 && { remove: lowerCase(remove) }),
	}
	return Object.keys(edits).length === 0 ? {} : { [which]: edits }
}

function redirectOf(
	{ scheme, hostname, port, path, statusCode }: Of<'RequestRedirect'>['requestRedirect'],
	prefix: string,
): Redirect {
	return {
		...(scheme === undefined ? {} : { scheme }),
		...(hostname === undefined ? {} : { hostname }),
		...(port === undefined ? {} : { port }),
		...(path === undefined ? {} : { path: pathEdit(path, prefix) }),
		statusCode,
	}
}

function rewriteOf({ hostname, path }: Of<'URLRewrite'>['urlRewrite'], prefix: string): UrlRewrite {
	return {
		...(hostname === undefined ? {} : { hostname }),
		...(path === undefined ? {} : { path: pathEdit(path, prefix) }),
	}
}

function pathEdit(path: PathModifier, prefix: string): PathEdit {
	return path.type === 'ReplaceFullPath'
		? { type: 'full', value: path.replaceFullPath }
		: { type: 'prefix', prefix, value: path.replacePrefixMatch }
}

/** Methods are case-sensitive (RFC 9110 §9.1), names of fields are not. */
function corsOf({ maxAge, ...cors }: Of<'CORS'>['cors']): Cors {
	return {
		...cors,
		allowHeaders: lowerCase(cors.allowHeaders),
		exposeHeaders: lowerCase(cors.exposeHeaders),
		maxAgeSeconds: maxAge,
	}
}
