/** The watchdog against a root and registries that answer, fail, or hang. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type WatchdogEnv, type WatchdogFailure, watch } from '../../workers/scheduler/watchdog.ts'

type Behaviour = 'ok' | 'fail' | 'hang'

/** A mesh whose services behave as said; pages of the listing are two long. */
function meshOf(services: Record<string, Behaviour>, root: { flush?: Behaviour; listing?: Behaviour } = {}) {
	const names = Object.keys(services)
	const swept: string[] = []
	const seen = { flushes: 0, running: 0, mostAtOnce: 0 }
	const behave = async (behaviour: Behaviour) => {
		if (behaviour === 'hang') await new Promise(() => {})
		if (behaviour === 'fail') throw new Error('broken')
	}
	const store: ReturnType<WatchdogEnv['POLICY_STORE']['getByName']> = {
		async flush() {
			await behave(root.flush ?? 'ok')
			seen.flushes++
			return 3
		},
		async leasedServices({ after }) {
			await behave(root.listing ?? 'ok')
			const start = after === undefined ? 0 : names.indexOf(after) + 1
			const items = names.slice(start, start + 2)
			return start + 2 < names.length ? { items, next: items.at(-1) as string } : { items }
		},
	}
	const registry = (name: string) => ({
		async sweep(service: string) {
			expect(service).toBe(name)
			seen.mostAtOnce = Math.max(seen.mostAtOnce, ++seen.running)
			await Promise.resolve()
			try {
				await behave(services[name] ?? 'ok')
				swept.push(name)
			} finally {
				seen.running--
			}
		},
	})
	const env: WatchdogEnv = { POLICY_STORE: { getByName: () => store }, SERVICE_REGISTRY: { getByName: registry } }
	return { env, swept, seen }
}

async function watched(env: WatchdogEnv) {
	const failures: WatchdogFailure[] = []
	const watching = watch(env, (failure) => failures.push(failure))
	await vi.advanceTimersByTimeAsync(60_000)
	return { report: await watching, failures }
}

beforeEach(() => {
	vi.useFakeTimers()
})
afterEach(() => {
	vi.useRealTimers()
})

describe('each minute the watchdog', () => {
	it('has the root flush, and sweeps every service on every page', async () => {
		const { env, swept, seen } = meshOf({ 'n/a': 'ok', 'n/b': 'ok', 'n/c': 'ok', 'n/d': 'ok', 'n/e': 'ok' })
		const { report, failures } = await watched(env)
		expect(report).toEqual({ lagging: 3, swept: 5, failures: 0 })
		expect(failures).toEqual([])
		expect(swept.sort()).toEqual(['n/a', 'n/b', 'n/c', 'n/d', 'n/e'])
		expect(seen.flushes).toBe(1)
	})

	it('goes on after a service that fails or hangs, and says which', async () => {
		const { env, swept } = meshOf({ 'n/a': 'fail', 'n/b': 'hang', 'n/c': 'ok', 'n/d': 'ok' })
		const { report, failures } = await watched(env)
		expect(report).toEqual({ lagging: 3, swept: 2, failures: 2 })
		expect(swept).toEqual(['n/c', 'n/d'])
		expect(failures).toEqual([
			{ event: 'sweep_failed', service: 'n/a', error: 'Error: broken' },
			{ event: 'sweep_failed', service: 'n/b', error: 'Error: no answer within 20000 ms' },
		])
	})

	it.each<Behaviour>(['fail', 'hang'])('sweeps although the flush does %s', async (flush) => {
		const { env, swept } = meshOf({ 'n/a': 'ok' }, { flush })
		const { report, failures } = await watched(env)
		expect(report).toEqual({ lagging: undefined, swept: 1, failures: 1 })
		expect(swept).toEqual(['n/a'])
		expect(failures[0]?.event).toBe('flush_failed')
	})

	it('flushes although the services cannot be listed', async () => {
		const { env, seen } = meshOf({ 'n/a': 'ok' }, { listing: 'fail' })
		const { report, failures } = await watched(env)
		expect(report).toEqual({ lagging: 3, swept: 0, failures: 1 })
		expect(seen.flushes).toBe(1)
		expect(failures).toEqual([{ event: 'listing_failed', error: 'Error: broken' }])
	})

	it('sweeps no more than five services at once', async () => {
		const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`n/s${i}`, 'ok' as const]))
		const { env, seen } = meshOf(many)
		const page = vi.spyOn(env.POLICY_STORE.getByName('mesh'), 'leasedServices')
		page.mockResolvedValue({ items: Object.keys(many) })
		expect((await watched(env)).report.swept).toBe(40)
		expect(seen.mostAtOnce).toBe(5)
	})
})
