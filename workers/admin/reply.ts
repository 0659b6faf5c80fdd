/** Successful replies. */

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
	new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } })

export const text = (body: string, contentType: string): Response =>
	new Response(body, { headers: { 'content-type': contentType } })

/** 304: what the client has is still true (RFC 9110 §15.4.5). */
export const notModified = (etag: string): Response => new Response(null, { status: 304, headers: { etag } })
