/** Keys from outside: kept by whose they are, taken from where operators say, and never mixed up. */
import { describe, expect, it, vi } from 'vitest'
import { TRUST_PART } from '../../src/names.ts'
import type { FetchedKeys } from '../../src/ports.ts'
import type { Trust } from '../../src/snapshot/trust.ts'
import { inKeyRing, keyRing, restart, trustNow } from './keyRingObjects.ts'
import { freshKeyRing, HOUR, link, NOW } from './keyRingWorld.ts'
import { ACTOR, documents, everything, root } from './meshObjects.ts'

freshKeyRing()

const at = (ms: number) => vi.setSystemTime(NOW + ms)
const jwk = { kty: 'EC', crv: 'P-256', x: 'x'.repeat(43), y: 'y'.repeat(43) }
const keySet = (kid: string, more: object = {}) =>
	JSON.stringify({ keys: [{ kid, use: 'jwt-svid', ...jwk, d: 'never' }], ...more })
const urlOf = (name: string) => `https://keys.${name}/bundle`
const put = (name: string, body: string, more: Partial<FetchedKeys> = {}) =>
	keyRing().putFetchedKeys(name, 'trustDomain', { url: urlOf(name), body, fetchedAt: Date.now(), ...more })
const bundle = (trustDomain: string, kid: string) => ({
	trustDomain,
	keys: [{ kid, use: 'jwt-svid', jwk: { ...jwk, alg: 'ES256' } }],
	authorities: [],
	endpoint: urlOf(trustDomain),
})
const kidsOf = ({ federated }: Trust) =>
	federated.map(({ trustDomain, keys }) => [trustDomain, ...keys.map(({ kid }) => kid)])
const known = async (name: string) => (await keyRing().listFetchedKeys()).find((info) => info.name === name)

describe('a bundle', () => {
	it('is kept under its trust domain, apart from our keys and from those of issuers', async () => {
		await put('partner.example', keySet('p1'))
		await put('b.example', keySet('b1'))
		const issuer = { url: 'https://issuer.example/keys', body: keySet('i1'), fetchedAt: NOW }
		await keyRing().putFetchedKeys('https://issuer.example', 'issuer', issuer)
		const trust = await trustNow()
		expect(trust.federated).toEqual([bundle('b.example', 'b1'), bundle('partner.example', 'p1')])
		expect(JSON.stringify([trust.keys, trust.authorities])).not.toMatch(/"[pbi]1"/)
		expect((await keyRing().fetchedKeys('https://issuer.example'))!.body).toBe(keySet('i1'))
		expect(await keyRing().fetchedKeys('other')).toBeNull()
	})

	it('stays when it cannot be fetched anew, or what came is none, also over a restart', async () => {
		await put('partner.example', keySet('p1'))
		at(HOUR)
		await put('partner.example', '', { failure: 'HTTP 500' })
		const kept = { body: keySet('p1'), fetchedAt: NOW }
		expect(await keyRing().fetchedKeys('partner.example')).toMatchObject({ ...kept, failure: 'HTTP 500' })
		at(2 * HOUR)
		await put('partner.example', '{}')
		await restart(link)
		expect(await keyRing().fetchedKeys('partner.example')).toMatchObject({
			...kept,
			failure: 'the bundle has no array `keys`',
		})
		expect(await known('partner.example')).toMatchObject({ fetchedAt: NOW, triedAt: NOW + 2 * HOUR })
		expect(kidsOf(await trustNow())).toEqual([['partner.example', 'p1']])
		await put('partner.example', keySet('p2'))
		const url = urlOf('partner.example')
		expect(await keyRing().fetchedKeys('partner.example')).toEqual({
			url,
			body: keySet('p2'),
			fetchedAt: NOW + 2 * HOUR,
		})
		expect(kidsOf(await trustNow())).toEqual([['partner.example', 'p2']])
	})

	it('without keys takes back all that there were', async () => {
		await put('partner.example', keySet('p1'))
		await put('partner.example', '{"keys":[]}')
		expect(kidsOf(await trustNow())).toEqual([['partner.example']])
	})

	it('that goes back to an earlier sequence is refused; one that stays or goes on is not', async () => {
		await put('partner.example', keySet('p10', { spiffe_sequence: 10, spiffe_refresh_hint: 600 }))
		await put('partner.example', keySet('p9', { spiffe_sequence: 9 }))
		expect(kidsOf(await trustNow())).toEqual([['partner.example', 'p10']])
		expect(await known('partner.example')).toMatchObject({
			...{ sequence: '10', refreshHintSeconds: 600 },
			failure: "the bundle's spiffe_sequence went back from 10 to 9",
		})
		await put('partner.example', keySet('same', { spiffe_sequence: 10 }))
		await put('partner.example', keySet('p11', { spiffe_sequence: 11 }))
		expect(await known('partner.example')).toEqual({
			...{ name: 'partner.example', kind: 'trustDomain', url: urlOf('partner.example') },
			...{ fetchedAt: NOW, triedAt: NOW, sequence: '11' },
		})
		expect(kidsOf(await trustNow())).toEqual([['partner.example', 'p11']])
	})

	it('of another URL replaces what was there, even when it cannot be fetched, and counts anew', async () => {
		await put('partner.example', keySet('p10', { spiffe_sequence: 10 }))
		await put('partner.example', '', { url: 'https://elsewhere.example', failure: 'HTTP 404' })
		expect((await trustNow()).federated).toEqual([])
		await put('partner.example', keySet('e1', { spiffe_sequence: 1 }), { url: 'https://elsewhere.example' })
		expect(kidsOf(await trustNow())).toEqual([['partner.example', 'e1']])
	})

	it('for our own trust domain is never looked at', async () => {
		await put('mesh.localhost', keySet('evil'))
		expect(JSON.stringify(await trustNow())).not.toContain('"evil"')
	})

	it('is refused where all together would crowd out what the mesh itself has to say', async () => {
		const n = (i: number) => String(i).padStart(683, 'n')
		const keys = Array.from({ length: 64 }, (_, i) => ({
			kid: `${i}`,
			use: 'jwt-svid',
			kty: 'RSA',
			n: n(i),
			e: 'AQAB',
		}))
		for (let i = 0; i < 50; i++) await put(`p${String(i).padStart(2, '0')}.example`, JSON.stringify({ keys }))
		const taken = (await trustNow()).federated
		expect(taken.length).toBeGreaterThan(30)
		expect(JSON.stringify(taken).length).toBeLessThan(2_001_000)
		expect((await known('p49.example'))!.failure).toContain('more than 2000000 characters')
		expect(await root().trustVersion()).toBe((await keyRing().info()).version)
	})

	it('that nobody names any more is forgotten, with all of its text', async () => {
		await put('partner.example', keySet('p1', { pad: 'gone'.repeat(200_000) }))
		await put('b.example', keySet('b1'))
		await keyRing().keepFetchedKeys(['b.example'])
		expect(kidsOf(await trustNow())).toEqual([['b.example', 'b1']])
		expect(await keyRing().fetchedKeys('partner.example')).toBeNull()
		expect(JSON.stringify(await inKeyRing(everything))).not.toContain('gonegone')
	})
})

