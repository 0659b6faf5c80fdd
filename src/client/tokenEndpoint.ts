/** The mesh's token endpoint (RFC 6749 §3.2, RFC 8693): one request, and what its answer means. */
import { retryAfterMs } from '../retryAfter.ts'
import type { Timed } from './clock.ts'
import { asMeshError, type MeshError, meshError } from './meshError.ts'
import { within } from './runtime.ts'

export const TOKEN_PATH = '/v1/identity/token'
/** What a request to the control plane may take. */
export const PATIENCE_MS = 10_000

/** How the workload proves that it may have a token. A parameter may have several values. */
export interface Grant {
	readonly parameters: Readonly<Record<string, string | readonly string[]>>
	readonly headers?: Readonly<Record<string, string>>
}

export interface IssuedToken {
	readonly token: string
	readonly spiffeId: string
	/** When it was asked for, by the mesh's clock: ms since the epoch. */
	readonly issuedAt: number
	readonly expiresAt: number
}

/** Rejects with a MeshError: `refused` when the same request would be refused again. Either way the clock has learned. */
export async function askForToken(runtime: Timed, url: string, { parameters, headers }: Grant): Promise<IssuedToken> {
	const form = new URLSearchParams()
	for (const [name, value] of Object.entries(parameters)) for (const each of [value].flat()) form.append(name, each)
	const { response, body, sentAt } = await post(runtime, url, form, headers)
	if (response.status !== 200) throw refusalOf(response, body, runtime.clock.now())
	const { access_token: token, spiffe_id: spiffeId, expires_in: seconds } = body
	if (typeof token !== 'string' || typeof spiffeId !== 'string' || !(Number(seconds) > 0))
		throw meshError('unreachable', `${url} answered something else than a token`, { status: response.status })
	const issuedAt = sentAt + runtime.clock.aheadMs()
	return { token, spiffeId, issuedAt, expiresAt: issuedAt + Number(seconds) * 1_000 }
}

async function post(runtime: Timed, url: string, form: URLSearchParams, headers: Grant['headers'] = {}) {
	try {
		return await within(runtime, PATIENCE_MS, async (signal) => {
			const sentAt = runtime.now()
			const response = await runtime.send(url, {
				method: 'POST',
				headers: { ...headers, accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
				body: form.toString(),
				redirect: 'manual',
				signal,
			})
			runtime.clock.hear(response, sentAt)
			return { response, body: parseObject(await response.text()), sentAt }
		})
	} catch (error) {
		throw asMeshError(error, url)
	}
}

/** Empty for anything but an object: replies of others on the way, such as a gateway's page. */
export function parseObject(text: string): Readonly<Record<string, unknown>> {
	try {
		const value: unknown = JSON.parse(text)
		return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
	} catch {
		return {}
	}
}

/** Of RFC 6749 §5.2 and RFC 9457 alike. */
export function refusalOf(response: Response, body: Readonly<Record<string, unknown>>, now: number): MeshError {
	const { status } = response
	const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
	const reason = text(body.error) ?? text(body.reason)
	const detail = text(body.error_description) ?? text(body.detail) ?? 'no detail given'
	// What speaks of the moment, not of the request. A redirect or a success without a token is some other server's.
	const isPassing = status < 400 || status >= 500 || status === 408 || status === 429
	return meshError(isPassing ? 'unreachable' : 'refused', `the mesh answered ${status} ${reason ?? ''}: ${detail}`, {
		status,
		reason,
		retryAfterMs: retryAfterMs(response.headers.get('retry-after'), now),
	})
}
