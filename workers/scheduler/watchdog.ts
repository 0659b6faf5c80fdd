/** The watchdog: has the root push to lagging replicas, and every service's registry sweep its leases. */
import type { ServiceName } from '../../src/names.ts'
import type { PolicyStorePort, ServiceRegistryPort } from '../../src/ports.ts'
import { within } from './within.ts'

export interface WatchdogEnv {
	readonly POLICY_STORE: { getByName(name: string): Pick<PolicyStorePort, 'flush' | 'leasedServices'> }
	readonly SERVICE_REGISTRY: { getByName(name: string): Pick<ServiceRegistryPort, 'sweep'> }
}

/** One line of the log: what went wrong, and for which service if for one. */
export interface WatchdogFailure {
	readonly event: 'flush_failed' | 'listing_failed' | 'sweep_failed'
	readonly service?: ServiceName
	readonly error: string
}

export interface WatchdogReport {
	/** Replicas that still lag after the push; undefined when the push failed. */
	readonly lagging: number | undefined
	readonly swept: number
	readonly failures: number
}

/** Fewer than the six connections that one invocation may have waiting. */
const CONCURRENCY = 5
const PAGE_SIZE = 500
const CALL_TIMEOUT_MS = 20_000

/** Never throws: each failure is logged and counted, and the rest goes on. The next minute tries all again. */
export async function watch(env: WatchdogEnv, log: (failure: WatchdogFailure) => void): Promise<WatchdogReport> {
	let failures = 0
	async function attempt<T>(what: Omit<WatchdogFailure, 'error'>, call: () => Promise<T>): Promise<T | undefined> {
		try {
			return await within(CALL_TIMEOUT_MS, call())
		} catch (error) {
			failures++
			log({ ...what, error: String(error) })
			return undefined
		}
	}
	// A stub is broken once a call on it failed for want of the object: each call takes a fresh one.
	const root = () => env.POLICY_STORE.getByName('mesh')
	const lagging = await attempt({ event: 'flush_failed' }, () => root().flush())

	let swept = 0
	const sweep = async (service: ServiceName) => {
		const call = () =>
			env.SERVICE_REGISTRY.getByName(service)
				.sweep(service)
				.then(() => true)
		if (await attempt({ event: 'sweep_failed', service }, call)) swept++
	}
	let after: string | undefined
	do {
		const options = { limit: PAGE_SIZE, ...(after !== undefined && { after }) }
		const page = await attempt({ event: 'listing_failed' }, () => root().leasedServices(options))
		await eachOf(page?.items ?? [], sweep)
		after = page?.next
	} while (after !== undefined)
	return { lagging, swept, failures }
}

/** Runs the work on every item, at most CONCURRENCY at once. The work must not throw. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
	const queue = items.values()
	const lane = async () => {
		for (const item of queue) await work(item)
	}
	await Promise.all(Array.from({ length: CONCURRENCY }, lane))
}
