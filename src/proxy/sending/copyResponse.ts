/** A response that may be changed, with the same status, fields and bytes. */

/** Statuses whose responses have no body, not even an empty one (Fetch standard, "null body status"). */
export const BODILESS = new Set([204, 205, 304])

/**
 * What endpoints answer cannot be changed in place. Bodies are sent on as the bytes they came as: where they are compressed, the
 * runtime must neither open nor pack them again (`encodeBody`).
 */
export function copyResponse(response: Response, body: ReadableStream | null = response.body): Response {
	const { status, statusText, headers } = response
	return new Response(BODILESS.has(status) ? null : body, {
		status,
		statusText,
		headers,
		encodeBody: 'manual',
	} as ResponseInit)
}
