/** Bearer tokens that look like a workload's and are not: to a service that does not ask which workload calls, nobody has judged them. */
import { describe, expect, it } from 'vitest'
import { jwtSvid, stranger } from '../../identity/world.ts'
import { proving } from '../callers/identified.ts'
import { DOMAIN } from '../knowledge/fakeReplica.ts'
import { answered, bearer, believing, jwtRule, received } from './signedIn.ts'

const svid = () => jwtSvid({ aud: [`http://shop.${DOMAIN}`] })

describe.each([
	['a service that asks for no workload', { peers: { mode: 'DISABLE' } }],
	['a service outside of the mesh', { external: true }],
] as const)('%s', (_, more) => {
	it.each<[string, Record<string, string>]>([
		['that nobody has signed', bearer(jwtSvid({ iss: 'https://nobody.example', role: 'admin' }, {}, stranger))],
		['beside a proof that is none', { ...bearer(svid()), ...proving('x', 'x') }],
	])('gets no token %s', async (_, headers) => {
		const proxy = believing([jwtRule()], more)
		for (let time = 0; time < 2; time++) expect(await answered(proxy, headers)).toBe('401 invalid_token wrong_issuer')
		expect(proxy.sent).toEqual([])
	})

	it('gets a request with a good one, without it', async () => {
		const proxy = believing([jwtRule()], more)
		for (let time = 0; time < 2; time++) expect(await answered(proxy, bearer(svid()))).toBe('ok')
		expect(received(proxy).headers.has('authorization')).toBe(false)
	})
})
