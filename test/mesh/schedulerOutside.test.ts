/** The scheduler's refresh of keys from outside: whose are fetched, from where, how many at once, and what becomes of those that fail. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { FetchedInfo, FetchedKeys, StoredResource } from '../../src/ports.ts'
import type { Resource } from '../../src/resources/resource.ts'
import type { Condition } from '../../src/resources/status.ts'
import { type KeysRefreshFailure, type OutsideEnv, refreshOutside } from '../../workers/scheduler/outside.ts'

const NOW = 1_000_000_000_000
const BUNDLE = '{"keys":[]}'
const JWKS = JSON.stringify({ keys: [{ kty: 'EC', kid: 'i1', crv: 'P-256', x: 'x', y: 'y' }] })

let created = 0
function stored(kind: string, spec: object, accepted = true): StoredResource {
	const condition: Condition = {
		...{ type: 'Accepted', status: accepted ? 'True' : 'False', reason: 'Accepted', message: '' },
		...{ observedGeneration: 1, lastTransitionTime: '2100-01-01T00:00:00Z' },
	}
	const document = {
		apiVersion: 'selvedge.dev/v1',
		kind,
		metadata: { name: `r${created}`, namespace: 'default' },
		spec,
	}
	return {
		resource: document as unknown as Resource,
		...{ generation: 1, revision: 1, createdAt: new Date(++created * 1_000).toISOString() },
		status: { conditions: [condition] },
	}
}
const federated = (trustDomain: string, { accepted = true, ...spec }: { accepted?: boolean; url?: string } = {}) =>
	stored(
		'FederatedTrustDomain',
		{
			trustDomain,
			bundleEndpoint: { url: spec.url ?? `https://${trustDomain}/bundle`, profile: { type: 'https_web' } },
		},
		accepted,
	)
const trusting = (issuer: string, jwksUri?: string) =>
	stored('WorkloadTrust', { workload: 'w', oidc: { issuer, audiences: ['a'], ...(jwksUri && { jwksUri }) } })

interface World {
	readonly documents: StoredResource[]
	readonly known?: FetchedInfo[]
	/** By URL; `hang` answers never, and gives up with its signal. */
	readonly answers?: Record<string, string | number | 'hang'>
	readonly addresses?: string
	/** Of one fetch. */
	readonly tookMs?: number
}

async function refreshed({ documents, known = [], answers = {}, addresses, tookMs = 0 }: World) {
	const put = new Map<string, FetchedKeys & { kind: string }>()
	const fetched: string[] = []
	const inits: RequestInit[] = []
	const log: KeysRefreshFailure[] = []
	let kept: readonly string[] | undefined
	let [running, mostAtOnce, now] = [0, 0, NOW]
	const infos = new Map(known.map((info) => [info.name, info]))
	const env: OutsideEnv = {
		MESH_DOMAIN: 'mesh.example.com',
		...(addresses === undefined ? {} : { ENDPOINT_ADDRESSES: addresses }),
		POLICY_STORE: {
			// Pages of two.
			getByName: () => ({
				list: async (kind, { after }) => {
					const all = documents.filter(({ resource }) => resource.kind === kind)
					const from = Number(after ?? 0)
					return { items: all.slice(from, from + 2), ...(from + 2 < all.length && { next: String(from + 2) }) }
				},
			}),
		},
		KEY_RING: {
			getByName: () => ({
				listFetchedKeys: async () => [...infos.values()],
				keepFetchedKeys: async (names) => {
					kept = names
				},
				putFetchedKeys: async (name, kind, keys) => {
					if (name === 'broken.example') throw new Error('the ring is broken')
					put.set(name, { ...keys, kind })
					const { url, failure, fetchedAt } = keys
					infos.set(name, { name, kind, url, fetchedAt, triedAt: fetchedAt, ...(failure && { failure }) })
				},
			}),
		},
	}
	const fetch = async (url: string, init: RequestInit) => {
		fetched.push(url)
		inits.push(init)
		mostAtOnce = Math.max(mostAtOnce, ++running)
		now += tookMs
		try {
			await new Promise((resolve) => setTimeout(resolve, 1))
			const answer = answers[url] ?? 404
			if (answer === 'hang')
				await new Promise((_, reject) => {
					init.signal!.addEventListener('abort', () => reject(init.signal!.reason))
				})
			return typeof answer === 'number'
				? new Response(null, { status: answer, headers: { location: 'https://thief.example' } })
				: new Response(answer)
		} finally {
			running--
		}
	}
	await refreshOutside(env, { fetch, now: () => now }, (failure) => log.push(failure))
	return { put, fetched, inits, log, kept, mostAtOnce }
}

