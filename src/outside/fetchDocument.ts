/** Small documents from outside the mesh: fetched within bounds of time and size, and from where they were asked for only. */
import { err, ok, type Result } from '../result.ts'

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** For the whole answer. */
const TIMEOUT_MS = 5_000

/** The document as text, or what went wrong. Redirects are not followed: whoever can redirect could say what the keys are. */
export async function fetchDocument(ask: Fetch, url: string, maxBytes: number): Promise<Result<string, string>> {
	try {
		const response = await ask(url, {
			headers: { accept: 'application/json', 'user-agent': 'selvedge' },
			redirect: 'manual',
			signal: AbortSignal.timeout(TIMEOUT_MS),
		})
		if (response.status !== 200) {
			await response.body?.cancel()
			return err(`${url} answers ${response.status}`)
		}
		const text = await boundedText(response, maxBytes)
		return text === undefined ? err(`${url} has more than ${maxBytes} bytes`) : ok(text)
	} catch (error) {
		return err(`${url} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
	}
}

/** Undefined when it is longer. Throws for what is not UTF-8. */
async function boundedText({ body }: Response, maxBytes: number): Promise<string | undefined> {
	const reader = (body as ReadableStream<Uint8Array> | null)?.getReader()
	const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
	let text = ''
	let length = 0
	while (reader !== undefined) {
		const { done, value } = await reader.read()
		if (done) break
		length += value.byteLength
		if (length > maxBytes) {
			await reader.cancel()
			return undefined
		}
		text += decoder.decode(value, { stream: true })
	}
	return text + decoder.decode()
}
