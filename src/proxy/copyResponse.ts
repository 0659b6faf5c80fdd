/** A response that may be changed, with the same status, fields and bytes. */

/**
 * What endpoints answer cannot be changed in place. Bodies are sent on as the bytes they came as: where they are compressed, the
 * runtime must neither open nor pack them again (`encodeBody`).
 */
export function copyResponse(response: Response, body: ReadableStream | null = response.body): Response {
	const { status, statusText, headers } = response
	return new Response(body, { status, statusText, headers, encodeBody: 'manual' } as ResponseInit)
}