afterEach(() => {
	vi.restoreAllMocks()
})

describe('each minute', () => {
	it('bundles are fetched from where documents say, key sets from where issuers say, each kept under its own name', async () => {
		const { put, log, kept } = await refreshed({
			documents: [
				federated('partner.example'),
				trusting('https://ci.example'),
				trusting('https://ci.example'),
				trusting('https://cloud.example', 'https://keys.example/set?x=1'),
				stored('WorkloadTrust', { workload: 'w', joinToken: {} }),
			],
			answers: {
				'https://partner.example/bundle': BUNDLE,
				'https://ci.example/.well-known/openid-configuration': JSON.stringify({
					...{ issuer: 'https://ci.example', jwks_uri: 'https://ci.example/jwks' },
				}),
				'https://ci.example/jwks': JWKS,
				'https://keys.example/set?x=1': JWKS,
			},
		})
		const fetchedAt = NOW
		expect(Object.fromEntries(put)).toEqual({
			'partner.example': { kind: 'trustDomain', url: 'https://partner.example/bundle', body: BUNDLE, fetchedAt },
			'https://ci.example': { kind: 'issuer', url: 'https://ci.example/jwks', body: JWKS, fetchedAt },
			'https://cloud.example#https://keys.example/set?x=1': {
				...{ kind: 'issuer', url: 'https://keys.example/set?x=1', body: JWKS, fetchedAt },
			},
		})
		expect([log, kept]).toEqual([[], undefined])
	})

	it('what no document names any more, or none that is Accepted, is forgotten and not fetched', async () => {
		const info = (name: string): FetchedInfo => ({
			...{ name, kind: 'trustDomain', url: `https://${name}/bundle`, fetchedAt: NOW, triedAt: NOW },
		})
		const { kept, fetched } = await refreshed({
			documents: [
				federated('stays.example'),
				federated('refused.example', { accepted: false }),
				{ ...federated('new.example'), status: {} },
			],
			known: ['stays.example', 'refused.example', 'gone.example'].map(info),
		})
		expect([kept, fetched]).toEqual([['stays.example'], []])
	})

	it('a document that moved is fetched from where it is now, however young it is', async () => {
		const url = 'https://elsewhere.example/bundle'
		const { put } = await refreshed({
			documents: [federated('partner.example', { url })],
			known: [
				{
					...{ name: 'partner.example', kind: 'trustDomain', url: 'https://partner.example/bundle' },
					...{ fetchedAt: NOW, triedAt: NOW },
				},
			],
			answers: { [url]: BUNDLE },
		})
		expect(put.get('partner.example')).toMatchObject({ url, body: BUNDLE })
	})
})

