/** Cookies that only some servers would find in a request. */
import { describe, expect, it } from 'vitest'
import type { TokenPlace } from '../../../../src/snapshot/requestAuthentication.ts'
import { userToken } from '../../identity/users.ts'
import { stranger } from '../../identity/world.ts'
import { answered, believing, jwtRule, received } from './signedIn.ts'

const cookie = (name: string): TokenPlace => ({ in: 'cookie', name })

describe('what only some servers would take for a token is not passed on unjudged:', () => {
	const forged = userToken({ role: 'admin' }, {}, stranger)

	it.each([
		['after a space', `a=1 session=${forged}`],
		['after a tab, with spaces around its =', `a=1\tsession = ${forged}`],
		['after what is no space to all', `a=1;\u0085session=${forged}`],
	])('a cookie %s', async (_, said) => {
		const proxy = believing([jwtRule({ from: [cookie('session')] })])
		expect(await answered(proxy, { cookie: said })).toMatch(/^401 invalid_token/)
		expect(proxy.sent).toEqual([])
	})

	it.each(['a=1 session', 'a="1 mysession=2"'])('but cookies that only look like it go on: %s', async (said) => {
		const proxy = believing([jwtRule({ from: [cookie('session')] })])
		expect(await answered(proxy, { cookie: said })).toBe('ok')
		expect(received(proxy).headers.get('cookie')).toBe(said)
	})
})
