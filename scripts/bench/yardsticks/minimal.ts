/** The minimal yardstick: the least that a correct proxy must do, written by hand for one backend. */

/** What a caller could set to be taken for someone else. */
const SPOOFABLE = [
	'forwarded',
	'x-forwarded-for',
	'x-forwarded-proto',
	'x-forwarded-host',
	'x-real-ip',
	'mesh-caller-assertion',
]
const TIMEOUT_MS = 15_000
const counters = { requests: 0, answered: 0, elapsedMs: 0 }
const random = new Uint8Array(24)

export default {
	async fetch(request: Request, env: { BACKEND: string }): Promise<Response> {
		const startedAt = Date.now()
		counters.requests++
		const url = request.url
		const pathStart = url.indexOf('/', 8)
		const host = url.slice(url.indexOf('//') + 2, pathStart)
		const forwarded = new Request(env.BACKEND + url.slice(pathStart), request)
		const headers = forwarded.headers
		const client = headers.get('cf-connecting-ip') ?? 'unknown'
		for (const name of SPOOFABLE) if (headers.has(name)) headers.delete(name)
		headers.set('forwarded', `for=${client};host=${host};proto=http`)
		headers.set('x-forwarded-for', client)
		headers.set('x-forwarded-proto', 'http')
		headers.set('x-forwarded-host', host)
		headers.set('traceparent', traceparent())
		headers.set('mesh-caller-assertion', 'anonymous')
		const response = await fetch(forwarded, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) })
		counters.answered++
		counters.elapsedMs += Date.now() - startedAt
		return response
	},
}

/** https://www.w3.org/TR/trace-context/#traceparent-header */
function traceparent(): string {
	crypto.getRandomValues(random)
	let hex = ''
	for (let i = 0; i < 24; i++) hex += HEX[random[i]!]
	return `00-${hex.slice(0, 32)}-${hex.slice(32)}-01`
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
