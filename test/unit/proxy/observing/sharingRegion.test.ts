/** Isolates of one region: what one has found out spares the others, and one that is broken harms them little. */
import { describe, expect, it } from 'vitest'
import { createKnowledge } from '../../../../src/proxy/knowledge/knowledge.ts'
import { createRoutingTable } from '../../../../src/proxy/knowledge/routingTable.ts'
import { createObserver } from '../../../../src/proxy/observing/observe.ts'
import { reporter } from '../../../../src/proxy/observing/reporting.ts'
import { pipeline } from '../../../../src/proxy/pipeline.ts'
import type { PartBody } from '../../../../src/snapshot/snapshot.ts'
import { believed, type RegionEjections, takeIn } from '../../../../src/telemetry/ejections.ts'
import { seeded } from '../../../random.ts'
import { START } from '../fakeProxy.ts'
import { DOMAIN, type FakeReplica, fakeReplica } from '../knowledge/fakeReplica.ts'
import { pipe } from '../piped.ts'
import { ejected, RULES, web } from '../sending/watchedService.ts'

/** A region's telemetry store in memory, of which only the ejections matter here. */
interface Region {
	readonly replica: FakeReplica
	readonly known: RegionEjections
	now: number
	reports: number
	/** Whether reports are answered as versions did that told nothing. */
	isOld: boolean
	/** Ends what isolates wait for, a second later. */
	secondPasses(): Promise<void>
	wait(): Promise<void>
}

function regionWith(parts: Record<string, PartBody>): Region {
	const replica = fakeReplica()
	replica.change(parts)
	let waiting: (() => void)[] = []
	const region: Region = {
		replica,
		known: new Map(),
		now: START,
		reports: 0,
		isOld: false,
		async secondPasses() {
			region.now += 1_000
			const over = waiting
			waiting = []
			for (const end of over) end()
			for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
		},
		wait: () => new Promise((resolve) => waiting.push(resolve)),
	}
	return region
}

/** An isolate as the entry wires it. `fails` says which endpoints answer 500. */
function isolateIn(region: Region, name: string, random: () => number, fails: (id: string) => boolean) {
	const table = createRoutingTable(DOMAIN, random, 'names', undefined, { region: 'weur', now: () => region.now })
	const knowledge = createKnowledge(table, region.replica.controlPlane, region.now, () => 0)
	const met = { failures: 0, requests: 0 }
	const ports = {
		now: () => region.now,
		random,
		send: async (request: Request) => {
			const isBad = fails(new URL(request.url).hostname.split('.')[0]!)
			met.requests++
			if (isBad) met.failures++
			return new Response(null, { status: isBad ? 500 : 200 })
		},
		wait: region.wait,
		pipe,
		clientAddress: () => '',
		clientCertificate: () => undefined,
		delegate: () => Promise.reject(new Error('there is no ring')),
		issuerKeys: () => Promise.reject(new Error('there is no ring')),
		report: (error: unknown) => {
			throw error
		},
	}
	const settings = { isolate: name, region: 'weur', accessLogSampleRate: 0, log: () => {} }
	const observer = createObserver(knowledge, settings, ports)
	const noteRequest = reporter({
		take: () => observer.report(region.now),
		send: async ({ isolate, ejections, services }) => {
			region.reports++
			if (region.isOld) return undefined
			takeIn(region.known, isolate, ejections, region.now)
			return { ejections: believed(region.known, services, region.now) }
		},
		learn: (answer) => observer.learn(answer, region.now),
		isUrgent: observer.isUrgent,
		wait: region.wait,
	})
	const serve = pipeline(knowledge, { ...ports, observe: observer.observe })
	return {
		met,
		ejected: () => ejected(table, region.now),
		async requests(count: number) {
			for (let i = 0; i < count; i++) {
				const scope = { waitUntil: () => {} }
				noteRequest(region.now, scope)
				await serve(new Request('http://shop.test/'), scope)
			}
		},
	}
}

describe('in a region', () => {
	const dead = (id: string) => id === 'e1'

	it('one isolate finds out, and another that meets the same hears of it a second later, long before it knows itself', async () => {
		const region = regionWith(web(4))
		const [busy, slow] = ['busy', 'slow'].map((name, i) => isolateIn(region, name, seeded(i + 1), dead))
		await busy!.requests(100)
		await region.secondPasses()
		expect(busy!.ejected()).toEqual(['e1'])
		while (slow!.met.failures === 0) await slow!.requests(1)
		expect(slow!.ejected()).toEqual([])
		await region.secondPasses()
		expect(slow!.ejected()).toEqual(['e1'])
		await slow!.requests(50)
		expect(slow!.met.failures).toBe(1)
	})

	it('an isolate that nothing warned hears of it with its ordinary report', async () => {
		const region = regionWith(web(4))
		let isDead = false
		const [busy, calm] = ['busy', 'calm'].map((name, i) =>
			isolateIn(region, name, seeded(i + 1), (id) => isDead && dead(id)),
		)
		await calm!.requests(20)
		isDead = true
		await busy!.requests(100)
		for (let second = 0; second < 5; second++) {
			expect(calm!.ejected()).toEqual([])
			await region.secondPasses()
		}
		expect(calm!.ejected()).toEqual(['e1'])
		await calm!.requests(50)
		expect(calm!.met.failures).toBe(0)
	})

	it('with a store that does not share yet each isolate finds out alone', async () => {
		const region = regionWith(web(4))
		region.isOld = true
		const [busy, other] = ['busy', 'other'].map((name, i) => isolateIn(region, name, seeded(i + 1), dead))
		await busy!.requests(100)
		for (let second = 0; second < 6; second++) {
			await other!.requests(1)
			await region.secondPasses()
		}
		expect([busy!.ejected(), other!.ejected()]).toEqual([['e1'], []])
		await other!.requests(100)
		expect(other!.met.failures).toBe(RULES.consecutive5xx)
	})

	it('an isolate to which everything seems dead takes two of ten from the others, and five from itself', async () => {
		const region = regionWith(web(10))
		const broken = isolateIn(region, 'broken', seeded(1), () => true)
		const others = [2, 3, 4].map((seed) => isolateIn(region, `i${seed}`, seeded(seed), () => false))
		const missing: number[] = []
		for (let second = 0; second < 120; second++) {
			for (const each of [broken, ...others]) await each.requests(20)
			await region.secondPasses()
			missing.push(...others.map((each) => each.ejected().length))
		}
		expect(broken.ejected().length).toBe(5)
		// The next two may come before the last two, with their jitter, are back.
		expect(Math.max(...missing)).toBeLessThanOrEqual(4)
		expect(missing.reduce((a, b) => a + b, 0) / missing.length).toBeLessThan(2.2)
	})

	it('isolates report once in five seconds while all is well, and at most once in one when nothing is', async () => {
		for (const [isDead, most] of [
			[() => false, 12],
			[() => true, 60],
		] as const) {
			const region = regionWith(web(10))
			const isolate = isolateIn(region, 'i', seeded(1), isDead)
			for (let second = 0; second < 60; second++) {
				await isolate.requests(30)
				await region.secondPasses()
			}
			expect(region.reports).toBeLessThanOrEqual(most)
			expect(region.reports).toBeGreaterThanOrEqual(12)
		}
	})
})
