/** A memory of what was met of late. */
import { describe, expect, it } from 'vitest'
import { createRecent, recall, remember } from '../../../../src/proxy/recent.ts'

const put = (recent: ReturnType<typeof createRecent<number>>, from: number, to: number) => {
	for (let i = from; i < to; i++) remember(recent, `k${i}`, i, 10)
}

describe('a memory', () => {
	it('never holds more than two generations, however much it is told', () => {
		const recent = createRecent<number>(100)
		put(recent, 0, 10_000)
		expect(recent.young.size + recent.old.size).toBeLessThanOrEqual(20)
		expect(recall(recent, 'k9999')).toBe(9_999)
		expect(recall(recent, 'k0')).toBeUndefined()
	})

	it('keeps what is asked for', () => {
		const recent = createRecent<number>(100)
		remember(recent, 'asked', -1, 10)
		for (let i = 0; i < 1_000; i++) {
			put(recent, i, i + 1)
			expect(recall(recent, 'asked')).toBe(-1)
		}
	})
})
