/** Issuers that rotate, fail, flood and trickle: good tokens go on working, and no issuer is touched by another. */
import type { RequestListener } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FetchedInfo, KeyRingPort } from '../../src/ports.ts'
import { type Backend, startBackend } from './backend.ts'
import { eventually } from './client.ts'
import { service } from './documents.ts'
import { DOMAIN, type Mesh, type RunningClock, runningClock, startMesh } from './meshHarness.ts'
import { requestAuthentication, startUserIssuer, type UserIssuer } from './userIssuer.ts'
import { newKey } from './workload.ts'

const NAMES = [
	'steady',
	'rotating',
	'down',
	'replaced',
	'large',
	'slow',
	'garbage',
	'flooded',
	'newcomer',
	'ticked',
	'unnamed',
] as const
type Name = (typeof NAMES)[number]

let mesh: Mesh
let backend: Backend
const issuers = {} as Record<Name, UserIssuer>

beforeAll(async () => {
	backend = await startBackend((_, response) => response.end('served'))
	for (const name of NAMES) issuers[name] = await startUserIssuer()
	// The second isolate of a region has met nobody yet.
	mesh = await startMesh({ regions: ['weur', 'weur/2', 'enam'] })
	await mesh.apply(
		...NAMES.map((name) => service(name, backend.url)),
		...NAMES.filter((name) => name !== 'ticked').map(believing),
	)
	issuers.unnamed.answer = (_, response) => {
		const keys = Array.from(issuers.unnamed.keys.values(), ({ jwk: { kid: __, ...jwk } }) => ({ ...jwk, use: 'sig' }))
		response.end(JSON.stringify({ keys }))
	}
	issuers.newcomer.answer = (_, response) => response.writeHead(503).end()
	await mesh.tick()
	for (const name of NAMES) if (name !== 'newcomer' && name !== 'ticked') await untilServed(name)
})
afterAll(async () => {
	await mesh?.stop()
	await Promise.all([backend, ...Object.values(issuers)].map((each) => each?.stop()))
})

const believing = (name: Name) => requestAuthentication(name, [{ issuer: issuers[name].url }])
/** `served`, or the reason and the code of the refusal. */
async function shown(name: Name, token: string, region = 'weur'): Promise<string> {
	const { text } = await mesh.via(`${name}.${DOMAIN}`, '/', { headers: { authorization: `Bearer ${token}` }, region })
	if (text === 'served') return text
	const { reason, detail } = JSON.parse(text) as { reason: string; detail: string }
	return reason === 'invalid_token' ? `${reason} ${detail.split(':')[0]}` : reason
}
const untilServed = async (name: Name, token?: string) => {
	const good = token ?? (await issuers[name].token())
	await eventually(
		() => shown(name, good),
		(answer) => answer === 'served',
	)
}
const UNKNOWN = 'invalid_token unknown_key'
/** Once in ten seconds. */
const mostInquiries = (since: number) => 1 + Math.floor((Date.now() - since) / 10_000)
const ring = async () => (await mesh.objects<KeyRingPort>('KEY_RING')).getByName('mesh')
const infoOf = async (name: Name): Promise<FetchedInfo | undefined> =>
	(await (await ring()).listFetchedKeys()).find((info) => info.name === `users ${issuers[name].url}`)
/** In ms while the machine runs. */
const timed = async (clock: RunningClock, work: () => Promise<unknown>): Promise<number> => {
	const startedAt = clock.now()
	await work()
	return clock.now() - startedAt
}
const newClock = () => runningClock(() => mesh.api('GET', '/healthz'))
/** Who waits for a key does so for at least as long as this, unless it comes before. */
const KEY_PATIENCE_MS = 1_500
/** Served at once; on a machine that stands still for as long as a request waits, when it is asked again. */
async function expectServedAtOnce(name: Name, token: string): Promise<void> {
	const startedAt = performance.now()
	const answer = await shown(name, token)
	if (answer === 'served' || performance.now() - startedAt < KEY_PATIENCE_MS - 10) expect(answer).toBe('served')
	else await untilServed(name, token)
}

