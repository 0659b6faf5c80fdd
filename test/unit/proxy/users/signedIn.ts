/** A proxy before services that believe end users, and what those would show. */
import type { JwtRule, TokenPlace } from '../../../../src/snapshot/requestAuthentication.ts'
import type { ServiceTarget } from '../../../../src/snapshot/snapshot.ts'
import { ISSUER, issuerKey } from '../../identity/users.ts'
import type { Key } from '../../identity/world.ts'
import { identifying, problem, served, URL_OF_SHOP } from '../callers/identified.ts'
import type { FakeProxy } from '../fakeProxy.ts'

export const BEARER: TokenPlace = { in: 'header', name: 'authorization', prefix: 'Bearer ' }
export const PARAM: TokenPlace = { in: 'param', name: 'access_token' }
export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

export const published = (kid: string, { jwk }: Key) => ({ kid, jwk })

export const jwtRule = (changes: Partial<JwtRule> = {}): JwtRule => ({
	issuer: ISSUER,
	keys: { inline: [published('u1', issuerKey)] },
	from: [BEARER, PARAM],
	clockSkewMs: 60_000,
	spaceDelimitedClaims: [],
	...changes,
})

/** A proxy before `default/shop` with these rules. */
export const believing = (users: readonly JwtRule[], more: Partial<ServiceTarget> = {}): FakeProxy =>
	identifying(served('shop', undefined, { users, ...more }))

/** The service gets the request, or the reason and the code with which it is refused. */
export async function answered(proxy: FakeProxy, headers: Record<string, string> = {}, path = ''): Promise<string> {
	const { status, reason, detail } = await problem(proxy.get(new Request(URL_OF_SHOP + path, { headers })))
	return status === 200 ? 'ok' : `${status} ${reason} ${detail?.split(':')[0]}`
}

/** What the endpoint was sent last. */
export const received = ({ sent }: FakeProxy): Request => sent.at(-1)!
export const pathOf = (request: Request): string => new URL(request.url).pathname + new URL(request.url).search
