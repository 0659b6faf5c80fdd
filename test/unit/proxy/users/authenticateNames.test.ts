/** Users' names, `<iss>/<sub>`: no issuer can call its users what another one's are called. */
import { describe, expect, it } from 'vitest'
import { ISSUER, userToken } from '../../identity/users.ts'
import { served } from '../callers/identified.ts'
import { answered, bearer, believing, jwtRule } from './signedIn.ts'

const TENANT = `${ISSUER}/tenant`
const REFUSED = '401 invalid_token bad_subject'
const both = [jwtRule(), jwtRule({ issuer: TENANT })]
const shown = (iss: string, sub: string) => bearer(userToken({ iss, sub }))

describe('where one issuer’s name begins like another’s', () => {
	it.each([
		['a user of the shorter one', ISSUER, 'alice', 'ok'],
		['one with a slash', ISSUER, 'other/alice', 'ok'],
		['one that is only like it', ISSUER, 'tenants/alice', 'ok'],
		['a user of the longer one', TENANT, 'alice', 'ok'],
		['one of it with a slash', TENANT, 'tenant/alice', 'ok'],
		['a user of the shorter one by the name of the longer one’s', ISSUER, 'tenant/alice', REFUSED],
		['one by the name of nobody there', ISSUER, 'tenant/', REFUSED],
	])('%s: %s %s is %s', async (_, iss, sub, expected) => {
		for (const rules of [both, both.toReversed()])
			expect(await answered(believing(rules), shown(iss, sub))).toBe(expected)
	})

	it('an issuer that ends in a slash is no exception', async () => {
		const rules = [jwtRule(), jwtRule({ issuer: `${ISSUER}/` })]
		expect(await answered(believing(rules), shown(ISSUER, '/alice'))).toBe(REFUSED)
		expect(await answered(believing(rules), shown(`${ISSUER}/`, 'alice'))).toBe('ok')
	})
})

it('a token that was good where nobody could be mistaken is verified anew where somebody could', async () => {
	const proxy = believing([jwtRule()])
	const headers = shown(ISSUER, 'tenant/alice')
	expect(await answered(proxy, headers)).toBe('ok')
	proxy.replica.change(served('shop', undefined, { users: both }))
	proxy.now += 2_000
	await answered(proxy)
	expect(await answered(proxy, headers)).toBe(REFUSED)
})
