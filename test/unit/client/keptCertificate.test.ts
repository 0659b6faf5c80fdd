import { describe, expect, it } from 'vitest'
import { isMeshError, join, type KeptCertificateOptions, type WorkloadCertificate } from '../../../src/client/index.ts'
import { until } from '../../until.ts'
import { ADMIN, createWorld, down, HOUR, json, judged, ORDERS_ID } from './clientWorld.ts'

const PATH = '/v1/identity/certificates'

/** Certificates with numbers from 1. */
async function joined(random?: () => number, expiresIn = 3_600) {
	const world = createWorld(random)
	let issued = 0
	const certify = () => {
		const serialNumber = String(++issued)
		const chain = [`LEAF ${serialNumber}`, 'INTERMEDIATE']
		return json({ certificate: chain[0], chain, bundle: ['ROOT'], spiffeId: ORDERS_ID, serialNumber, expiresIn })
	}
	world.always(PATH, certify)
	const mesh = await join({ mesh: ADMIN, service: 'orders', token: 't', ...world.platform })
	const given: WorkloadCertificate[] = []
	const keep = (options: KeptCertificateOptions = {}) =>
		mesh.keepCertificate({ onCertificate: (certificate) => void given.push(certificate), ...options })
	const numbers = () => given.map(({ serialNumber }) => serialNumber)
	/** Until what was begun by a timer has ended, and the next one waits. */
	const settled = (renewals: number) =>
		until(() => given.length === renewals && world.clock.waiting().some((ms) => ms > HOUR / 3))
	return { world, mesh, given, keep, numbers, settled, certify }
}
const failure = async (promise: Promise<unknown>) => {
	const error: unknown = await promise.catch((thrown) => thrown)
	if (!isMeshError(error)) throw error
	return error
}

