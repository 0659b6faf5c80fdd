/** Where a redirect leads. */
import type { Redirect } from '../snapshot/filters.ts'
import { editPath } from './pathEdit.ts'

const USUAL_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 }

/** What of a request a redirect keeps. */
interface Redirected {
	/** `http` or `https`. */
	readonly scheme: string
	/** Without port. */
	readonly host: string
	readonly path: string
	/** Empty, or `?` and what follows it. */
	readonly query: string
}

/**
 * The Location of a redirect: an absolute URL with the request's query. Its port (Gateway API, HTTPRequestRedirectFilter) is the
 * redirect's own, else the usual one of the scheme that the redirect names, else the listener's: `ports`, where it is not the
 * usual one. The port that the client used is nobody's promise, and never taken. A scheme's usual port is left out.
 */
export function redirectLocation(
	redirect: Redirect,
	request: Redirected,
	ports: { readonly http?: number; readonly https?: number } | undefined,
): string {
	const scheme = redirect.scheme ?? request.scheme
	const usual = USUAL_PORTS[scheme]
	const listener = redirect.scheme === undefined ? ports?.[scheme as 'http' | 'https'] : undefined
	const port = redirect.port ?? listener ?? usual
	const path = redirect.path === undefined ? request.path : editPath(request.path, redirect.path)
	return `${scheme}://${redirect.hostname ?? request.host}${port === usual ? '' : `:${port}`}${escaped(path)}${request.query}`
}

/** What a document may say in a path and a URL may not: other than visible ASCII, and what would end the path. */
const NOT_IN_PATH = /[^\x21-\x7e]+|[?#]/g

const escaped = (path: string): string => path.toWellFormed().replace(NOT_IN_PATH, encodeURIComponent)
