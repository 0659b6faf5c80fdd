/** Which requests an isolate remembers, how many of them, and what of them. */
import { describe, expect, it } from 'vitest'
import { compileUsers } from '../../../../src/proxy/compile/compileUsers.ts'
import { admit, type Exchange } from '../../../../src/proxy/exchange.ts'
import { createRoutingTable } from '../../../../src/proxy/knowledge/routingTable.ts'
import { SAMPLE_BURST, UNASKED_BURST } from '../../../../src/proxy/observing/sampleChoice.ts'
import { createSampler } from '../../../../src/proxy/observing/sampling.ts'
import type { Refusal } from '../../../../src/proxy/refusal.ts'
import { digester, LABELS } from '../../../../src/telemetry/accessSample.ts'
import { seeded } from '../../../random.ts'
import { DOMAIN } from '../knowledge/fakeReplica.ts'
import { jwtRule } from '../users/signedIn.ts'
import { NOW, serviceNamed } from './observed.ts'

const SEED = 11
const DAY_MS = 86_400_000
const caller = (workload: string): NonNullable<Exchange['caller']> => ({
	...{ spiffeId: `spiffe://${DOMAIN}/ns/d/sa/${workload}`, namespace: 'd', workload },
	...{ method: 'WorkloadProof', reused: false },
})
const DENIED = { reason: 'access_denied' } as Refusal
const UNTRUSTED: Refusal = { reason: 'invalid_token', code: 'bad_signature', detail: '' }
const TOKEN_PLACES = [
	{ in: 'header', name: 'authorization', prefix: 'Bearer ' },
	{ in: 'param', name: 'access_token' },
] as const
const tokenOf = (claims: object) =>
	`${[{ alg: 'ES256' }, claims].map((part) => btoa(JSON.stringify(part)).replace(/=+$/, '')).join('.')}.c2ln`

function sampled(share = 0.01, random = seeded(SEED)) {
	const table = createRoutingTable(DOMAIN, random)
	table.sampleShare = share
	const sampler = createSampler(table)
	let now = NOW
	return {
		take: async () => (await sampler.take(now))?.samples ?? [],
		batch: () => sampler.take(now),
		later: (ms: number) => {
			now += ms
		},
		see: (more: Partial<Exchange> = {}, refusal?: Refusal, url = 'http://h.test/a', headers: HeadersInit = {}) => {
			const exchange = admit(new Request(url, { headers }), now, () => 0, '192.0.2.77')
			exchange.service = serviceNamed('d/a')
			sampler.consider(Object.assign(exchange, more), refusal, now)
		},
	}
}

describe('an isolate remembers', () => {
	it('the first request of each service, rule, caller and verdict in a minute', async () => {
		const { see, take, later } = sampled(1e-9)
		const all = () => {
			for (let i = 0; i < 20; i++) {
				see({ caller: caller('a') })
				see({ caller: caller('b') })
				see({ caller: caller('a') }, DENIED)
				see({ service: serviceNamed('d/b') })
			}
		}
		all()
		expect((await take()).length).toBe(4)
		later(59_999)
		all()
		expect((await take()).length).toBe(0)
		later(1)
		all()
		expect((await take()).length).toBe(4)
	})

	it(`a share of all requests (within 4 sigma, seed ${SEED})`, async () => {
		const { see, take, later } = sampled(0.1)
		let taken = 0
		const n = 5_000
		for (let i = 0; i < n; i++) {
			// So few that the bound of five a second does not bear on it.
			later(40)
			see()
			if (i % 500 === 0) taken += (await take()).length
		}
		taken += (await take()).length
		// Beside the first of each minute.
		expect(Math.abs(taken - n * 0.1 - (n * 40) / 60_000)).toBeLessThanOrEqual(4 * Math.sqrt(n * 0.1 * 0.9) + 4)
	})

	it('five requests a second at most, of which a share of all leaves room for who calls seldom', async () => {
		const { see, take, later } = sampled(1)
		for (let i = 0; i < 1_000; i++) see({ caller: caller('busy') })
		see({ caller: caller('rare') })
		const first = await take()
		expect(first.length).toBeLessThanOrEqual(SAMPLE_BURST)
		expect(first.at(-1)!.caller!.workload).toBe('rare')
		let taken = 0
		for (let second = 0; second < 60; second++) {
			later(1_000)
			for (let i = 0; i < 1_000; i++) see({ caller: caller('busy') })
			taken += (await take()).length
		}
		expect(taken).toBeLessThanOrEqual(300)
		expect(taken).toBeGreaterThan(250)
	})

	it('nothing while the share is 0, and no more than it may while nobody asks', async () => {
		const off = sampled(0)
		off.see()
		expect(await off.batch()).toBe(undefined)
		const { see, take, later } = sampled(1)
		for (let i = 0; i < 1_000; i++) {
			later(1_000)
			see()
		}
		expect((await take()).length).toBe(SAMPLE_BURST)
	})

	it('only requests that policies were asked about', async () => {
		const { see, take } = sampled(1)
		see({ service: serviceNamed('') })
		for (const reason of ['invalid_proof', 'identity_required', 'bug', 'unknown_host', 'issuer_unavailable'])
			see({}, { reason } as Refusal)
		// A workload's token, not a user's.
		see({ distrust: UNTRUSTED }, UNTRUSTED)
		expect(await take()).toEqual([])
		for (const reason of ['upstream_failed', 'no_endpoint', 'authorizer_denied']) see({}, { reason } as Refusal)
		for (const reason of ['access_denied', 'ambiguous_path']) see({}, { reason } as Refusal)
		expect((await take()).map(({ allowed }) => allowed)).toEqual([true, true, true, false, false])
	})
})

