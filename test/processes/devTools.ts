/** A page as a person sees it: what a browser that `browse` has opened answers over its DevTools, which listen on loopback. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Target {
	readonly type: string
	readonly webSocketDebuggerUrl: string
}

/**
 * Evaluates an expression in the page, and answers its JSON value. Rejects while the browser has not come so far.
 * https://chromedevtools.github.io/devtools-protocol/tot/Runtime/#method-evaluate
 */
export async function evaluate<T>(home: string, expression: string): Promise<T> {
	const [port] = readFileSync(join(home, 'chromium', 'DevToolsActivePort'), 'utf8').split('\n')
	const targets = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as Target[]
	const page = targets.find(({ type }) => type === 'page')
	if (page === undefined) throw new Error('the browser has no page yet')
	const params = { expression, returnByValue: true }
	const { result } = await answerTo(page.webSocketDebuggerUrl, { id: 1, method: 'Runtime.evaluate', params })
	return result.result.value as T
}

interface Evaluated {
	readonly result: { readonly result: { readonly value?: unknown } }
}

function answerTo(url: string, question: object): Promise<Evaluated> {
	const socket = new WebSocket(url)
	return new Promise<Evaluated>((resolve, reject) => {
		socket.onopen = () => socket.send(JSON.stringify(question))
		socket.onmessage = ({ data }) => resolve(JSON.parse(data as string) as Evaluated)
		socket.onerror = () => reject(new Error(`no answer from ${url}`))
	}).finally(() => socket.close())
}

/** What can be read on the page, polled until it holds. */
export async function readable(home: string, holds: (text: string) => boolean, withinMs = 30_000): Promise<string> {
	const deadline = Date.now() + withinMs
	for (;;) {
		const text = await evaluate<string>(home, "document.body?.innerText ?? ''").catch((error: Error) => error.message)
		if (holds(text)) return text
		if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${holds}; the page says: ${text}`)
		await new Promise((resolve) => setTimeout(resolve, 50))
	}
}
