/** A KeyRing of its own for each test, at a time of the test's own. */
import { reset } from 'cloudflare:test'
import { afterEach, beforeEach, vi } from 'vitest'
import { equip, type RootLink } from './keyRingObjects.ts'
import { stopTime } from './time.ts'

export { NOW } from './time.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** Of the test that runs. */
export let link: RootLink

/** To be called once by a file of tests. */
export function freshKeyRing(): void {
	beforeEach(async () => {
		stopTime()
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
