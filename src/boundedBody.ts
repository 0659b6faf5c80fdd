/** The body of a request or an answer, read no further than a bound: whoever sends it decides how long it is. */

/** Undefined when there are more bytes than allowed. A declared length proves nothing: chunked bodies have none. */
export async function readBytes(
	{ body }: Pick<Request | Response, 'body'>,
	maxBytes: number,
): Promise<Uint8Array | undefined> {
	const reader = (body as ReadableStream<Uint8Array> | null)?.getReader()
	const chunks: Uint8Array[] = []
	let length = 0
	while (reader !== undefined) {
		const { done, value } = await reader.read()
		if (done) break
		length += value.byteLength
		if (length > maxBytes) {
			await reader.cancel()
			return undefined
		}
		chunks.push(value)
	}
	const bytes = new Uint8Array(length)
	let offset = 0
	for (const chunk of chunks) {
		bytes.set(chunk, offset)
		offset += chunk.byteLength
	}
	return bytes
}
