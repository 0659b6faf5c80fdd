/** Fields of authorizers' answers: what they say to the service in place of the client, and what they say to the client. */
import { copyResponse } from '../sending/copyResponse.ts'

type Field = readonly [name: string, value: string]

/** Of all authorizers that were asked about a request. */
export interface CheckedFields {
	/** Names, `abc*` or `*abc`, lower case: fields that the service gets from them or from nobody. */
	readonly owned: string[]
	readonly toService: Field[]
	readonly toClient: Field[]
}

/** Written by the platform for each hop, or part of a body that is not passed on (RFC 9110 §7.6.1, RFC 9112 §6). */
const FRAMING: ReadonlySet<string> = new Set([
	'connection',
	'content-length',
	'host',
	'keep-alive',
	'proxy-connection',
	'te',
	'trailer',
	'transfer-encoding',
	'upgrade',
])
/** Said of an answer's own body, which is not the service's. */
const OF_BODY: ReadonlySet<string> = new Set(['content-encoding', 'content-type'])
/** The mesh's and the platform's own word on who calls, in whose name, and for how long. */
const OF_THE_MESH =
	/^(cdn-loop|cf-.*|client-cert(-chain)?|forwarded|proxy-authorization|selvedge-.*|traceparent|tracestate|via|workload-(identity|proof)-token|x-forwarded-.*|x-real-ip)$/
/** Fields that a response may have several lines of. */
const APPENDED: ReadonlySet<string> = new Set(['set-cookie', 'vary'])

export const isFraming = (name: string): boolean => FRAMING.has(name)
const isOfTheMesh = (name: string): boolean => OF_THE_MESH.test(name)

/** Whether one of the patterns, `abc`, `abc*` or `*abc`, means a field. All in lower case. */
export function names(patterns: readonly string[], name: string): boolean {
	for (const pattern of patterns) {
		if (pattern === name) return true
		if (pattern.endsWith('*') && name.startsWith(pattern.slice(0, -1))) return true
		if (pattern.startsWith('*') && name.endsWith(pattern.slice(1))) return true
	}
	return false
}

export function fieldsOf(headers: Headers, patterns: readonly string[]): Field[] {
	const fields: Field[] = []
	for (const [name, value] of headers) if (!isFraming(name) && names(patterns, name)) fields.push([name, value])
	return fields
}

/** Also by whatever spelling a server may take for theirs: some read `_` as `-`. A copy for another service is told nothing. */
export function tellService(headers: Headers, { owned, toService }: CheckedFields, isOwn: boolean): void {
	if (owned.length > 0) {
		const spelled = owned.map(spelling)
		for (const name of [...headers.keys()])
			if (names(spelled, spelling(name)) && !isFraming(name) && !isOfTheMesh(name)) headers.delete(name)
	}
	if (!isOwn) return
	for (const [name, value] of toService) if (!isOfTheMesh(name) && !OF_BODY.has(name)) headers.set(name, value)
}

/** Servers that hand fields over as variables (RFC 3875 §4.1.18) read `_` as `-`. */
export const spelling = (name: string): string => name.replaceAll('_', '-')

/** The headers of a switched protocol are part of its handshake. */
export function tellClient(response: Response, { toClient }: CheckedFields): Response {
	const fields = toClient.filter(([name]) => !OF_BODY.has(name))
	if (fields.length === 0 || response.status === 101) return response
	const copy = copyResponse(response)
	for (const [name, value] of fields) {
		if (APPENDED.has(name)) copy.headers.append(name, value)
		else copy.headers.set(name, value)
	}
	return copy
}
