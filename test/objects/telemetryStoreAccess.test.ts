/** What a region keeps for trying out policies: bounded, fair to who calls seldom, for a day, and across restarts. */
import { evictDurableObject, reset, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { TelemetryStore } from '../../durable-objects/telemetryStore/telemetryStore.ts'
import type { AccessSample, Report, SampleRequest, TelemetryStorePort } from '../../src/ports.ts'

const { TELEMETRY_STORE } = env as unknown as { TELEMETRY_STORE: DurableObjectNamespace<TelemetryStore> }
const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const START = Date.UTC(2026, 5, 1)
const KEYS = ['aa', 'bb', 'cc'].map((pair) => pair.repeat(32))

const stub = () => TELEMETRY_STORE.getByName('weur')
const store = () => stub() as unknown as TelemetryStorePort
const at = (ms: number) => vi.setSystemTime(ms)
let batch = 0

const sample = (over: Partial<AccessSample> = {}): AccessSample => ({
	...{ at: Date.now(), service: 'shop/cart', rule: 'shop/r/0', method: 'GET', host: 'h', port: 80, path: '/' },
	...{ network: '', headers: [], allowed: true },
	...over,
})
const by = (name: string) => ({ caller: { spiffeId: `spiffe://m/ns/a/sa/${name}` } })

async function report(over: Partial<Report>): Promise<void> {
	const nothing = {
		revision: 1,
		snapshotAgeMs: 0,
		syncFailures: 0,
		overflow: 0,
		series: [],
		ejections: [],
		services: [],
	}
	await store().report('weur', { isolate: 'i', batch: ++batch, ...nothing, ...over })
}
const remember = (samples: readonly AccessSample[], key = KEYS[0]!) => report({ samples: { key, samples } })
/** As many as it takes: a report has 150 at most. */
async function rememberAll(samples: readonly AccessSample[]): Promise<void> {
	for (let i = 0; i < samples.length; i += 150) await remember(samples.slice(i, i + 150))
}
const recall = (over: Partial<SampleRequest> = {}) => store().samples('weur', { since: 0, limit: 10_000, ...over })
const recalled = async (over: Partial<SampleRequest> = {}) => (await recall(over)).flatMap(({ samples }) => samples)
const countBy = (samples: readonly AccessSample[]) =>
	Object.fromEntries(
		[...Map.groupBy(samples, ({ caller }) => caller?.spiffeId.split('/').at(-1))].map(([who, of]) => [who, of.length]),
	)

beforeEach(() => {
	batch = 0
	vi.useFakeTimers({ toFake: ['Date'], now: START })
})
afterEach(async () => {
	vi.useRealTimers()
	await reset()
})

describe('samples', () => {
	it('are kept as they came, with the keys of their digests, through restarts', async () => {
		const user = { issuer: 'https://idp', principal: '0123456789abcdef', audiences: [], claims: [] }
		const all = [sample({ ...by('a'), user }), sample({ headers: [['x-a', null]], allowed: false }), sample(by('b'))]
		await remember(all.slice(0, 2), KEYS[0])
		await remember(all.slice(2), KEYS[1])
		const expected = [
			{ key: KEYS[0], samples: all.slice(0, 2) },
			{ key: KEYS[1], samples: all.slice(2) },
		]
		expect(await recall()).toEqual(expected)
		await evictDurableObject(stub() as unknown as DurableObjectStub)
		expect(await recall()).toEqual(expected)
	})

	it('are the newest that are asked for: since a time, so many, of services of a namespace', async () => {
		await remember([sample({ path: '/1' }), sample({ path: '/2', service: 'pay/api' })])
		at(START + MINUTE_MS)
		await remember([sample({ path: '/3' }), sample({ path: '/4' })])
		const paths = async (over: Partial<SampleRequest>) => (await recalled(over)).map(({ path }) => path)
		expect(await paths({})).toEqual(['/1', '/2', '/3', '/4'])
		expect(await paths({ limit: 3 })).toEqual(['/2', '/3', '/4'])
		expect(await paths({ since: START + 1 })).toEqual(['/3', '/4'])
		expect(await paths({ namespaces: ['shop'] })).toEqual(['/1', '/3', '/4'])
		expect(await paths({ namespaces: [] })).toEqual([])
	})

	it('of a kind come thick at first, and then so far apart that they cover the day', async () => {
		for (let i = 0; i < 300; i++) {
			at(START + i * 1_000)
			await remember([sample(by('busy'))])
		}
		expect((await recalled()).length).toBe(100)
		for (let hour = 1; hour <= 23; hour++) {
			at(START + hour * 60 * MINUTE_MS)
			await remember(Array(100).fill(sample(by('busy'))))
		}
		expect((await recalled()).length).toBe(123)
	})

	it('of requests that were refused for their token are a fifth as many, and of all kinds together', async () => {
		const refused = (over: Partial<AccessSample> = {}) =>
			sample({ allowed: false, refusedUser: { issuer: '0123456789abcdef' }, ...over })
		await remember([sample({ allowed: false }), ...Array<AccessSample>(100).fill(refused())])
		expect((await recalled()).length).toBe(1 + 20)
		for (let hour = 1; hour <= 23; hour++) {
			at(START + hour * 60 * MINUTE_MS)
			await remember([refused(), refused()])
		}
		expect((await recalled()).length).toBe(1 + 20 + 11)
		const kinds = Array.from({ length: 210 }, (_, i) => Array<AccessSample>(20).fill(refused({ rule: `shop/r/${i}` })))
		await rememberAll(kinds.flat())
		expect((await recalled()).length).toBe(1 + 4_000)
		await remember([sample({ path: '/honest' })])
		expect((await recalled()).at(-1)!.path).toBe('/honest')
	})

	it('are of the last day, whatever an isolate says the time is', async () => {
		await remember([sample({ path: '/old' }), sample({ path: '/from the future', at: START + 10 * DAY_MS })])
		at(START + DAY_MS + 1)
		await remember([sample({ path: '/new' }), sample({ path: '/too old', at: START })])
		expect((await recalled()).map(({ path }) => path)).toEqual(['/new'])
	})

	it('leave with the keys that nothing was digested with', async () => {
		await remember([sample()], KEYS[0])
		at(START + DAY_MS + 1)
		await remember([sample()], KEYS[1])
		const stored = await runInDurableObject(stub(), (_: TelemetryStore, { storage }) => [
			storage.sql.exec('SELECT key FROM sample_keys').toArray(),
			storage.sql.exec('SELECT COUNT(*) AS n FROM samples').one(),
		])
		expect(stored).toEqual([[{ key: KEYS[1] }], { n: 1 }])
	})

	it('of a batch that comes twice are kept once', async () => {
		await remember([sample()])
		batch--
		await remember([sample()])
		expect((await recalled()).length).toBe(1)
	})

	it('are twenty thousand at most; of many kinds each keeps some, and who called once stays', async () => {
		await remember([sample(by('rare'))])
		const kinds = Array.from({ length: 210 }, (_, i) => Array<AccessSample>(100).fill(sample(by(`k${i}`))))
		await rememberAll(kinds.flat())
		const left = await runInDurableObject(stub(), (_: TelemetryStore, { storage }) =>
			storage.sql.exec<{ sample: string }>('SELECT sample FROM samples').toArray(),
		)
		const counts = countBy(left.map(({ sample: text }) => JSON.parse(text) as AccessSample))
		expect(left.length).toBeLessThanOrEqual(20_000)
		expect(left.length).toBeGreaterThan(9_000)
		expect(counts.rare).toBe(1)
		expect(Math.min(...kinds.map((_, i) => counts[`k${i}`] ?? 0))).toBeGreaterThanOrEqual(50)
	})
})

it('what policies did is added up over reports, through restarts, and an isolate that says nothing of it changes nothing', async () => {
	const row = { policy: 'shop/p', service: 'shop/cart', rule: '', effect: 'denied' as const, count: 2 }
	await report({
		access: [row, { ...row, effect: 'ambiguous' }, { ...row, effect: 'would_refuse' }],
		accessOverflow: 3,
	})
	await report({})
	await evictDurableObject(stub() as unknown as DurableObjectStub)
	await report({ access: [row], accessOverflow: 0 })
	expect(await store().read('weur')).toMatchObject({
		access: [
			{ ...row, effect: 'ambiguous', count: 2 },
			{ ...row, count: 4 },
			{ ...row, effect: 'would_refuse', count: 2 },
		],
		accessOverflow: 3,
	})
})
