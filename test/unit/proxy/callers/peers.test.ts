/** What services want of their callers, and what becomes of those that do not bring it. */
import { describe, expect, it } from 'vitest'
import { MESH_PART, namespacePart } from '../../../../src/names.ts'
import type { PeerRules } from '../../../../src/snapshot/peerAuthentication.ts'
import { jwtSvid, sha256 } from '../../identity/world.ts'
import { verdict } from '../fakeProxy.ts'
import { DOMAIN, head, slice } from '../knowledge/fakeReplica.ts'
import { asking, freshProof, identifying, problem, proving, served, URL_OF_SHOP } from './identified.ts'

const AUD = `http://shop.${DOMAIN}`
const bearer = () => ({ authorization: `Bearer ${jwtSvid({ aud: AUD })}` })
const both = () => {
	const token = jwtSvid({ aud: AUD })
	return { authorization: `Bearer ${token}`, ...proving(freshProof({ ath: sha256(token) })) }
}
const known = ({ headers }: Request) => headers.has('selvedge-caller')

/** What comes of a request, and whether the service learns who calls. */
async function outcome(rules: PeerRules | undefined, headers: Record<string, string>) {
	const proxy = identifying(served('shop', rules))
	const answer = await verdict(proxy.get(asking(headers)))
	return answer === 200 ? (known(proxy.sent[0]!) ? 'known' : 'unknown') : answer
}

describe('a service', () => {
	it.each<[string, PeerRules | undefined, () => Record<string, string>, string]>([
		['without rules takes unknown callers', undefined, () => ({}), 'unknown'],
		['without rules learns of those that prove something', undefined, () => proving(), 'known'],
		['that is STRICT refuses unknown callers', { mode: 'STRICT' }, () => ({}), 'identity_required'],
		['that is STRICT takes known ones', { mode: 'STRICT' }, () => proving(), 'known'],
		[
			'that is STRICT refuses those known by another method',
			{ mode: 'STRICT', methods: ['ClientCertificate'] },
			() => proving(),
			'identity_required',
		],
		['that is PERMISSIVE takes them as unknown', { methods: ['JWTSVID'] }, () => proving(), 'unknown'],
		['knows who shows two methods by the one that it takes', { mode: 'STRICT', methods: ['JWTSVID'] }, both, 'known'],
		['that is DISABLEd learns of nobody', { mode: 'DISABLE' }, () => proving(), 'unknown'],
		['that is DISABLEd does not mind bad proofs either', { mode: 'DISABLE' }, () => proving('bad'), 'unknown'],
		['takes bearer tokens by default', { mode: 'STRICT' }, bearer, 'known'],
	])('%s', async (_, rules, headers, expected) => {
		expect(await outcome(rules, headers())).toBe(expected)
	})

	it('that is STRICT says so with 403, and is not asked', async () => {
		const proxy = identifying(served('shop', { mode: 'STRICT', methods: ['WorkloadProof'] }))
		expect(await problem(proxy.get(URL_OF_SHOP))).toMatchObject({
			...{ status: 403, reason: 'identity_required', owner: 'client' },
			detail: 'Service default/shop wants its callers to prove who they are: WorkloadProof',
		})
		expect(proxy.sent).toEqual([])
	})

	it.each([
		['Never', 'proof_replayed'],
		['UntilExpiry', 200],
		[undefined, 'proof_replayed'],
	] as const)('with proofReuse %s answers a proof that is shown again: %s', async (proofReuse, expected) => {
		const proxy = identifying(served('shop', proofReuse && { proofReuse }))
		const headers = proving()
		expect(await verdict(proxy.get(asking(headers)))).toBe(200)
		expect(await verdict(proxy.get(asking(headers)))).toBe(expected)
		// In another wrapping it is still the same proof.
		const again = asking({ ...headers, 'x-other': '1' }, `${AUD}/elsewhere`)
		expect(await verdict(proxy.get(again))).toBe(expected)
	})

	it('takes one of two equal proofs that arrive together', async () => {
		const proxy = identifying(served('shop'))
		const headers = proving()
		const answers = await Promise.all([asking(headers), asking(headers)].map((request) => verdict(proxy.get(request))))
		expect(answers.sort()).toEqual([200, 'proof_replayed'].sort())
	})

	it('is asked again after a lost connection with the same proof, which is no replay', async () => {
		const proxy = identifying(served('shop', { mode: 'STRICT' }))
		proxy.answer = () => (proxy.sent.length === 1 ? Promise.reject(new Error('lost')) : new Response('ok'))
		expect(await verdict(proxy.get(asking(proving())))).toBe(200)
		expect(proxy.sent.map(known)).toEqual([true, true])
	})

	it('has of each field what the nearest policy says', async () => {
		const proxy = identifying({
			...served('shop', { mode: 'STRICT' }),
			[namespacePart('default')]: {
				...{ kind: 'namespace', namespace: 'default' },
				peers: { mode: 'DISABLE', methods: ['JWTSVID'] },
			},
			[MESH_PART]: {
				...{ kind: 'mesh', egress: 'registryOnly', defaultAccess: 'open' },
				peers: { methods: [], proofReuse: 'UntilExpiry' },
			},
		})
		await proxy.get(URL_OF_SHOP)
		expect(proxy.knowledge.table.services.get('default/shop')?.peers).toEqual({
			...{ mode: 'STRICT', methods: ['JWTSVID'], proofReuse: 'UntilExpiry' },
		})
	})

	it('changes its rules with the namespace’s', async () => {
		const ofNamespace = (mode: 'STRICT' | 'PERMISSIVE') => ({
			[namespacePart('default')]: { kind: 'namespace', namespace: 'default', peers: { mode } } as const,
		})
		const proxy = identifying({ ...served('shop'), ...ofNamespace('STRICT') })
		expect(await verdict(proxy.get(URL_OF_SHOP))).toBe('identity_required')
		proxy.replica.change(ofNamespace('PERMISSIVE'))
		proxy.now += 1_000
		await proxy.get(URL_OF_SHOP)
		expect(await verdict(proxy.get(URL_OF_SHOP))).toBe(200)
	})
})

