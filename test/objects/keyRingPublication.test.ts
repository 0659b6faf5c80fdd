/** The KeyRing's outbox: whatever fails in between, the root gets what is published, and nothing signs before it has. */
import { runDurableObjectAlarm } from 'cloudflare:test'
import { describe, expect, it, vi } from 'vitest'
import type { KeyPurpose, KeyRingInfo } from '../../src/ports.ts'
import { askForWit, granted, inKeyRing, keyRing, keyRingStub, restart, verdict } from './keyRingObjects.ts'
import { DAY, freshKeyRing, HOUR, link, NOW } from './keyRingWorld.ts'
import { ACTOR, inRoot, root } from './meshObjects.ts'

freshKeyRing()

const at = (ms: number) => vi.setSystemTime(NOW + ms)
const alarmTime = () => inKeyRing((storage) => storage.getAlarm())
const of = ({ purposes }: KeyRingInfo, purpose: KeyPurpose) => purposes.find((each) => each.purpose === purpose)!
const wit = async (): Promise<string> => granted(await askForWit()).token

describe('what is published', () => {
	it('is told again by alarm while the root cannot be reached, and nothing signs before it is', async () => {
		link.failing = 'before'
		const first = await keyRing().info()
		expect(first.publishedVersion).toBe(0)
		expect(await verdict(await wit()), 'the first keys sign at once').toBe('good')
		at(30 * DAY)
		const held = await keyRing().tick()
		expect(of(held, 'wit-svid')).toMatchObject({
			active: of(first, 'wit-svid').active,
			failures: 1,
			lastFailure: expect.stringContaining('not published'),
		})
		expect(of(await keyRing().tick(), 'wit-svid').failures).toBe(2)
		expect(of(held, 'x509-root').failures).toBe(0)
		expect((await alarmTime())! - (NOW + 30 * DAY)).toBeLessThanOrEqual(60_000)
		link.failing = undefined
		await runDurableObjectAlarm(keyRingStub())
		expect(await root().trustVersion()).toBe(first.version)
		expect(of(await keyRing().info(), 'wit-svid').active).toBe(of(first, 'wit-svid').active)
		at(30 * DAY + HOUR)
		expect(of(await keyRing().tick(), 'wit-svid')).toMatchObject({ active: of(first, 'wit-svid').pending, failures: 0 })
	})

	it('is told again when only the answer was lost', async () => {
		link.failing = 'after'
		const { version } = await keyRing().info()
		link.failing = undefined
		await runDurableObjectAlarm(keyRingStub())
		expect(link.sent).toEqual([version, version])
		expect((await keyRing().info()).publishedVersion).toBe(version)
	})

	it('is told by the alarm after a crash between the commit and the telling', async () => {
		await keyRing().info()
		link.failing = 'before'
		await keyRing().revoke({ kind: 'token', jti: 'j1' }, 'lost', ACTOR)
		link.failing = undefined
		await restart(link)
		await runDurableObjectAlarm(keyRingStub())
		expect(await root().trustVersion()).toBe((await keyRing().info()).version)
	})

	it('comes back to a root that lost its state', async () => {
		const { version } = await keyRing().info()
		await inRoot(({ sql }) => {
			sql.exec("DELETE FROM meta WHERE key = 'trust'")
			sql.exec("DELETE FROM parts WHERE name = 'trust'")
		})
		await keyRing().tick()
		expect(await root().trustVersion()).toBe(version)
	})

	it('is newer than all that the root has, even when the ring is the one that lost its state', async () => {
		await keyRing().info()
		await inRoot(({ sql }) => sql.exec("UPDATE meta SET value = ? WHERE key = 'trust'", NOW + DAY))
		const { version, publishedVersion } = await keyRing().tick()
		expect(version).toBeGreaterThan(NOW + DAY)
		expect(publishedVersion).toBe(version)
		expect(await root().trustVersion()).toBe(version)
	})

	it('changes no version while nothing changes', async () => {
		const { version } = await keyRing().info()
		at(HOUR)
		await keyRing().tick()
		await wit()
		expect((await keyRing().info()).version).toBe(version)
		expect(link.sent).toEqual([version])
	})
})
