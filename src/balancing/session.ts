/**
 * Session persistence (GEP-1619): a client carries the name of the endpoint that it stays with, in a cookie or a header.
 *
 * A session is three numbers in base 36: `<token>.<began>.<last used>`, times in seconds since the epoch. It is not signed, for it
 * grants nothing: it can only name an endpoint that the request could have reached by chance. A client that tampers with it
 * harms its own stickiness, and no one else's.
 */
import type { ServiceName } from '../names.ts'
import type { Field, SessionPersistence } from '../snapshot/filters.ts'
import { cookieValue } from './cookie.ts'

export interface Session {
	/** Which endpoint: its `endpointToken`. */
	readonly token: string
	readonly startedAtSeconds: number
	readonly lastUsedAtSeconds: number
}

/** Locations' clocks differ. A session from further in the future than this was made up. */
const CLOCK_SKEW_SECONDS = 60

const SESSION = /^([0-9a-z]{14})\.([0-9a-z]{1,7})\.([0-9a-z]{1,7})$/
/** What a cookie's Path may hold (RFC 6265 §4.1.1, path-value). */
const PATH_VALUE = /^\/[\x20-\x3a\x3c-\x7e]*$/
const encoder = new TextEncoder()

/**
 * The name of an endpoint in sessions: 14 digits of base 36, the same in every isolate and after every restart. It is the 64-bit
 * FNV-1a hash (Fowler, Noll, Vo; draft-eastlake-fnv) of service and endpoint, each half as seven digits. Ids that are made to collide
 * share their clients' stickiness, nothing more.
 */
export function endpointToken(service: ServiceName, endpointId: string): string {
	let high = 0xcbf29ce4
	let low = 0x84222325
	for (const byte of encoder.encode(`${service}/${endpointId}`)) {
		// Times the prime 2^40 + 0x1b3, modulo 2^64: 2^40 moves the low half into the high one, 8 bits further.
		low = (low ^ byte) >>> 0
		const product = low * 0x1b3
		high = (Math.imul(high, 0x1b3) + Math.floor(product / 2 ** 32) + (low << 8)) >>> 0
		low = product >>> 0
	}
	return digits(high) + digits(low)
}

const digits = (word: number): string => word.toString(36).padStart(7, '0')

/** The request's session, from its Cookie field or the rule's header. Undefined when there is none, or it is over, or none of ours. */
export function readSession(
	rule: SessionPersistence,
	cookieHeader: string | null | undefined,
	header: string | null,
	nowSeconds: number,
): Session | undefined {
	const value = rule.type === 'Cookie' ? cookieValue(cookieHeader ?? '', rule.name) : header
	const match = value === undefined || value === null ? null : SESSION.exec(value)
	if (match === null) return undefined
	const [, token, began, used] = match
	const startedAtSeconds = Number.parseInt(began!, 36)
	const lastUsedAtSeconds = Number.parseInt(used!, 36)
	if (Math.max(startedAtSeconds, lastUsedAtSeconds) > nowSeconds + CLOCK_SKEW_SECONDS) return undefined
	if (nowSeconds - startedAtSeconds >= (rule.absoluteTimeoutSeconds ?? Number.POSITIVE_INFINITY)) return undefined
	if (nowSeconds - lastUsedAtSeconds >= (rule.idleTimeoutSeconds ?? Number.POSITIVE_INFINITY)) return undefined
	return { token: token!, startedAtSeconds, lastUsedAtSeconds }
}

/**
 * The response's field that begins a session (given an endpoint's token) or keeps one up. Undefined when the client need not be told
 * anything: the session goes on as it is, and without an idle timeout nobody asks when it was last used.
 * `secure`: the client came by https.
 */
export function writeSession(
	rule: SessionPersistence,
	session: Session | string,
	nowSeconds: number,
	secure: boolean,
): Field | undefined {
	const now = Math.floor(nowSeconds)
	const isNew = typeof session === 'string'
	if (!isNew && (rule.idleTimeoutSeconds === undefined || session.lastUsedAtSeconds >= now)) return undefined
	const startedAtSeconds = isNew ? now : session.startedAtSeconds
	const value = `${isNew ? session : session.token}.${startedAtSeconds.toString(36)}.${now.toString(36)}`
	if (rule.type === 'Header') return [rule.name, value]
	const path = PATH_VALUE.test(rule.path) ? rule.path : '/'
	const maxAge = rule.permanent ? maxAgeSeconds(rule, now - startedAtSeconds) : undefined
	return [
		'set-cookie',
		// Lax: a session that holds no secret may well survive a link from another site.
		`${rule.name}=${value}; Path=${path}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}${
			maxAge === undefined ? '' : `; Max-Age=${maxAge}`
		}`,
	]
}

/** What is left of the session if it is not used again. Undefined when it has no end that a browser could be told. */
function maxAgeSeconds(rule: SessionPersistence, ageSeconds: number): number | undefined {
	const { absoluteTimeoutSeconds = Number.POSITIVE_INFINITY, idleTimeoutSeconds = Number.POSITIVE_INFINITY } = rule
	const left = Math.min(absoluteTimeoutSeconds - ageSeconds, idleTimeoutSeconds)
	return Number.isFinite(left) ? left : undefined
}
