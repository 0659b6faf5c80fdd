/** What the mesh adds to each request to a service, ready to be set. */
import type { Credential, SecretText } from '../../snapshot/snapshot.ts'

export type CompiledCredential =
	/** Replaces whatever the caller sends there. A header's name is lower case; a query's value is not encoded yet. */
	| { readonly in: 'header' | 'query'; readonly name: string; readonly value: string }
	/** Why it cannot be added: every request is refused. */
	| { readonly invalid: string }

/** What a field may hold without being changed on its way: visible ASCII, with blanks inside (RFC 9110 §5.5). */
const FIELD_VALUE = /^[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?$/

export function compileCredential(credential: Credential): CompiledCredential {
	if ('invalid' in credential) return credential
	const value = textOf(credential.value)
	if (credential.in === 'header' && !FIELD_VALUE.test(value))
		return { invalid: `the secret for ${credential.name} is no value of a header field` }
	return { in: credential.in, name: credential.name, value }
}

/** RFC 7617 §2, in UTF-8 as §2.1 recommends. */
function textOf({ before, basic, secret }: SecretText): string {
	if (basic === undefined) return before + secret
	let binary = ''
	for (const byte of new TextEncoder().encode(`${basic.username}:${secret}`)) binary += String.fromCharCode(byte)
	return before + btoa(binary)
}
