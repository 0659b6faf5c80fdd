/**
 * Fields that are meant for one hop only (RFC 9110 §7.6.1). The runtime drops the standing ones; those that a Connection field
 * names it passes on, so they are taken out here, in both directions.
 */
import { copyResponse } from './copyResponse.ts'

/** Values of Connection that name no field, as nearly every message has them. */
const NAMES_NOTHING = new Set([
	'keep-alive',
	'Keep-Alive',
	'close',
	'Close',
	'upgrade',
	'Upgrade',
	'keep-alive, Upgrade',
])
/** Connection options that are not fields to lose: the runtime itself deals with these, and Host is nobody's to take away. */
const NOT_FIELDS = new Set(['keep-alive', 'close', 'upgrade', 'host'])
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/

/** The fields that a Connection field's value names, lower case; undefined when it names none. */
export function fieldsNamedBy(connection: string | null): readonly string[] | undefined {
	if (connection === null || NAMES_NOTHING.has(connection)) return undefined
	return connection
		.split(',')
		.map((option) => option.trim().toLowerCase())
		.filter((option) => TOKEN.test(option) && !NOT_FIELDS.has(option))
}

/** The very response, unless its Connection names fields: only then is it worth a copy. */
export function withoutHopByHop(response: Response): Response {
	const named = fieldsNamedBy(response.headers.get('connection'))
	if (named === undefined || named.length === 0 || response.status === 101) return response
	const copy = copyResponse(response)
	for (const name of named) copy.headers.delete(name)
	return copy
}
