/** What revocations say, and for how long. */
import { describe, expect, it } from 'vitest'
import { issuedAtSeconds, refusesUntil, revocationsAt } from '../../../src/keys/revocations.ts'
import type { RevocationTarget } from '../../../src/ports/keyRing.ts'

const idOf = (namespace: string, workload: string) => `${namespace}/${workload}`
const workload: RevocationTarget = { kind: 'workload', workload: { namespace: 'n', workload: 'w' } }
const revoked = (now: number, ...entries: [RevocationTarget, number][]) =>
	revocationsAt(
		entries.map(([target, revokedAt]) => ({ target, revokedAt })),
		idOf,
		now,
	)

describe('revocations', () => {
	it('name each target in its own list, and of a workload the last time', () => {
		expect(
			revoked(
				10,
				[workload, 7],
				[{ kind: 'token', jti: 'j' }, 5],
				[workload, 3],
				[{ kind: 'key', thumbprint: 't' }, 5],
				[{ kind: 'certificate', serialNumber: 'ff' }, 5],
			),
		).toEqual({ workloads: { 'n/w': 7 }, tokens: ['j'], keys: ['t'], certificates: ['ff'] })
	})

	it('last until the longest life has passed, and five minutes for clocks', () => {
		expect(refusesUntil(7)).toBe(7 + 86_400_000 + 300_000)
		expect(revoked(refusesUntil(7) - 1, [workload, 7]).workloads).toEqual({ 'n/w': 7 })
		expect(revoked(refusesUntil(7), [workload, 7]).workloads).toEqual({})
	})

	it.each([
		[5_900, undefined, 5],
		[5_900, 4_999, 5],
		[5_900, 5_000, 6],
		[5_900, 5_899, 6],
		[7_000, 5_899, 7],
	])('let what is issued at %d ms after one of %s ms say %d s, which it does not refuse', (now, revokedAt, seconds) => {
		expect(issuedAtSeconds(now, revokedAt)).toBe(seconds)
		expect(seconds * 1000).toBeGreaterThan(revokedAt ?? 0)
	})
})