describe('the data plane believes', () => {
	const federated = (name: string, trustDomain: string, url = urlOf(trustDomain)) => ({
		apiVersion: 'selvedge.dev/v1',
		kind: 'FederatedTrustDomain',
		metadata: { name },
		spec: { trustDomain, bundleEndpoint: { url, profile: { type: 'https_web' } } },
	})
	const apply = (...values: object[]) => root().change({ actor: ACTOR, put: documents(...values) })
	const remove = (name: string) =>
		root().change({
			actor: ACTOR,
			remove: [{ apiVersion: 'selvedge.dev/v1', kind: 'FederatedTrustDomain', namespace: '-', name }],
		})
	const trust = async (): Promise<Trust> => {
		const { parts } = await root().pull('weur', null)
		return JSON.parse(parts.find(({ name }) => name === TRUST_PART)!.body!) as Trust
	}

	it('no bundle that no document asks for, and at once the one that a document asks for', async () => {
		await put('partner.example', keySet('p1'))
		expect(kidsOf(await trust())).toEqual([])
		await apply(federated('partner', 'partner.example'))
		expect(kidsOf(await trust())).toEqual([['partner.example', 'p1']])
	})

	it('nothing of a trust domain from the revision on that removes it, nor from another URL, and all again when it is back', async () => {
		await apply(federated('partner', 'partner.example'))
		await put('partner.example', keySet('p1'))
		expect(kidsOf(await trust())).toEqual([['partner.example', 'p1']])
		await remove('partner')
		expect(kidsOf(await trust())).toEqual([])
		await apply(federated('partner', 'partner.example', 'https://elsewhere.example/bundle'))
		expect(kidsOf(await trust())).toEqual([])
		await apply(federated('partner', 'partner.example'))
		expect(kidsOf(await trust())).toEqual([['partner.example', 'p1']])
	})

	it('of two documents for one trust domain the one that is Accepted', async () => {
		await apply(federated('z', 'partner.example'))
		at(HOUR)
		await apply(federated('a', 'partner.example', 'https://thief.example/bundle'))
		await put('partner.example', keySet('evil'), { url: 'https://thief.example/bundle' })
		expect(kidsOf(await trust())).toEqual([])
		await put('partner.example', keySet('p1'))
		expect(kidsOf(await trust())).toEqual([['partner.example', 'p1']])
		await remove('z')
		expect(kidsOf(await trust())).toEqual([])
	})

	it('itself of its own trust domain, whatever a document says, and is told of no URL', async () => {
		await apply(federated('ours', 'mesh.localhost', 'https://thief.example/bundle'), federated('b', 'b.example'))
		await put('mesh.localhost', keySet('evil'), { url: 'https://thief.example/bundle' })
		await put('b.example', keySet('b1'))
		expect(kidsOf(await trust())).toEqual([['b.example', 'b1']])
		expect(JSON.stringify(await trust())).not.toContain('bundle"')
	})

	it('the same after a dry run of the removal', async () => {
		await apply(federated('partner', 'partner.example'))
		await put('partner.example', keySet('p1'))
		const ref = { apiVersion: 'selvedge.dev/v1', kind: 'FederatedTrustDomain', namespace: '-', name: 'partner' }
		await root().change({ actor: ACTOR, remove: [ref], dryRun: true })
		expect(kidsOf(await trust())).toEqual([['partner.example', 'p1']])
	})
})
