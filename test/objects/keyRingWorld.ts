/** A KeyRing of its own for each test, at a time of the test's own. */
import { reset } from 'cloudflare:test'
import { afterEach, beforeEach, vi } from 'vitest'
import { equip, type RootLink } from './keyRingObjects.ts'

/** Far from the real time, so that no alarm goes off by itself: each test says when. */
export const NOW = Date.UTC(2100, 0, 1)
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** Of the test that runs. */
export let link: RootLink

/** To be called once by a file of tests. */
export function freshKeyRing(): void {
	beforeEach(async () => {
		vi.useFakeTimers({ toFake: ['Date'], now: NOW })
		vi.spyOn(console, 'warn').mockImplementation(() => {})
		link = { failing: undefined, sent: [] }
		await equip(link)
	})
	afterEach(async () => {
		vi.useRealTimers()
		vi.restoreAllMocks()
		await reset()
	})
}
