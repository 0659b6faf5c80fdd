/** An endpoint that never answers, while hedges do: nobody waits for it, and nobody asks it for ever. */
import { describe, expect, it } from 'vitest'
import { answers, type TimedProxy } from '../timedProxy.ts'
import { AFTER_50, EVERY_FAILURE, hedged, inTurn } from './hedged.ts'

describe('an endpoint that never answers, while hedges do', () => {
	const outliers = { ...EVERY_FAILURE, consecutive5xx: 0, consecutiveLocalOriginFailures: 5 }
	const stateOf = ({ knowledge }: TimedProxy, endpoint: string) =>
		knowledge.table.states.get('d/s')!.endpoints.get(endpoint)!.outlier
	const ofA = ({ sent }: TimedProxy) => sent.filter(({ endpoint }) => endpoint === 'a').length
	const silentA = (proxy: TimedProxy) => {
		proxy.behave = ({ endpoint }) => (endpoint === 'a' ? 'silent' : answers(10))
	}

	it('is ejected after twenty, and costs nobody the delay any more', async () => {
		const proxy = await hedged({ outliers })
		silentA(proxy)
		while (stateOf(proxy, 'a').ejections === 0 && proxy.sent.length < 200) expect((await proxy.get()).status).toBe(200)
		expect([stateOf(proxy, 'a').ejections, ofA(proxy)]).toEqual([1, 20])
		for (let i = 0; i < 60; i++) expect((await proxy.get()).tookMs).toBe(10)
		expect(ofA(proxy)).toBe(20)
	})

	it('is tried when its time is over, and has its part again when it answers', async () => {
		const proxy = await hedged({ outliers })
		silentA(proxy)
		while (stateOf(proxy, 'a').ejections === 0) await proxy.get()
		await proxy.pass(33_001)
		// Still silent: one request in an interval finds out.
		for (let i = 0; i < 60; i++) await proxy.get()
		expect(ofA(proxy)).toBe(21)
		proxy.behave = () => answers(10)
		await proxy.pass(outliers.intervalMs)
		for (let i = 0; i < 60; i++) await proxy.get()
		expect(ofA(proxy)).toBeGreaterThan(35)
	})

	it('stays where failures of local origin are not looked for', async () => {
		const proxy = await hedged({ outliers: { ...outliers, consecutiveLocalOriginFailures: 0 } })
		silentA(proxy)
		for (let i = 0; i < 90; i++) await proxy.get()
		expect(stateOf(proxy, 'a').ejections).toBe(0)
	})

	it.each([500, 429])('is not beaten by who answers %i', async (status) => {
		const proxy = await hedged({ outliers })
		proxy.behave = ({ endpoint }) => (endpoint === 'a' ? answers(100) : answers(0, status))
		for (let i = 0; i < 30; i++) await proxy.get()
		expect(ofA(proxy)).toBeGreaterThan(5)
		expect(stateOf(proxy, 'a')).toMatchObject({ consecutiveBeaten: 0, ejections: 0 })
	})

	it('is not beaten by the first attempt, which was sent before, nor by itself', async () => {
		const proxy = await hedged({ outliers })
		inTurn(proxy, answers(70), 'silent')
		await proxy.get()
		expect(proxy.sent).toHaveLength(2)
		expect(stateOf(proxy, proxy.sent[1]!.endpoint).consecutiveBeaten).toBe(0)
		const alone = await hedged({ outliers }, AFTER_50, ['a'])
		inTurn(alone, 'silent', answers(10))
		await alone.get()
		expect(alone.sent.map(({ endpoint }) => endpoint)).toEqual(['a', 'a'])
		expect(stateOf(alone, 'a').consecutiveBeaten).toBe(0)
	})

	it('has taken for as long as it was waited for, to a balancer that goes by that: a failure would count for more', async () => {
		const proxy = await hedged({ outliers, balancer: { type: 'PeakEwma', choices: 2, decayMs: 10_000 } })
		inTurn(proxy, 'silent', answers(10))
		await proxy.get()
		const { endpoints } = proxy.knowledge.table.states.get('d/s')!
		expect(endpoints.get(proxy.sent[0]!.endpoint)!.load.ewmaMs).toBe(60)
	})

	it('is not silent if it answers in the same instant', async () => {
		const proxy = await hedged({ outliers })
		inTurn(proxy, 'silent', answers(10))
		await proxy.get()
		const [lead] = proxy.sent
		expect(stateOf(proxy, lead!.endpoint).consecutiveBeaten).toBe(1)
		proxy.sent.length = 0
		inTurn(proxy, answers(60), answers(10))
		for (let i = 0; i < 3; i++) {
			proxy.sent.length = 0
			await proxy.get()
		}
		await proxy.settle()
		expect(stateOf(proxy, lead!.endpoint).consecutiveBeaten).toBe(0)
	})
})
