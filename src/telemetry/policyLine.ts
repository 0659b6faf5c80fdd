/** What an AUDIT policy or a dry run says of a request: one JSON line. */
import type { AccessEffect } from '../ports.ts'
import { printable, text, withoutQuery } from './accessLog.ts'

export interface PolicyLineEntry {
	/** When the request arrived, ms since the epoch. */
	readonly timeMs: number
	readonly effect: AccessEffect
	/** `<namespace>/<name>`. */
	readonly policy: string
	readonly method: string
	readonly authority: string
	/** Anything from `?` or `#` on is cut off: queries hold secrets. */
	readonly path: string
	readonly service?: string | undefined
	readonly rule?: string | undefined
	/** SPIFFE ID. */
	readonly caller?: string | undefined
	/** `<iss>/<sub>`. */
	readonly user?: string | undefined
	readonly region: string
	/** Lines before this one that there was no room for. */
	readonly leftOut: number
}

/** In UTF-16 units. */
const MAX_PATH = 1_024
const MAX_NAME = 1_024
const MAX_AUTHORITY = 255
const MAX_TOKEN = 64

/** Without a line break. Absent and empty fields are left out. */
export const policyLine = (entry: PolicyLineEntry): string =>
	printable(
		JSON.stringify({
			event: 'access',
			time: new Date(entry.timeMs).toISOString(),
			effect: entry.effect,
			policy: text(entry.policy, MAX_NAME),
			method: text(entry.method, MAX_TOKEN),
			authority: text(entry.authority, MAX_AUTHORITY),
			path: text(withoutQuery(entry.path), MAX_PATH),
			service: text(entry.service, MAX_NAME),
			rule: text(entry.rule, MAX_NAME),
			caller: text(entry.caller, MAX_NAME),
			user: text(entry.user, MAX_NAME),
			region: text(entry.region, MAX_TOKEN),
			leftOut: entry.leftOut === 0 ? undefined : entry.leftOut,
		}),
	)