describe('a request whose token is not believed', () => {
	const rule = jwtRule({ issuer: 'https://idp', from: TOKEN_PLACES })
	const service = { ...serviceNamed('d/a'), ...compileUsers([rule]) }
	const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

	it('is remembered with a digest of the issuer that it claims, and nothing of a user', async () => {
		const { see, batch } = sampled(1)
		const token = tokenOf({ iss: 'https://stranger', sub: 's3cret' })
		see({ service }, UNTRUSTED, 'http://h.test/a', bearer(token))
		const { key, samples } = (await batch())!
		const digest = await digester(key)
		expect(samples).toMatchObject([
			{ allowed: false, refusedUser: { issuer: await digest(LABELS.issuer, 'https://stranger') } },
		])
		expect(samples[0]).not.toHaveProperty('user')
		for (const text of ['stranger', 's3cret', token]) expect(JSON.stringify(samples)).not.toContain(text)
	})

	it('claims no issuer where its token is none, and one cannot tell which of several tokens it was', async () => {
		const { see, batch } = sampled(1)
		const [one, other] = [tokenOf({ iss: 'https://a' }), tokenOf({ iss: 'https://b' })]
		see({ service }, UNTRUSTED, 'http://h.test/a', bearer('no token'))
		see({ service }, UNTRUSTED, `http://h.test/a?access_token=${one}`, bearer(other))
		see({ service }, UNTRUSTED, `http://h.test/a?access_token=${one}`, bearer(one))
		const { key, samples } = (await batch())!
		const digest = await digester(key)
		expect(samples.map(({ refusedUser }) => refusedUser)).toEqual([
			{ issuer: await digest(LABELS.issuer, '') },
			{},
			{ issuer: await digest(LABELS.issuer, 'https://a') },
		])
	})

	it('is told from a JWT-SVID beside it, which is a workload’s as long as no rule is of its issuer', async () => {
		const { see, batch } = sampled(1)
		const [svid, own] = [
			tokenOf({ iss: 'https://spire', sub: 'spiffe://m/x' }),
			tokenOf({ iss: 'https://idp', sub: 'spiffe://m/x' }),
		]
		const beside = `http://h.test/a?access_token=${tokenOf({ iss: 'https://a' })}`
		see({ service }, UNTRUSTED, beside, bearer(svid))
		see({ service }, UNTRUSTED, beside, bearer(own))
		see({ service }, undefined, 'http://h.test/a', bearer(svid))
		const { key, samples } = (await batch())!
		const digest = await digester(key)
		const of = (issuer: string) => digest(LABELS.issuer, issuer)
		expect(samples.map(({ workloadIssuer, refusedUser }) => [workloadIssuer, refusedUser])).toEqual([
			[await of('https://spire'), { issuer: await of('https://a') }],
			[await of('https://idp'), {}],
			[await of('https://spire'), undefined],
		])
	})

	it('takes no place of another, however many there are, and not more than a fifth of the batch', async () => {
		const { see, take, later } = sampled(1)
		for (let i = 0; i < 1_000; i++) see({ service }, UNTRUSTED, 'http://h.test/a', bearer('x'))
		for (let i = 0; i < 1_000; i++) see({ service })
		for (const workload of Array.from({ length: 30 }, (_, i) => `w${i}`)) see({ service, caller: caller(workload) })
		const first = await take()
		const count = (all: typeof first) => all.filter(({ refusedUser }) => refusedUser !== undefined).length
		expect([count(first) <= UNASKED_BURST, first.length - count(first)]).toEqual([true, SAMPLE_BURST])
		let [honest, strange] = [0, 0]
		for (let second = 0; second < 60; second++) {
			later(1_000)
			for (let i = 0; i < 100; i++) see({ service }, UNTRUSTED, 'http://h.test/a', bearer('x'))
			for (let i = 0; i < 100; i++) see({ service })
			const all = await take()
			strange += count(all)
			honest += all.length - count(all)
		}
		expect(strange).toBeLessThanOrEqual(60)
		expect(honest).toBeGreaterThan(250)
	})
})

