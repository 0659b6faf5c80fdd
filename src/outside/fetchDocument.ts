/** Small documents from outside the mesh: fetched within bounds of time and size, and from where they were asked for only. */
import { readBytes } from '../boundedBody.ts'
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
		const bytes = await readBytes(response, maxBytes)
		if (bytes === undefined) return err(`${url} has more than ${maxBytes} bytes`)
		return ok(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes))
	} catch (error) {
		return err(`${url} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
	}
}
