/** The hosts that proofs may be for: those that somebody has configured. */
import { describe, expect, it } from 'vitest'
import { originsOf } from '../../../../src/proxy/callers/audiences.ts'
import { admit } from '../../../../src/proxy/exchange.ts'
import { applyAnswer, createRoutingTable, resolveHost } from '../../../../src/proxy/knowledge/routingTable.ts'
import { jwtSvid } from '../../identity/world.ts'
import { verdict } from '../fakeProxy.ts'
import { DOMAIN, head, slice } from '../knowledge/fakeReplica.ts'
import { asking, freshProof, identifying, proving, served } from './identified.ts'

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

describe('behind a Gateway', () => {
	const gateway = (pattern: string, hostnames: string[] = []) => ({
		[`virtualHost/${pattern}`]: { kind: 'virtualHost', pattern } as const,
		...slice(pattern, 'r', 'default/shop', { hostnames }),
		...served('shop', { proofReuse: 'UntilExpiry' }),
	})
	it.each<[string, ReturnType<typeof gateway>, string | number]>([
		['of that very host', gateway('a.example.com'), 200],
		['of its suffix', gateway('*.example.com'), 200],
		['of any host, with a route that names it', gateway('*', ['a.example.com']), 200],
		['of any host, with a route that names its suffix', gateway('*', ['*.example.com']), 200],
		['of any host', gateway('*'), 'invalid_proof'],
	])('%s, a proof for the host that is asked for: %s', async (_, parts, expected) => {
		const proxy = identifying(parts)
		const headers = proving(freshProof({ aud: 'http://a.example.com' }))
		expect(await verdict(proxy.get(asking(headers, 'http://a.example.com/')))).toBe(expected)
	})

	it('of any host, a JWT-SVID for the trust domain is all that can be checked', async () => {
		const ask = (aud: string) =>
			verdict(identifying(gateway('*')).get(asking(bearer(jwtSvid({ aud })), 'http://a.example.com/')))
		expect(await ask('spiffe://mesh.example.com')).toBe(200)
		expect(await ask('http://a.example.com')).toBe('invalid_token')
	})
})

it('every spelling of a mesh host is one audience', async () => {
	const parts = { ...served('shop', { proofReuse: 'UntilExpiry' }) }
	const spellings = [`shop.${DOMAIN}`, `shop.default.${DOMAIN}`, `shop--default.${DOMAIN}`]
	const proxy = identifying(parts)
	for (const asked of spellings)
		for (const meant of spellings)
			expect(
				await verdict(proxy.get(asking(proving(freshProof({ aud: `http://${meant}` })), `http://${asked}/`))),
			).toBe(200)
})

describe('the port of a mesh host', () => {
	it.each([
		['is the one that the caller names, where the mesh does not know its own', undefined, ['', ':9000']],
		['is the mesh’s own, where it is known, whatever the caller names', 8787, ['', ':8787']],
	])('%s', (_, ownPort, ports) => {
		const host = `cart--ops.${DOMAIN}`
		const table = createRoutingTable(DOMAIN, () => 0, 'any', ownPort)
		const text = JSON.stringify(Object.values(head(host, 'ops/cart'))[0])
		const parts = [{ name: `virtualHost/${host}`, sequence: 1, revision: 1, hash: text, body: text }]
		applyAnswer(table, {
			cursor: { epoch: 'e', sequence: 1 },
			revision: 1,
			hosts: { [`cart.ops.${DOMAIN}`]: host },
			parts,
		})
		const exchange = admit(new Request(`https://cart.ops.${DOMAIN}:9000/x`), 0, () => 0)
		const spellings = [`cart--ops.${DOMAIN}`, `cart.ops.${DOMAIN}`]
		expect(originsOf(exchange, resolveHost(table, exchange.host)!, table)).toEqual(
			spellings.flatMap((each) => ports.map((port) => `https://${each}${port}`)),
		)
	})
})
