/** An endpoint's place in the mesh: taken, kept by heartbeats, taken anew when it was lost, and given up in good order. */
import type { Address, Service } from './address.ts'
import { backoffMs } from './backoff.ts'
import { asMeshError, type MeshError } from './meshError.ts'
import type { MeshFetch } from './meshFetch.ts'
import { type Runtime, within } from './runtime.ts'
import { PATIENCE_MS, parseObject, refusalOf } from './tokenEndpoint.ts'

export interface EndpointOptions {
	/** Where the mesh reaches this process: absolute, http or https. A path in it prefixes every request. */
	readonly url: string
	/** Of this endpoint among those of the service; the same id again replaces it. By default a new one. */
	readonly id?: string
	readonly labels?: Readonly<Record<string, string>>
	/** E.g. `eu-west-1/a`. */
	readonly locality?: string
	/** Without a heartbeat for this long the endpoint is gone: 5–3600, by default 30. Heartbeats come at a third of it. */
	readonly ttlSeconds?: number
	/** Relative share of the traffic: 0 takes none, by default 1. */
	readonly weight?: number
}

export interface Registration {
	readonly id: string
	/** No new requests. The endpoint stays known until `close`. */
	readonly drain: () => Promise<void>
	/**
	 * Drains, waits until no proxy sends here any more (`drainMs`, by default 1,500: proxies ask once a second what changed), and gives
	 * the endpoint up. Never rejects: without a mesh there is nobody to tell, and the lease ends by itself.
	 */
	readonly close: (options?: { readonly drainMs?: number }) => Promise<void>
}

export interface Registering {
	readonly runtime: Runtime
	readonly address: Address
	readonly service: Service
	readonly send: MeshFetch
	readonly onError: (error: MeshError) => void
}

const TTL_SECONDS = 30
const DRAIN_MS = 1_500

/** Rejects with a MeshError when the mesh says no. One that cannot be reached is tried again by the heartbeats. */
export async function createRegistration(registering: Registering, options: EndpointOptions): Promise<Registration> {
	const { runtime, onError } = registering
	const {
		id = runtime
			.newId()
			.toLowerCase()
			.replaceAll(/[^a-z0-9]/g, ''),
		...rest
	} = options
	const lease = { ttlSeconds: TTL_SECONDS, ...rest }
	const ask = asking(registering, id)
	const put = () => ask('PUT', '', lease)
	const heartbeats = beat(registering, (lease.ttlSeconds * 1_000) / 3, async (isKnown) => {
		if (isKnown && (await ask('POST', '/heartbeat', undefined, [404])) !== 404) return
		await put()
	})
	try {
		await put()
		heartbeats.start(true)
	} catch (thrown) {
		const error = asMeshError(thrown, 'registering the endpoint')
		if (error.code !== 'unreachable') throw error
		onError(error)
		heartbeats.start(false)
	}
	const drain = async () => void (await ask('POST', '/drain', undefined, [404]))
	return {
		id,
		drain,
		async close({ drainMs = DRAIN_MS } = {}) {
			if (!heartbeats.stop()) return
			try {
				if (drainMs > 0) {
					await drain()
					await runtime.sleep(drainMs)
				}
				await ask('DELETE', '', undefined, [404])
			} catch (thrown) {
				onError(asMeshError(thrown, 'giving up the endpoint'))
			}
		},
	}
}

/** Answers the status. Anything but a success, or what is expected, rejects. */
const asking =
	({ runtime, address, service, send }: Registering, id: string) =>
	async (method: string, path: string, body?: object, expected: readonly number[] = []): Promise<number> => {
		const { namespace, name } = service
		const endpoint = `/v1/services/${namespace}/${name}/endpoints/${encodeURIComponent(id)}`
		const json =
			body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
		try {
			return await within(runtime, PATIENCE_MS, async (signal) => {
				const response = await send(address.admin + endpoint + path, { method, ...json, signal })
				const text = await response.text()
				if (response.ok || expected.includes(response.status)) return response.status
				throw refusalOf(response, parseObject(text), runtime.now())
			})
		} catch (error) {
			throw asMeshError(error, `${method} ${endpoint}${path}`)
		}
	}

/** Calls `renew` once in an interval, sooner after failures, until it is stopped. */
function beat({ runtime, onError }: Registering, intervalMs: number, renew: (isKnown: boolean) => Promise<void>) {
	let cancel = () => {}
	let isStopped = false
	let failures = 0
	const next = (isKnown: boolean, delayMs: number) => {
		if (!isStopped) cancel = runtime.later(() => void tick(isKnown), delayMs)
	}
	const tick = async (isKnown: boolean) => {
		try {
			await renew(isKnown)
			failures = 0
			next(true, intervalMs * (1 - 0.1 * runtime.random()))
		} catch (thrown) {
			const error = asMeshError(thrown, 'renewing the endpoint')
			failures += 1
			if (!isStopped) onError(error)
			const pauseMs = backoffMs(failures, error, runtime.random())
			next(isKnown, error.retryAfterMs === undefined ? Math.min(pauseMs, intervalMs) : pauseMs)
		}
	}
	return {
		start: (isKnown: boolean) => next(isKnown, isKnown ? intervalMs : backoffMs(1, {}, runtime.random())),
		/** Whether it ran. */
		stop() {
			if (isStopped) return false
			isStopped = true
			cancel()
			return true
		},
	}
}
