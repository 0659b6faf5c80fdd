/** A line for curl, run by curl where the machine has it, and by Node where it has not: the tests need nothing but Node and npm. */
import { execFile, spawnSync } from 'node:child_process'
import { request } from 'node:http'
import { promisify } from 'node:util'

const hasCurl = spawnSync('curl', ['--version']).status === 0

/** Runs `curl [-H '<field>'] <url>` as a person would paste it. Answers the body, rejects unless it comes with a 2xx. */
export async function runCurl(line: string): Promise<string> {
	if (!hasCurl) return fetchAs(wordsOf(line).slice(1))
	const { stdout } = await promisify(execFile)('sh', ['-c', line.replace('curl', 'curl -sS --fail-with-body')])
	return stdout
}

/** Like curl, takes every `*.localhost` for this machine, whatever the resolver says (RFC 6761 §6.3). */
function fetchAs(words: readonly string[]): Promise<string> {
	const fields = words.flatMap((word, i) => (words[i - 1] === '-H' ? [word] : []))
	const { hostname, port, pathname, host } = new URL(words.at(-1)!)
	if (!hostname.endsWith('.localhost')) throw new Error(`${hostname} is not this machine`)
	const headers = Object.fromEntries(fields.map((field) => field.split(/: ?/, 2)))
	const { promise, resolve, reject } = Promise.withResolvers<string>()
	const sent = request({ host: '127.0.0.1', port, path: pathname, headers: { ...headers, host } }, async (answer) => {
		let body = ''
		for await (const chunk of answer) body += chunk
		if (answer.statusCode === undefined || answer.statusCode >= 300) reject(new Error(`${answer.statusCode} ${body}`))
		else resolve(body)
	})
	sent.on('error', reject)
	sent.end()
	return promise
}

/** Splits at spaces outside quotes, as a shell does with these lines. */
const wordsOf = (line: string): string[] =>
	[...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, bare]) => single ?? double ?? bare ?? '')