describe('a service outside the mesh', () => {
	it('has no rules, and gets no word of who calls', async () => {
		const proxy = identifying(served('shop', { mode: 'STRICT' }, { external: true }))
		const spoofed = { 'client-cert': ':x:', 'client-cert-chain': ':x:', 'selvedge-caller': 'x' }
		for (const headers of [spoofed, { ...spoofed, ...proving() }])
			expect(await verdict(proxy.get(asking(headers)))).toBe(200)
		for (const { headers } of proxy.sent)
			expect([...headers.keys()].filter((name) => /caller|client-cert|workload/.test(name))).toEqual([])
	})
})

it('a JWT-SVID for a service outside the mesh reaches it', async () => {
	const proxy = identifying(served('shop', undefined, { external: true }))
	const headers = { authorization: `Bearer ${jwtSvid({ aud: 'https://vault.example.com' })}` }
	expect(await verdict(proxy.get(asking(headers)))).toBe(200)
	expect(proxy.sent[0]!.headers.get('authorization')).toBe(headers.authorization)
})

describe('rules that look at who calls', () => {
	const ofMesh = (name: string) => `${name}.${DOMAIN}`
	const to = (name: string, more: object = {}) => ({
		name: `default/r/${name}`,
		matches: [{ path: { type: 'PathPrefix', value: '' } as const }],
		backends: [{ weight: 1, service: `default/${name}` }],
		...more,
	})
	const reached = async (parts: Parameters<typeof identifying>[0], headers: Record<string, string>) => {
		const proxy = identifying(parts)
		await proxy.get(asking(headers))
		return new URL(proxy.sent[0]!.url).hostname
	}

	it('match by its sources', async () => {
		const only = [{ sources: [{ namespace: 'default', workload: 'orders' }] }]
		const parts = {
			...served('shop'),
			...served('other'),
			...slice(ofMesh('shop'), 'r', [to('other', { only }), to('shop')]),
		}
		expect(await reached(parts, proving())).toBe('other.test')
		expect(await reached(parts, {})).toBe('shop.test')
	})

	it('of another namespace’s route are for callers of that namespace', async () => {
		const mine = slice(ofMesh('shop'), 'mine', [to('other')], { callerNamespace: 'default' })
		const parts = { ...served('shop'), ...served('other'), ...mine }
		expect(await reached(parts, bearer())).toBe('other.test')
		expect(await reached(parts, {})).toBe('shop.test')
	})
})

describe('a mirror', () => {
	const mirroring = (rules?: PeerRules, ofShop?: PeerRules) => {
		const filters = { mirrors: [{ service: 'default/copy' }] }
		const rule = {
			name: 'default/r/0',
			matches: [{ path: { type: 'PathPrefix', value: '' } as const }],
			backends: [{ weight: 1, service: 'default/shop' }],
			filters,
		}
		const host = `shop.${DOMAIN}`
		return identifying({
			...head(host),
			...served('shop', ofShop),
			...served('copy', rules),
			...slice(host, 'r', [rule]),
		})
	}
	const hosts = ({ sent }: ReturnType<typeof mirroring>) => sent.map(({ url }) => new URL(url).hostname)

	it('is the mesh’s own, and tells nobody that the caller had called there', async () => {
		const proxy = mirroring({ mode: 'STRICT' })
		expect(await verdict(proxy.get(asking(proving())))).toBe(200)
		expect(hosts(proxy)).toEqual(['shop.test', 'copy.test'])
		expect(proxy.sent.map(known)).toEqual([true, false])
	})

	it('of a proof that its own service takes again is sent each time: the copy shows none', async () => {
		const proxy = mirroring({ mode: 'STRICT', proofReuse: 'Never' }, { proofReuse: 'UntilExpiry' })
		const headers = proving()
		for (let i = 0; i < 2; i++) expect(await verdict(proxy.get(asking(headers)))).toBe(200)
		expect(hosts(proxy).filter((host) => host === 'copy.test')).toHaveLength(2)
	})

	it('of a request by a caller that its service would refuse is not sent', async () => {
		const proxy = mirroring({ mode: 'STRICT' })
		expect(await verdict(proxy.get(URL_OF_SHOP))).toBe(200)
		expect(hosts(proxy)).toEqual(['shop.test'])
	})
})