describe('a user', () => {
	it('of several tokens is said to be of several, also where they have been taken off', async () => {
		const { see, take } = sampled(1)
		const rule = jwtRule({ issuer: 'https://idp', from: TOKEN_PLACES })
		const service = { ...serviceNamed('d/a'), ...compileUsers([rule]) }
		const user = {
			...{ issuer: 'https://idp', subject: 'a', principal: 'https://idp/a', audiences: [], claims: {} },
			...{ spaceDelimitedClaims: [], expiresAt: 0, payload: '' },
		}
		const url = 'http://h.test/a?access_token=x'
		for (const token of ['x', 'y'])
			see({ service, user, target: '/a' }, undefined, url, { authorization: `Bearer ${token}` })
		expect((await take()).map(({ user: found }) => found?.isOfSeveral)).toEqual([undefined, true])
	})
})

describe('a sample', () => {
	it('says what policies look at, as they see it', async () => {
		const { see, take } = sampled(1)
		see({ caller: caller('a') }, undefined, 'http://H.test:8080/a/%7Eb?x=s3cret', { accept: '*/*', cookie: 's3cret' })
		const [sample] = await take()
		expect(sample).toMatchObject({
			...{ at: NOW, service: 'd/a', rule: '', method: 'GET', host: 'h.test', port: 8080, path: '/a/~b', query: true },
			...{
				caller: { spiffeId: `spiffe://${DOMAIN}/ns/d/sa/a`, namespace: 'd', workload: 'a' },
				network: '192.0.2.0/24',
			},
			allowed: true,
		})
		const headers = new Map(sample!.headers)
		expect(headers.get('accept')).toMatch(/^[0-9a-f]{16}$/)
		expect(headers.get('cookie')).toBe(null)
		expect(headers.get('x-forwarded-for')).toBe(null)
		expect(JSON.stringify(sample)).not.toContain('s3cret')
		expect(JSON.stringify(sample)).not.toContain('192.0.2.77')
	})

	it.each([
		['2001:db8:1:2::7', '2001:db8:1::/48'],
		['::ffff:192.0.2.9', '192.0.2.0/24'],
		['', ''],
		['nonsense', ''],
	])('of %s has the network %s', async (clientAddress, network) => {
		const { see, take } = sampled(1)
		see({ clientAddress })
		expect((await take())[0]!.network).toBe(network)
	})

	it('of a long or ambiguous path says so', async () => {
		const { see, take } = sampled(1)
		see({}, undefined, `http://h.test/${'x'.repeat(300)}`)
		see({}, undefined, 'http://h.test/a//b')
		const [long, odd] = await take()
		expect([long!.path.length, long!.pathCut]).toEqual([256, true])
		expect([odd!.path, odd!.ambiguous]).toEqual(['/a//b', 'an empty segment'])
	})

	it('of a caller that does not count for its service has none', async () => {
		const { see, take } = sampled(1)
		const indifferent = { ...serviceNamed('d/a'), peers: { ...serviceNamed('d/a').peers, mode: 'DISABLE' as const } }
		see({ caller: caller('a'), service: indifferent })
		expect((await take())[0]).not.toHaveProperty('caller')
	})

	it('is under a key that stays for a day', async () => {
		const { see, batch, later } = sampled(1)
		const keys: (string | undefined)[] = []
		for (const ms of [0, 1_000, DAY_MS]) {
			later(ms)
			see()
			keys.push((await batch())?.key)
		}
		expect([keys[0] === keys[1], keys[1] === keys[2]]).toEqual([true, false])
	})
})
