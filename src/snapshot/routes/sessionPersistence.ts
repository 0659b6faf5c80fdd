/** A rule's session persistence as it travels: the names and the cookie's Path that GEP-1619 leaves to the mesh. */
import { durationMs } from '../../resources/duration.ts'
import type { Rule as RuleDocument } from '../../resources/httpRoute.ts'
import type { SessionPersistence } from '../filters.ts'
import type { Match } from '../match.ts'

type Document = NonNullable<RuleDocument['sessionPersistence']>

/** `ruleName` names the session where the document does not: it lasts as long as the rule keeps its name. */
export function sessionOf(document: Document, ruleName: string, matches: readonly Match[]): SessionPersistence {
	const { type, absoluteTimeout, idleTimeout, cookie, header, cookieConfig } = document
	const absoluteTimeoutSeconds = secondsOf(absoluteTimeout)
	const idleTimeoutSeconds = secondsOf(idleTimeout)
	const isCookie = type === 'Cookie'
	const said = cookie?.name ?? header?.name ?? document.sessionName
	const name = said ?? `${isCookie ? '' : 'x-'}selvedge-session-${shortHash(ruleName)}`
	return {
		type,
		name: isCookie ? name : name.toLowerCase(),
		...(absoluteTimeoutSeconds === undefined ? {} : { absoluteTimeoutSeconds }),
		...(idleTimeoutSeconds === undefined ? {} : { idleTimeoutSeconds }),
		permanent: isCookie && (cookie ?? cookieConfig)?.lifetimeType === 'Permanent',
		path: isCookie ? (cookie?.path ?? cookiePath(matches)) : '/',
	}
}

/** Whole seconds, as cookies count (RFC 6265 §5.2.2), rounded up; `0s` is no limit. */
function secondsOf(duration: string | undefined): number | undefined {
	const ms = duration === undefined ? undefined : durationMs(duration)
	return ms === undefined || ms === 0 ? undefined : Math.ceil(ms / 1_000)
}

/**
 * Where the document has no `cookie`: the one path that all matches name, so that the cookie goes nowhere else (GEP-1619 up to
 * Gateway API 1.6, "Path attribute"); otherwise `/`.
 * A `;` would end the attribute (RFC 6265 §4.1.1, path-value).
 */
function cookiePath(matches: readonly Match[]): string {
	const [first] = matches
	const isShared = matches.every(({ path }) => path.type !== 'RegularExpression' && path.value === first?.path.value)
	const path = first?.path.value ?? ''
	return isShared && path !== '' && !path.includes(';') ? path : '/'
}

/** 8 hex digits of FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/): rule names are ASCII. */
function shortHash(text: string): string {
	let hash = 0x811c9dc5
	for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
	return (hash >>> 0).toString(16).padStart(8, '0')
}
