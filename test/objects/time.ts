/** Time in the objects, which run in the isolate of their tests and have its clock. */
import { vi } from 'vitest'

/** Far from the real time, so that no alarm goes off by itself: each test says when. */
export const NOW = Date.UTC(2100, 0, 1)

/**
 * Stands still from now on, unless a test moves it: no time limit ends because the machine is slow, and what objects wait for
 * before they answer is there when they do. To be undone by `vi.useRealTimers`.
 */
export function stopTime(): void {
	vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: NOW })
}
