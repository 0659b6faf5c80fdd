/** Fields that some servers take for those in which tokens are looked for. */
import { expect, it } from 'vitest'
import { userToken } from '../../identity/users.ts'
import { stranger } from '../../identity/world.ts'
import { answered, believing, jwtRule, received } from './signedIn.ts'

it('a field in another spelling than that in which a token is looked for is not passed on', async () => {
	const [TOKEN, forged] = [userToken(), userToken({ role: 'admin' }, {}, stranger)]
	const proxy = believing([jwtRule({ from: [{ in: 'header', name: 'x-jwt-assertion', prefix: '' }] })])
	const headers = { 'x-jwt-assertion': TOKEN, x_jwt_assertion: forged, 'x-jwt_assertion': forged, x_jwt: 'other' }
	expect(await answered(proxy, headers)).toBe('ok')
	expect([...received(proxy).headers.keys()].filter((name) => name.includes('jwt'))).toEqual(['x_jwt'])
	const { 'x-jwt-assertion': _, ...others } = headers
	expect(await answered(proxy, others)).toBe('ok')
	expect([...received(proxy).headers.keys()].filter((name) => name.includes('jwt'))).toEqual(['x_jwt'])
})
