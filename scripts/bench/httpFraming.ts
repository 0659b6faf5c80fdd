/** Just enough of HTTP/1.1 to write requests, and to tell where a message ends: by its Content-Length. */

export interface ResponseFrame {
	readonly status: number
	readonly headBytes: number
	/** Of head and body together; undefined when the head declares no length. */
	readonly totalBytes: number | undefined
}

export interface RequestFrame {
	/** Request line and fields, without the empty line. */
	readonly head: string
	/** Bytes of head and body together. */
	readonly totalBytes: number
}

/** What is to be sent. */
export interface WireRequest {
	readonly host: string
	readonly path: string
	/** GET when left out. */
	readonly method?: string
	readonly headers?: Readonly<Record<string, string>>
	/** ASCII. */
	readonly body?: string
}

const HEAD_END = '\r\n\r\n'
const DECLARED_LENGTH = /\r\ncontent-length: *(\d+)(?:\r\n|$)/i
/** Their answers end with the head (RFC 9110 §15.3.5, §15.4.5). */
const BODILESS = [204, 304]

/** The frame of the answer that begins the text, or undefined while its head is incomplete. RFC 9112, section 6. */
export function readFrame(latin1: string): ResponseFrame | undefined {
	const end = latin1.indexOf(HEAD_END)
	if (end < 0) return undefined
	const status = Number(latin1.slice(9, 12))
	const length = BODILESS.includes(status) ? 0 : declaredLength(latin1.slice(0, end))
	const headBytes = end + HEAD_END.length
	return { status, headBytes, totalBytes: length === undefined ? undefined : headBytes + length }
}

/** The frame of the request that begins the text, or undefined while its head is incomplete. Without a length it has no body. */
export function readRequest(latin1: string): RequestFrame | undefined {
	const end = latin1.indexOf(HEAD_END)
	if (end < 0) return undefined
	const head = latin1.slice(0, end)
	return { head, totalBytes: end + HEAD_END.length + (declaredLength(head) ?? 0) }
}

function declaredLength(head: string): number | undefined {
	const declared = DECLARED_LENGTH.exec(head)
	return declared === null ? undefined : Number(declared[1])
}

/** A request as it goes over the wire. */
export function requestText({ host, path, method = 'GET', headers = {}, body }: WireRequest): string {
	const length = body === undefined ? {} : { 'Content-Length': String(body.length) }
	const fields = Object.entries({ Host: host, 'User-Agent': 'bench', Accept: '*/*', ...headers, ...length })
	return `${method} ${path} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body ?? ''}`
}
