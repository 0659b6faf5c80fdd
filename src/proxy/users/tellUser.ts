/** What a service hears of the end user: fields that the mesh writes, in place of tokens that it has taken off the request. */

import { toBase64Url } from '../../base64url.ts'
import type { User } from '../../identity/userToken.ts'
import { spelling } from '../access/checkedFields.ts'
import type { CompiledService } from '../compile/compileService.ts'
import type { CompiledJwtRule } from '../compile/compileUsers.ts'
import type { Exchange } from '../exchange.ts'
import { withoutCookies } from './tokenPlaces.ts'

const encoder = new TextEncoder()

/** What a rule wants told of a user. A claim that is not there, or cannot stand in a field, is left out. */
export function fieldsFor(
	{ outputPayloadToHeader, outputClaimToHeaders }: CompiledJwtRule,
	{ payload, claims }: User,
): (readonly [name: string, value: string])[] {
	const fields: (readonly [string, string])[] = []
	if (outputPayloadToHeader !== undefined) fields.push([outputPayloadToHeader, payload])
	for (const { header, claim } of outputClaimToHeaders) {
		const value = fieldValue(claimAt(claims, claim))
		if (value !== undefined) fields.push([header, value])
	}
	return fields
}

function claimAt(claims: unknown, path: readonly string[]): unknown {
	let at = claims
	for (const name of path) {
		if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
		at = (at as Record<string, unknown>)[name]
	}
	return at
}

/** Lists and objects as base64url of their JSON, as Envoy has them. */
function fieldValue(value: unknown): string | undefined {
	if (typeof value === 'number' || typeof value === 'boolean') return String(value)
	if (typeof value === 'object' && value !== null) return toBase64Url(encoder.encode(JSON.stringify(value)))
	// Spaces at an end would be taken off on the way: policies and the service must not read two values.
	return typeof value === 'string' && /^([!-~]([ -~]*[!-~])?)?$/.test(value) ? value : undefined
}

/**
 * The fields in which services hear of users are the mesh's alone, whoever else has written them, and by whatever spelling a server may
 * take for theirs. In other spellings than those that rules look at, nobody has looked at a token. A copy for another service is stripped
 * like the request itself, and told nothing.
 */
export function tellUser(headers: Headers, { service: own, userEdits }: Exchange, hop: CompiledService): void {
	const { userSpellings, tokenSpellings, tokenFields } = hop
	const others = own === undefined || own === hop ? undefined : own.userSpellings
	if (userSpellings.size + tokenSpellings.size + (others?.size ?? 0) > 0)
		for (const name of [...headers.keys()]) {
			const spelled = spelling(name)
			const isOfUsers = userSpellings.has(spelled) || others?.has(spelled)
			if (isOfUsers || (tokenSpellings.has(spelled) && !tokenFields.includes(name))) headers.delete(name)
		}
	if (userEdits === undefined) return
	for (const name of userEdits.dropped) headers.delete(name)
	if (userEdits.cookies.length > 0) dropCookies(headers, userEdits.cookies)
	if (hop === own) for (const [name, value] of userEdits.said) headers.set(name, value)
}

function dropCookies(headers: Headers, names: readonly string[]): void {
	const field = headers.get('cookie')
	const others = field === null ? undefined : withoutCookies(field, names)
	if (others === undefined) headers.delete('cookie')
	else headers.set('cookie', others)
}