describe('a key that an issuer adds', () => {
	it('counts at once, and the old one until it is taken away', async () => {
		const issuer = issuers.rotating
		const old = await issuer.token()
		await issuer.add('second')
		const young = await issuer.token({}, 'second')
		await expectServedAtOnce('rotating', young)
		expect(await shown('rotating', old)).toBe('served')
		// The other isolates hear of it with trust, and ask nobody.
		const { length } = issuer.asked
		for (const region of ['weur/2', 'enam']) {
			expect(await shown('rotating', old, region)).toBe('served')
			await eventually(
				() => shown('rotating', young, region),
				(answer) => answer === 'served',
				2_000,
			)
		}
		expect(issuer.asked.length).toBe(length)
		// As the scheduler's refresh does, when the issuer has taken it away.
		issuer.keys.delete('first')
		const jwk = { ...issuer.keys.get('second')!.jwk, kid: 'second' }
		const body = JSON.stringify({ keys: [jwk] })
		const fetched = { url: `${issuer.url}/keys`, body, fetchedAt: Date.now() }
		await (await ring()).putFetchedKeys(`users ${issuer.url}`, 'userIssuer', fetched)
		for (const region of ['weur', 'weur/2', 'enam']) {
			await eventually(
				() => shown('rotating', old, region),
				(answer) => answer === UNKNOWN,
			)
			expect(await shown('rotating', young, region)).toBe('served')
		}
	})
})

describe('an issuer that is gone', () => {
	it('is missed by nobody whose token is good, in isolates that start only now too', async () => {
		const tokens = await Promise.all([issuers.down.token(), issuers.down.token({ sub: 'bob' })])
		await issuers.down.stop()
		for (const region of ['weur', 'weur/2', 'enam'])
			for (const token of tokens) expect(await shown('down', token, region)).toBe('served')
		// Who names a key that nobody knows learns so, and changes nothing.
		expect(await shown('down', await issuers.down.token({}, 'unknown'))).toBe(UNKNOWN)
		expect(await shown('down', tokens[0]!)).toBe('served')
		await eventually(
			() => infoOf('down'),
			(info) => info?.failure !== undefined,
		)
		expect(await shown('down', await issuers.down.token({ sub: 'carol' }), 'enam')).toBe('served')
	})

	it('and was never met is unavailable, which is nobody else’s trouble', async () => {
		expect(await shown('newcomer', await issuers.newcomer.token())).toBe('issuer_unavailable')
		expect(await shown('steady', await issuers.steady.token())).toBe('served')
	})
})

it('keys that replace those of the same name refuse what the others have signed', async () => {
	const issuer = issuers.replaced
	const token = await issuer.token()
	expect(await shown('replaced', token)).toBe('served')
	issuer.keys.set('first', await newKey('ES256'))
	issuer.keys.set('other', await newKey('ES256'))
	await expectServedAtOnce('replaced', await issuer.token({}, 'other', issuer.keys.get('other')!))
	expect(await shown('replaced', token)).toBe('invalid_token bad_signature')
	expect(await shown('steady', await issuers.steady.token())).toBe('served')
})

it('keys without names are fetched anew when a token names none and is by none of them', async () => {
	const issuer = issuers.unnamed
	const old = await issuer.token({}, null)
	await untilServed('unnamed', old)
	issuer.keys.delete('first')
	const key = await issuer.add('second')
	const [asked, startedAt] = [issuer.asked.length, Date.now()]
	const young = await issuer.token({}, null, key)
	await eventually(
		() => shown('unnamed', young),
		(answer) => answer === 'served',
	)
	expect(await shown('unnamed', old)).toBe('invalid_token bad_signature')
	const inquiries = issuer.asked.slice(asked).filter((path) => path === '/keys').length
	expect(inquiries).toBeLessThanOrEqual(mostInquiries(startedAt))
})

