/** A workload in a small world: a clock that is moved by hand, and a mesh that keeps what it was asked and checks every proof. */
import type { MeshError } from '../../../src/client/index.ts'
import { parseJws } from '../../../src/identity/jws.ts'
import { compileTrust } from '../../../src/identity/trustStore.ts'
import { verifyWit } from '../../../src/identity/wit.ts'
import { verifyWpt } from '../../../src/identity/wpt.ts'
import { until } from '../../until.ts'
import { forge, jwtSvid, makeKey, NOW, TRUST_DOMAIN, trustOf, wit } from '../identity/world.ts'

export const ADMIN = `https://admin.${TRUST_DOMAIN}`
export const TOKEN_URL = `${ADMIN}/v1/identity/token`
export const ORDERS_ID = `spiffe://${TRUST_DOMAIN}/ns/default/sa/orders`
export const HOUR = 3_600_000

interface Timer {
	readonly at: number
	readonly work: () => void
}

export interface Clock {
	readonly now: () => number
	readonly setTimeout: (work: () => void, delayMs: number) => unknown
	readonly clearTimeout: (timer: never) => void
	/** Fires what becomes due, in order. */
	readonly advance: (ms: number) => void
	/** Time passes, and nothing fires: the machine slept. */
	readonly sleep: (ms: number) => void
	/** Delays of the timers that wait, shortest first. */
	readonly waiting: () => number[]
}

function createClock(): Clock {
	let now = NOW
	const timers = new Set<Timer>()
	const due = (end: number) => [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
	return {
		now: () => now,
		setTimeout(work, delayMs) {
			const timer = { at: now + delayMs, work }
			timers.add(timer)
			return timer
		},
		clearTimeout: (timer) => void timers.delete(timer),
		advance(ms) {
			const end = now + ms
			for (let timer = due(end); timer !== undefined; timer = due(end)) {
				timers.delete(timer)
				now = Math.max(now, timer.at)
				timer.work()
			}
			now = end
		},
		sleep(ms) {
			now += ms
		},
		waiting: () => [...timers].map(({ at }) => at - now).sort((a, b) => a - b),
	}
}

export interface Asked {
	readonly method: string
	readonly url: string
	readonly headers: Headers
	readonly body: string
	readonly form: URLSearchParams
	readonly redirect: string | undefined
}

type Answer = (asked: Asked) => Response | Promise<Response> | undefined

export interface World {
	/** The mesh's. */
	readonly clock: Clock
	/** By how much the workload's clock is ahead of it. */
	skewMs: number
	readonly asked: Asked[]
	readonly errors: MeshError[]
	/** What is asked next of a URL that ends so is answered by this, once; answers wait in order. */
	readonly next: (ending: string, answer: Answer) => void
	/** From now on, what is asked of a URL that ends so is answered by this. */
	readonly always: (ending: string, answer: Answer) => void
	/** Requests to URLs that end so. */
	readonly to: (ending: string) => Asked[]
	/** Until that many requests went to URLs that end so. */
	readonly untilAsked: (ending: string, times: number) => Promise<void>
	/** For `join` and `createVerifier`. */
	readonly platform: {
		readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
		readonly now: () => number
		readonly random: () => number
		readonly setTimeout: Clock['setTimeout']
		readonly clearTimeout: Clock['clearTimeout']
		readonly onError: (error: MeshError) => void
	}
}

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
	new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } })

/** `random` 0: the middle of nothing, every jitter at its one end. */
export function createWorld(random: () => number = () => 0, skewMs = 0): World {
	const clock = createClock()
	const asked: Asked[] = []
	const errors: MeshError[] = []
	const queue: { ending: string; answer: Answer }[] = []
	const standing: { ending: string; answer: Answer }[] = []
	const answerOf = (url: string): Answer => {
		const at = queue.findIndex(({ ending }) => url.endsWith(ending))
		if (at >= 0) return queue.splice(at, 1)[0]!.answer
		const fixed = standing.findLast(({ ending }) => url.endsWith(ending))
		if (fixed !== undefined) return fixed.answer
		return url === TOKEN_URL ? issue(clock) : () => json({ ok: true })
	}
	const fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
		const request = new Request(input, init)
		const body = await request.text()
		const { method, url, headers } = request
		const each = { method, url, headers, body, form: new URLSearchParams(body), redirect: init.redirect }
		asked.push(each)
		return dated((await answerOf(url)(each)) ?? json({ ok: true }), url, clock)
	}
	const to = (ending: string) => asked.filter(({ url }) => url.endsWith(ending))
	const world: World = {
		skewMs,
		clock,
		asked,
		errors,
		next: (ending, answer) => void queue.push({ ending, answer }),
		always: (ending, answer) => void standing.push({ ending, answer }),
		to,
		untilAsked: (ending, times) => until(() => to(ending).length >= times),
		platform: {
			fetch,
			now: () => clock.now() + world.skewMs,
			random,
			setTimeout: clock.setTimeout,
			clearTimeout: clock.clearTimeout,
			onError: (error) => void errors.push(error),
		},
	}
	return world
}

