/** What is counted of policies: exactly, and in no more rows than allowed. */
import { describe, expect, it } from 'vitest'
import type { AccessCount } from '../../../src/ports.ts'
import {
	absorbAccess,
	accessKey,
	countAccess,
	createAccessTable,
	drainAccess,
	MAX_ACCESS_PER_REPORT,
} from '../../../src/telemetry/accessCounts.ts'

const labels = (over: object = {}) => ({
	policy: 'shop/p',
	service: 'shop/cart',
	rule: 'shop/r/0',
	effect: 'denied' as const,
	...over,
})
const row = (count: number, over: object = {}): AccessCount => ({ ...labels(over), count })

describe('an isolate', () => {
	it('counts by policy, service, rule and effect, and begins anew after each report', () => {
		const table = createAccessTable()
		const differing = [{}, { policy: 'shop/q' }, { service: 'shop/pay' }, { rule: '' }, { effect: 'audited' as const }]
		for (const over of [...differing, {}]) countAccess(table, labels(over))
		expect(drainAccess(table)).toEqual({
			access: differing.map((over, i) => row(i === 0 ? 2 : 1, over)),
			accessOverflow: 0,
		})
		expect(drainAccess(table)).toBe(undefined)
	})

	it('counts what it has no row for, and goes on counting what it has', () => {
		const table = createAccessTable()
		for (let i = 0; i < MAX_ACCESS_PER_REPORT + 7; i++) countAccess(table, labels({ policy: `shop/p${i}` }))
		countAccess(table, labels({ policy: 'shop/p0' }))
		const { access, accessOverflow } = drainAccess(table)!
		expect([access.length, accessOverflow, access[0]!.count]).toEqual([MAX_ACCESS_PER_REPORT, 7, 2])
	})
})

describe('a region', () => {
	const known = (rows: readonly AccessCount[]) => (one: AccessCount | Parameters<typeof accessKey>[0]) =>
		rows.find((other) => accessKey(other) === accessKey(one))?.count

	it('adds reports up', () => {
		const report = { access: [row(2), row(3, { effect: 'audited' }), row(1)], accessOverflow: 4 }
		expect(absorbAccess(report, { rows: 1, overflow: 1 }, known([row(10)]))).toEqual({
			changed: [row(13), row(3, { effect: 'audited' })],
			totals: { rows: 2, overflow: 5 },
		})
	})

	it('has so many rows at most: what is known grows, what is new is counted as overflow', () => {
		const report = { access: [row(2), row(5, { rule: 'x' })] }
		expect(absorbAccess(report, { rows: 1, overflow: 0 }, known([row(1)]), 1)).toEqual({
			changed: [row(3)],
			totals: { rows: 1, overflow: 5 },
		})
	})
})