describe('a certificate that is kept', () => {
	it('is given at once, and another one for another key at half of its life', async () => {
		const { world, mesh, given, keep, numbers, settled } = await joined()
		const kept = await keep({ ttlSeconds: 3_600 })
		expect(numbers()).toEqual(['1'])
		world.clock.advance(HOUR / 2 - 1)
		expect(world.to(PATH)).toHaveLength(1)
		expect((await kept.current()).serialNumber).toBe('1')
		world.clock.advance(1)
		await settled(2)
		expect(numbers()).toEqual(['1', '2'])
		expect((await kept.current()).serialNumber).toBe('2')
		expect(given[0]!.privateKey).toContain('PRIVATE KEY')
		expect(given[1]!.privateKey).not.toBe(given[0]!.privateKey)
		const [first, second] = world.to(PATH)
		expect(JSON.parse(first!.body).csr).not.toBe(JSON.parse(second!.body).csr)
		expect(JSON.parse(second!.body).ttlSeconds).toBe(3_600)
		expect(await judged(second!, world.clock.now())).toBe('ok')
		await mesh.close()
	})

	it('is renewed up to a tenth of its life sooner, so that replicas do not return together', async () => {
		const { world, mesh, keep } = await joined(() => 0.999)
		await keep()
		expect(world.clock.waiting()[0]! / HOUR).toBeCloseTo(0.4, 3)
		await mesh.close()
	})

	it('is for the caller’s own key, each time, where one is given', async () => {
		const { world, mesh, given, keep, settled } = await joined()
		await keep({ csr: 'OWN' })
		world.clock.advance(HOUR / 2)
		await settled(2)
		expect(world.to(PATH).map(({ body }) => JSON.parse(body).csr)).toEqual(['OWN', 'OWN'])
		expect(given.filter((certificate) => 'privateKey' in certificate)).toEqual([])
		await mesh.close()
	})

	it('holds to its end while the mesh is down, is asked for longer and longer, and is renewed when it is back', async () => {
		const { world, mesh, keep, settled, certify } = await joined()
		const kept = await keep()
		world.always(PATH, down)
		const pauses: number[] = []
		for (let tries = 1; tries <= 4; tries++) {
			world.clock.advance(tries === 1 ? HOUR / 2 : pauses.at(-1)!)
			await until(() => world.errors.length === tries && world.clock.waiting().length === 2)
			pauses.push(world.clock.waiting()[0]!)
			expect((await kept.current()).serialNumber).toBe('1')
		}
		expect(pauses).toEqual([500, 1_000, 2_000, 4_000])
		expect(world.errors[0]).toMatchObject({ code: 'unreachable' })
		world.always(PATH, certify)
		world.clock.advance(4_000)
		await settled(2)
		expect((await kept.current()).serialNumber).toBe('2')
		await mesh.close()
	})

	it('that could not be renewed in time is none, until it can be', async () => {
		const { world, mesh, keep, certify } = await joined(undefined, 600)
		const kept = await keep()
		world.always(PATH, down)
		world.clock.sleep(600_000 - 1)
		expect((await kept.current()).serialNumber).toBe('1')
		await until(() => world.errors.length === 1)
		world.clock.sleep(1)
		expect(await failure(kept.current())).toMatchObject({ code: 'unreachable' })
		world.always(PATH, certify)
		world.clock.sleep(1_000)
		expect((await kept.current()).serialNumber).toBe('2')
		await mesh.close()
	})

	it('that the callback fails for is told of and given again, and no other one is issued meanwhile', async () => {
		const { world, mesh, keep } = await joined()
		const taken: string[] = []
		let failures = 0
		const kept = await keep({
			onCertificate({ serialNumber }) {
				if (serialNumber === '2' && failures++ < 3) throw new Error('no such context')
				taken.push(serialNumber)
			},
		})
		world.clock.advance(HOUR / 2)
		for (let tries = 1; tries <= 3; tries++) {
			await until(() => world.errors.length === tries && world.clock.waiting().length === 2)
			expect((await kept.current()).serialNumber).toBe('1')
			world.clock.advance(world.clock.waiting()[0]!)
		}
		await until(() => taken.length === 2)
		expect(taken).toEqual(['1', '2'])
		expect(world.to(PATH)).toHaveLength(2)
		expect(world.errors[0]!.message).toBe('renewing the certificate: no such context')
		await mesh.close()
	})

	it('is given again only while it is young: for a callback that recovers late there is another one', async () => {
		const { world, mesh, keep } = await joined(undefined, 600)
		const taken: string[] = []
		let isBroken = false
		await keep({
			onCertificate({ serialNumber }) {
				if (isBroken) throw new Error('no such context')
				taken.push(serialNumber)
			},
		})
		isBroken = true
		world.clock.advance(300_000)
		await until(() => world.errors.length === 1 && world.clock.waiting().length === 2)
		isBroken = false
		world.clock.sleep(300_000)
		world.clock.advance(0)
		await until(() => taken.length === 2)
		expect(taken).toEqual(['1', '3'])
		await mesh.close()
	})

	it('is renewed after as long as it should be, also when the clock was set back meanwhile', async () => {
		const { world, mesh, keep, numbers, settled } = await joined()
		await keep()
		world.skewMs = -600_000
		world.clock.advance(HOUR / 2)
		await settled(2)
		expect(numbers()).toEqual(['1', '2'])
		await mesh.close()
	})

	it('that is refused at first is not kept', async () => {
		const { world, mesh, keep } = await joined()
		world.always(PATH, () => json({ reason: 'forbidden', detail: 'no' }, 403))
		expect(await failure(keep())).toMatchObject({ code: 'refused' })
		expect(world.clock.waiting()).toHaveLength(1)
		await mesh.close()
	})

	it.each(['its own', 'the membership’s'])('is renewed no more after %s close', async (whose) => {
		const { world, mesh, keep } = await joined()
		const kept = await keep()
		await (whose === 'its own' ? kept.close() : mesh.close())
		expect(await failure(kept.current())).toMatchObject({ code: 'closed' })
		world.clock.advance(HOUR / 2)
		expect(world.to(PATH)).toHaveLength(1)
		await mesh.close()
		expect(world.clock.waiting()).toEqual([])
	})
})