/** As the edge does it, unless the answer has a date already. */
function dated(response: Response, url: string, { now }: Pick<Clock, 'now'>): Response {
	const isOfMesh = new URL(url).hostname.endsWith(TRUST_DOMAIN)
	if (isOfMesh && !response.headers.has('date')) response.headers.set('date', new Date(now()).toUTCString())
	return response
}

let serial = 0

/** As the token endpoint does: a WIT for the key of the DPoP proof, or a JWT-SVID. */
export const issue =
	({ now }: Pick<Clock, 'now'>, changes: Record<string, unknown> = {}): Answer =>
	async (asked) => {
		const { method, headers, form } = asked
		if (method !== 'POST') return new Response(null, { status: 405 })
		const verdict = headers.has('workload-proof-token') ? await judged(asked, now()) : 'ok'
		if (verdict !== 'ok') return json({ error: 'invalid_client', error_description: verdict }, 400)
		const name = form.get('workload')!.split('/')
		const sub = `spiffe://${TRUST_DOMAIN}/ns/${name[0]}/sa/${name[1]}`
		const times = { iat: now() / 1_000, exp: now() / 1_000 + 3_600 }
		if (form.get('requested_token_type') === 'urn:ietf:params:oauth:token-type:jwt')
			return json({
				access_token: jwtSvid({ sub, ...times, aud: form.getAll('audience'), jti: `svid-${++serial}` }),
				spiffe_id: sub,
				expires_in: 300,
			})
		const proof = parseJws(headers.get('dpop') ?? '')
		if (!proof.ok) return json({ error: 'invalid_dpop_proof' }, 400)
		if (Math.abs(Number(proof.value.claims.iat) * 1_000 - now()) > 60_000)
			return json({ error: 'invalid_dpop_proof', error_description: 'iat must be within a minute of now' }, 400)
		const { jwk } = proof.value.header
		const token = wit({ sub, ...times, jti: `wit-${++serial}`, cnf: { jwk } })
		return json({ access_token: token, token_type: 'N_A', spiffe_id: sub, expires_in: 3_600, ...changes })
	}

export const refuseToken =
	(status: number, error: string, headers: Record<string, string> = {}) =>
	(): Response =>
		json({ error, error_description: `${error} it is` }, status, headers)
export const down = (): never => {
	throw new TypeError('fetch failed')
}

/** What the mesh makes of the credentials of a request: `ok`, or the code of what is wrong with them. */
export async function judged({ headers, url }: Asked, now: number): Promise<string> {
	const { origin, pathname } = new URL(url)
	const shown = await verifyWit(compileTrust(trustOf()), headers.get('workload-identity-token') ?? '', now)
	if (!shown.ok) return `WIT ${shown.error.code}`
	const accessToken = /^(?:bearer|dpop) +(.+)$/i.exec(headers.get('authorization') ?? '')?.[1]
	const txnToken = headers.get('txn-token')
	const context = {
		audiences: [origin, origin + pathname],
		header: (name: string) => headers.get(name),
		...(accessToken === undefined ? {} : { accessToken }),
		...(txnToken === null ? {} : { txnToken }),
	}
	const proof = await verifyWpt(shown.value, headers.get('workload-proof-token') ?? '', context, now)
	return proof.ok ? 'ok' : `WPT ${proof.error.code}`
}

/** As a service behind the mesh that wants to know who calls. */
export const strict =
	({ now }: Pick<Clock, 'now'>): Answer =>
	async (asked) => {
		const verdict = await judged(asked, now())
		const details = 'selvedge;error=http_request_denied;details="invalid_proof";revision=1'
		return verdict === 'ok' ? json({ ok: true }) : json({ detail: verdict }, 400, { 'proxy-status': details })
	}

export const claimsOf = (token: string | null): Readonly<Record<string, unknown>> => {
	const parsed = parseJws(token ?? '', 16_384)
	if (!parsed.ok) throw new Error(parsed.error)
	return parsed.value.claims
}

// === what a service sees ===

export const delegationKey = makeKey()
const isolateKey = makeKey()

/** `Selvedge-Caller`, as an isolate of the mesh makes it. */
export function assertion(
	now: number,
	claims: Record<string, unknown> = {},
	{ key = isolateKey, kid = 'd1', signer = delegationKey } = {},
): string {
	const seconds = Math.floor(now / 1_000)
	const delegation = forge(
		{ alg: 'ES256', typ: 'selvedge-delegation+jwt', kid },
		{
			iss: ADMIN,
			sub: `spiffe://${TRUST_DOMAIN}/ns/selvedge/sa/proxy`,
			iat: seconds,
			exp: seconds + 7 * 86_400,
			cnf: { jwk: isolateKey.jwk },
		},
		signer,
	)
	return forge(
		{ alg: 'ES256', typ: 'selvedge-caller+jwt', delegation },
		{
			iss: ADMIN,
			sub: `spiffe://${TRUST_DOMAIN}/ns/default/sa/web`,
			aud: `https://orders.${TRUST_DOMAIN}`,
			iat: seconds,
			exp: seconds + 300,
			method: 'WorkloadProof',
			...claims,
		},
		key,
	)
}

export const jwks = (...keys: (readonly [kid: string, key: ReturnType<typeof makeKey>])[]) => ({
	keys: keys.map(([kid, { jwk }]) => ({ kid, use: 'sig', ...jwk })),
})