describe('what fails', () => {
	it.each([
		['redirects', 302, 'answers 302'],
		['answers 500', 500, 'answers 500'],
		['is longer than 1 MiB', `{"keys":[],"pad":"${'x'.repeat(1_048_576)}"}`, 'has more than 1048576 bytes'],
	])('since an endpoint %s is noted under its URL, logged, and followed nowhere', async (_, answer, why) => {
		const url = 'https://partner.example/bundle'
		const { put, log, fetched, inits } = await refreshed({
			documents: [federated('partner.example')],
			answers: { [url]: answer },
		})
		expect(put.get('partner.example')).toMatchObject({ url, body: '', failure: `${url} ${why}` })
		expect(log).toEqual([{ event: 'keys_refresh_failed', name: 'partner.example', error: `${url} ${why}` }])
		expect(fetched).toEqual([url])
		expect(inits[0]).toMatchObject({ redirect: 'manual' })
	})

	it.each([
		['http', 'http://partner.example/bundle', 'any'],
		['a loopback address in production', 'http://127.0.0.1:7/bundle', 'names'],
		['the mesh itself', 'https://orders.mesh.example.com/bundle', 'any'],
	])('is what is not even asked for: %s', async (_, url, addresses) => {
		const { fetched, put } = await refreshed({ documents: [federated('partner.example', { url })], addresses })
		expect(fetched).toEqual([])
		expect(put.get('partner.example')!.failure).toMatch(/^the URL must /)
	})

	it('of an issuer is noted under the URL that its good keys came from', async () => {
		const url = 'https://ci.example/jwks'
		const { put } = await refreshed({
			documents: [trusting('https://ci.example')],
			known: [{ name: 'https://ci.example', kind: 'issuer', url, fetchedAt: 1, triedAt: 1 }],
		})
		expect(put.get('https://ci.example')).toMatchObject({ url, body: '', failure: expect.stringContaining('404') })
	})

	it('holds up nothing else: neither who hangs, nor a ring that refuses one', async () => {
		vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
			expect(ms).toBe(5_000)
			const given = new AbortController()
			setTimeout(() => given.abort(new Error('timed out')), 50)
			return given.signal
		})
		const names = Array.from({ length: 10 }, (_, i) => `p${i}.example`)
		const answers = Object.fromEntries(names.map((name, i) => [`https://${name}/bundle`, i % 2 ? BUNDLE : 'hang']))
		const { put, log, mostAtOnce } = await refreshed({
			documents: [...names, 'broken.example'].map((name) => federated(name)),
			answers: { ...answers, 'https://broken.example/bundle': BUNDLE },
		})
		expect([...put].filter(([, { failure }]) => failure === undefined)).toHaveLength(5)
		expect([...put].filter(([, { failure }]) => failure?.includes('timed out'))).toHaveLength(5)
		expect(log).toHaveLength(6)
		expect(mostAtOnce).toBe(4)
	})

	it('of the listing loses nothing: what is known stays', async () => {
		const env = {
			MESH_DOMAIN: 'mesh.example.com',
			POLICY_STORE: { getByName: () => ({ list: () => Promise.reject(new Error('broken')) }) },
			KEY_RING: { getByName: () => expect.unreachable('nothing is to be told to the ring') },
		} as OutsideEnv
		const log: KeysRefreshFailure[] = []
		await refreshOutside(env, { fetch: () => expect.unreachable(), now: () => NOW }, (failure) => log.push(failure))
		expect(log).toEqual([{ event: 'keys_refresh_failed', error: 'Error: broken' }])
	})
})

describe('bounds', () => {
	it('of the trust domains that are federated the oldest 64 are fetched, and the others named', async () => {
		const documents = Array.from({ length: 66 }, (_, i) => federated(`p${i}.example`))
		const { fetched, log } = await refreshed({ documents: documents.reverse() })
		expect(new Set(fetched).size).toBe(64)
		const named = log.filter(({ error }) => error.includes('the oldest 64')).map(({ name }) => name)
		expect(named.length).toBe(2)
		for (const name of named) expect(fetched).not.toContain(`https://${name}/bundle`)
	})

	it('of thousands of issuers each minute takes a share, the same one never twice in a row', async () => {
		const documents = Array.from({ length: 300 }, (_, i) => trusting('https://ci.example', `https://ci.example/${i}`))
		const { fetched, put } = await refreshed({ documents })
		expect(fetched).toHaveLength(200)
		const known = Array.from(
			put,
			([name, { url }]): FetchedInfo => ({
				...{ name, kind: 'issuer', url, fetchedAt: 0, triedAt: NOW - 60_000 },
			}),
		)
		const next = await refreshed({ documents, known })
		expect(next.fetched.slice(0, 100).filter((url) => fetched.includes(url))).toEqual([])
	})

	it('a minute that would last too long ends, and what is left is the first of the next one', async () => {
		const documents = Array.from({ length: 40 }, (_, i) => federated(`q${i}.example`))
		const { fetched, put } = await refreshed({ documents, tookMs: 5_000 })
		expect(fetched.length).toBeLessThan(14)
		const known = Array.from(
			put,
			([name, { url, fetchedAt, failure }]): FetchedInfo => ({
				...{ name, kind: 'trustDomain', url, fetchedAt: 0, triedAt: fetchedAt, failure: failure! },
			}),
		)
		const next = await refreshed({ documents, known, tookMs: 5_000 })
		expect(next.fetched.filter((url) => fetched.includes(url))).toEqual([])
	})
})
