/** The scheduler's turn of the keys, with a ring that turns, fails, or hangs. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { KeyRingInfo } from '../../src/ports.ts'
import { type KeyRotationFailure, type KeysEnv, turnKeys } from '../../workers/scheduler/keys.ts'

const info = (failures: number, lastFailure?: string): KeyRingInfo => ({
	trustDomain: 'mesh.localhost',
	issuer: 'https://admin.mesh.localhost',
	version: 1,
	publishedVersion: 1,
	purposes: [
		{ purpose: 'jwt-svid', active: 'a', nextRotationAt: '2100-01-01T00:00:00.000Z', failures: 0 },
		{
			purpose: 'wit-svid',
			active: 'b',
			nextRotationAt: '2100-01-02T00:00:00.000Z',
			failures,
			...(lastFailure && { lastFailure }),
		},
	],
	keys: [],
	sealedUnder: [],
})

async function turned(tick: () => Promise<KeyRingInfo>): Promise<{ names: string[]; log: KeyRotationFailure[] }> {
	const names: string[] = []
	const log: KeyRotationFailure[] = []
	const getByName = (name: string) => {
		names.push(name)
		return { tick }
	}
	const env: KeysEnv = { KEY_RING: { getByName } }
	const turning = turnKeys(env, (line) => log.push(line))
	await vi.advanceTimersByTimeAsync(60_000)
	await turning
	return { names, log }
}

beforeEach(() => {
	vi.useFakeTimers()
})
afterEach(() => {
	vi.useRealTimers()
})

describe('each minute the keys', () => {
	it('are turned, and all is quiet while that succeeds', async () => {
		expect(await turned(async () => info(0))).toEqual({ names: ['mesh'], log: [] })
	})

	it('whose rotation fails are named, with why, and until when they would have been replaced', async () => {
		const { log } = await turned(async () => info(3, 'its standby is not published yet'))
		expect(log).toEqual([
			{
				event: 'key_rotation_failed',
				purpose: 'wit-svid',
				failures: 3,
				nextRotationAt: '2100-01-02T00:00:00.000Z',
				error: 'its standby is not published yet',
			},
		])
	})

	it.each([
		['fails', () => Promise.reject(new Error('broken')), 'Error: broken'],
		['hangs', () => new Promise<never>(() => {}), 'Error: no answer within 20000 ms'],
	])('are not turned by a ring that %s, which is logged and never thrown', async (_, tick, error) => {
		expect((await turned(tick)).log).toEqual([{ event: 'key_rotation_failed', error }])
	})
})
