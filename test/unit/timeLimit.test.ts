/** What takes longer than its time limit counts as failed, and what does not leaves no timer behind. */
import { describe, expect, it } from 'vitest'
import { timeLimit } from '../../src/timeLimit.ts'

/** Timers that ring when a test says so. */
function createClock() {
	const running = new Map<number, { readonly ms: number; readonly ring: () => void }>()
	let last = 0
	const start = (ring: () => void, ms: number) => {
		running.set(++last, { ms, ring })
		return last
	}
	return { running, within: timeLimit(start, (timer: number) => running.delete(timer)) }
}

describe('a promise with a time limit', () => {
	it('that is kept in time is what it was, and stops its timer', async () => {
		const { running, within } = createClock()
		const limited = within(250, Promise.resolve('answer'))
		expect([...running.values()]).toMatchObject([{ ms: 250 }])
		expect(await limited).toBe('answer')
		expect(running.size).toBe(0)
	})

	it('that fails in time fails as it did, and stops its timer', async () => {
		const { running, within } = createClock()
		await expect(within(250, Promise.reject(new Error('broken')))).rejects.toThrow('broken')
		expect(running.size).toBe(0)
	})

	it('that takes longer is rejected, and says how long it had', async () => {
		const { running, within } = createClock()
		const limited = within(250, new Promise(() => {}))
		for (const { ring } of running.values()) ring()
		await expect(limited).rejects.toThrow('no answer within 250 ms')
	})
})
