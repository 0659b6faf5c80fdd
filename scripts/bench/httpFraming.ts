/** Just enough of HTTP/1.1 to tell where one answer ends: a status and a Content-Length. */

export interface ResponseFrame {
	readonly status: number
	/** Bytes of head and body together; undefined when the head declares no length. */
	readonly totalBytes: number | undefined
}

const HEAD_END = '\r\n\r\n'

/** The frame of the answer that begins the text, or undefined while its head is incomplete. RFC 9112, section 6. */
export function readFrame(latin1: string): ResponseFrame | undefined {
	const end = latin1.indexOf(HEAD_END)
	if (end < 0) return undefined
	const status = Number(latin1.slice(9, 12))
	const declared = /\r\ncontent-length: *(\d+)\r\n/i.exec(latin1.slice(0, end + 2))
	return { status, totalBytes: declared === null ? undefined : end + HEAD_END.length + Number(declared[1]) }
}

/** A GET without a body, as bytes on the wire. */
export const getRequest = (host: string, path: string): string =>
	`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n`