describe('a key set that cannot be taken', () => {
	const megabytes: RequestListener = (_, response) => {
		const chunk = Buffer.alloc(65_536, ' ')
		let left = 160
		const more = () => {
			while (left-- > 0) if (!response.write(chunk)) return void response.once('drain', more)
			response.end('{"keys":[]}')
		}
		more()
	}
	const trickle: RequestListener = (_, response) => {
		response.setHeader('content-type', 'application/json').write('{"keys":[')
		const drops = setInterval(() => response.write(' '), 500)
		response.once('close', () => clearInterval(drops))
	}
	const garbage: RequestListener = (_, response) => response.end('<html>Sign in</html>')

	it.each<[string, Name, RequestListener, RegExp]>([
		['of 10 MB', 'large', megabytes, /more than 262144 bytes/],
		['that takes a minute to come', 'slow', trickle, /cannot be read/],
		['that is a page of HTML', 'garbage', garbage, /the key set is no JSON object/],
	])('%s leaves the keys before it, and other issuers, as they were', async (_, name, answer, why) => {
		const issuer = issuers[name]
		const before = await issuer.token()
		const clock = newClock()
		issuer.answer = answer
		// A key that nobody knows has the issuer asked.
		const unknown = await issuer.token({}, 'unknown')
		const waiting = timed(clock, async () => expect(await shown(name, unknown)).toBe(UNKNOWN))
		for (let i = 0; i < 20; i++) {
			const [own, other] = await Promise.all([issuer.token({ jti: `${i}` }), issuers.steady.token({ jti: `${i}` })])
			const took = await timed(clock, async () => {
				expect(await shown(name, own)).toBe('served')
				expect(await shown('steady', other)).toBe('served')
			})
			expect(took).toBeLessThan(1_000)
		}
		expect(await waiting).toBeLessThan(2_500)
		await clock.stop()
		const info = await eventually(
			() => infoOf(name),
			(known) => known?.failure !== undefined,
		)
		expect(info?.failure).toMatch(why)
		expect(await shown(name, before)).toBe('served')
		expect(await shown(name, before, 'enam')).toBe('served')
		issuer.answer = undefined
	})
})

it('keys that somebody makes up at 200 a second have the issuer asked once in ten seconds, and delay no good token', async () => {
	const issuer = issuers.flooded
	const good = await issuer.token()
	const foreign = await issuers.steady.token()
	issuer.asked.length = 0
	const flood: Promise<string>[] = []
	const times: number[] = []
	const clock = newClock()
	const startedAt = Date.now()
	for (let i = 0; i < 600; i++) {
		const fake = await issuer.token({}, `made-up-${i}`)
		flood.push(shown('flooded', fake, ['weur', 'weur/2', 'enam'][i % 3]))
		if (i % 10 === 0)
			times.push(
				await timed(clock, async () => {
					expect(await shown('flooded', good)).toBe('served')
					expect(await shown('steady', foreign)).toBe('served')
				}),
			)
		await new Promise((resolve) => setTimeout(resolve, 3))
	}
	const answers = await Promise.all(flood)
	await clock.stop()
	expect(new Set(answers)).toEqual(new Set([UNKNOWN]))
	const inquiries = issuer.asked.filter((path) => path === '/keys').length
	expect(inquiries).toBeGreaterThan(0)
	expect(inquiries).toBeLessThanOrEqual(mostInquiries(startedAt))
	times.sort((a, b) => a - b)
	expect(times[Math.floor(times.length / 2)]!).toBeLessThan(250)
	expect(times.at(-1)!).toBeLessThan(1_000)
	// A key that is real counts once the issuer may be asked again, however many are made up.
	await issuer.add('second')
	const young = await issuer.token({}, 'second')
	await eventually(
		async () => {
			await shown('flooded', await issuer.token({}, `made-up-${Math.random()}`))
			return shown('flooded', young)
		},
		(answer) => answer === 'served',
	)
})

describe('the scheduler', () => {
	it('fetches the keys of each issuer before anybody shows a token, and leaves out those that nobody names any more', async () => {
		await mesh.apply(believing('ticked'))
		await mesh.tick()
		expect(issuers.ticked.asked).toEqual(['/.well-known/openid-configuration', '/keys'])
		const token = await issuers.ticked.token()
		await issuers.ticked.stop()
		await untilServed('ticked', token)
		await mesh.remove(believing('ticked'))
		await mesh.tick()
		expect(await infoOf('ticked')).toBeUndefined()
		expect((await (await ring()).published()).trust.issuers!.map(({ name }) => name)).not.toContain(issuers.ticked.url)
		expect(await infoOf('steady')).toBeDefined()
	})
})
