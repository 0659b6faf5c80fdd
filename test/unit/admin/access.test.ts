/** Logins of Cloudflare Access: which are believed, who they are, and what they may do. */
import { type JWTPayload, SignJWT } from 'jose'
import { beforeEach, describe, expect, it } from 'vitest'
import { accessSettings } from '../../../workers/admin/access/settings.ts'
import { FAILURES } from '../../../workers/admin/attempts.ts'
import { type AccessWorld, createAccessWorld, second, TEAM } from './accessWorld.ts'
import { tokens, type World } from './fakeMesh.ts'

const MINUTE_MS = 60_000
let access: AccessWorld
let world: World
beforeEach(async () => {
	access = await createAccessWorld()
	world = access.world
})

describe('a login', () => {
	it('that is good lets in whom an AdminAccess names, by header or by cookie', async () => {
		const jwt = await access.sign()
		expect(await access.status({ jwt })).toBe(200)
		expect(await access.status({ headers: { cookie: `theme=dark; CF_Authorization=${jwt}` } })).toBe(200)
	})

	it.each<[string, JWTPayload]>([
		['of another team', { iss: 'https://other.cloudflareaccess.com' }],
		['for another application', { aud: ['b'.repeat(64)] }],
		['for none', { aud: [] }],
		['that has ended', { exp: Date.UTC(2099, 11, 31) / 1000 }],
		['that has not begun', { nbf: Date.UTC(2100, 0, 2) / 1000 }],
		['without an end', { exp: undefined } as never],
		['without a beginning', { iat: undefined } as never],
		['of nobody', { email: '' }],
		['of nobody at all', { email: undefined } as never],
		['whose name is no text', { email: ['ana@example.com'] }],
	])('%s is refused', async (_, more) => {
		const response = await access.ask({ jwt: await access.sign(more) })
		expect(response.status).toBe(401)
		expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"')
	})

	it('signed with another key, another algorithm, or not at all, is refused', async () => {
		const none = `${btoa('{"alg":"none"}').replaceAll('=', '')}.${btoa(JSON.stringify(access.claims())).replaceAll('=', '')}.`
		const shared = new TextEncoder().encode('a secret that is long enough for it')
		const hs256 = await new SignJWT(access.claims()).setProtectedHeader({ alg: 'HS256', kid: 'one' }).sign(shared)
		for (const jwt of [await access.sign({}, second), hs256, none, `${none}x`, 'a.b.c', `${await access.sign()}x`])
			expect(await access.status({ jwt }), jwt).toBe(401)
	})

	it('that is good but of nobody whom an AdminAccess names is refused with 403, and says so', async () => {
		const response = await access.ask({ jwt: await access.sign({ email: 'eve@example.com' }) })
		expect(response.status).toBe(403)
		expect(await response.json()).toMatchObject({ detail: 'No AdminAccess names eve@example.com' })
	})

	it('is not looked at beside a token: the token decides', async () => {
		const jwt = await access.sign()
		expect(await access.status({ jwt, headers: { authorization: 'Bearer wrong' } })).toBe(401)
		expect(await access.status({ jwt, headers: { authorization: 'Basic YTpi' } })).toBe(401)
		expect(await access.status({ jwt: 'bad.bad.bad', headers: { authorization: `Bearer ${tokens.viewer}` } })).toBe(200)
	})

	it('counts for nothing where logins are not accepted', async () => {
		access = await createAccessWorld(false)
		expect(await access.status({ jwt: await access.sign() })).toBe(401)
		expect(access.asked()).toBe(0)
	})

	it('ends with its time, however often it was used', async () => {
		const jwt = await access.sign()
		for (let minute = 0; minute < 10; minute++) {
			expect(await access.status({ jwt })).toBe(200)
			world.nowMs += MINUTE_MS
		}
		world.nowMs += 10_000
		expect(await access.status({ jwt })).toBe(401)
	})

	it('that is short ends with its time too, though it was verified a moment before', async () => {
		const jwt = await access.sign({ exp: Math.floor(world.nowMs / 1000) + 30 })
		expect(await access.status({ jwt })).toBe(200)
		world.nowMs += 45_000
		expect(await access.status({ jwt })).toBe(401)
	})

	it('ends a second after its AdminAccess does, and has what it says then', async () => {
		const jwt = await access.sign()
		expect(await access.status({ jwt, path: '/v1/audit' })).toBe(403)
		access.grant('people', { subjects: [{ email: 'ana@example.com' }], role: 'operator' })
		world.nowMs += 1000
		expect(await access.status({ jwt, path: '/v1/audit' })).toBe(200)
		world.resources.clear()
		world.nowMs += 999
		expect(await access.status({ jwt })).toBe(200)
		world.nowMs += 1
		expect(await access.status({ jwt })).toBe(403)
	})

	it('is verified once a minute, not at each request', async () => {
		const jwt = await access.sign()
		for (let i = 0; i < 5 * FAILURES.each.burst; i++) expect(await access.status({ jwt })).toBe(200)
		// The key is taken back: what was verified with it counts a minute at most.
		await access.publish({ two: second })
		world.nowMs += MINUTE_MS
		expect(await access.status({ jwt })).toBe(200)
		world.nowMs += 60 * MINUTE_MS
		const later = await access.sign({ exp: Math.floor(world.nowMs / 1000) + 60 })
		expect(await access.status({ jwt: later })).toBe(401)
	})
})

describe('who a login is', () => {
	const actor = async (more: JWTPayload, subject: object, role = 'operator', namespaces?: string[]) => {
		world.resources.clear()
		world.nowMs += 1000
		access.grant('one', { subjects: [subject], role, ...(namespaces && { namespaces }) })
		const jwt = await access.sign(more)
		const body =
			'apiVersion: selvedge.dev/v1\nkind: Service\nmetadata: {name: x}\nspec: {endpoints: [{url: https://x.example}]}'
		const response = await access.ask({ jwt, method: 'POST', path: '/v1/apply', body })
		return response.status === 200 ? world.changes.at(-1)!.actor : response.status
	}

	it.each<[string, JWTPayload, object, string | number]>([
		['its email', {}, { email: 'ana@example.com' }, 'ana@example.com'],
		['its email, however it is written', { email: 'Ana@Example.com' }, { email: 'aNa@example.COM' }, 'ana@example.com'],
		[
			'an email that is only like it in lower case',
			{ email: '\u212aim@example.com' },
			{ email: 'kim@example.com' },
			403,
		],
		['its email’s domain', {}, { emailDomain: 'example.com' }, 'ana@example.com'],
		['a domain that only ends alike', {}, { emailDomain: 'ample.com' }, 403],
		['a domain below', { email: 'ana@sub.example.com' }, { emailDomain: 'example.com' }, 403],
		['a domain in the name', { email: 'x@example.com@evil.test' }, { emailDomain: 'example.com' }, 403],
		['a group', { groups: ['sre', 'dev'] }, { group: 'dev' }, 'ana@example.com'],
		['a group of the identity provider', { custom: { groups: ['sre'] } }, { group: 'sre' }, 'ana@example.com'],
		['a group that is no list', { groups: 'sre' }, { group: 'sre' }, 403],
		['a group of another', { groups: ['dev'] }, { group: 'sre' }, 403],
		[
			'a service token',
			{ email: undefined, common_name: 'e367.access' } as never,
			{ serviceToken: 'e367.access' },
			'access:e367.access',
		],
		[
			'a person whose name is that of a service token',
			{ common_name: 'e367.access' },
			{ serviceToken: 'e367.access' },
			403,
		],
	])('is told by %s', async (_, more, subject, expected) => {
		const found = await actor(more, subject)
		expect(typeof found === 'number' ? found : found.name).toBe(expected)
	})

	it('and what it may do is told by role and namespaces', async () => {
		expect(await actor({}, { email: 'ana@example.com' }, 'operator', ['default', 'alfa'])).toEqual({
			...{ token: '', name: 'ana@example.com', role: 'operator', namespaces: ['alfa', 'default'] },
		})
		expect(await actor({}, { email: 'ana@example.com' }, 'viewer')).toBe(403)
	})

	it('of several documents, the highest role counts, with the namespaces of all that give it', async () => {
		world.resources.clear()
		const subjects = [{ email: 'ana@example.com' }]
		access.grant('a', { subjects, role: 'operator', namespaces: ['alfa'] })
		access.grant('b', { subjects: [{ emailDomain: 'example.com' }], role: 'operator', namespaces: ['default'] })
		access.grant('c', { subjects, role: 'viewer' })
		access.grant('d', { subjects: [{ email: 'eve@example.com' }], role: 'admin' })
		const principal = async () => {
			const body = '{"apiVersion":"selvedge.dev/v1","kind":"Service","metadata":{"name":"x"},"spec":{}}'
			await access.ask({ jwt: await access.sign(), method: 'POST', path: '/v1/apply', body })
			return world.changes.at(-1)!.actor
		}
		expect(await principal()).toMatchObject({ role: 'operator', namespaces: ['alfa', 'default'] })
		access.grant('e', { subjects, role: 'operator' })
		world.nowMs += 1000
		expect(await principal()).not.toHaveProperty('namespaces')
	})
})

describe('a page of somebody else', () => {
	const headers: [string, Record<string, string>, number][] = [
		['says that it is another site', { 'sec-fetch-site': 'cross-site' }, 403],
		['says that it is of the same site only', { 'sec-fetch-site': 'same-site' }, 403],
		['names another origin', { origin: 'https://evil.test' }, 403],
		['hides its origin', { origin: 'null' }, 403],
		['is none: it is this API’s own', { 'sec-fetch-site': 'same-origin', origin: 'http://admin.mesh.localhost' }, 400],
		['is none: a program asks', {}, 400],
	]
	it.each(headers)('cannot have a browser change something by its login: it %s', async (_, said, expected) => {
		access.grant('people', { subjects: [{ email: 'ana@example.com' }], role: 'operator' })
		const jwt = await access.sign()
		expect(await access.status({ jwt, method: 'POST', path: '/v1/apply', headers: said })).toBe(expected)
		expect(
			await access.status({
				method: 'POST',
				path: '/v1/apply',
				headers: { ...said, cookie: `CF_Authorization=${jwt}` },
			}),
		).toBe(expected)
		expect(await access.status({ jwt, headers: said })).toBe(200)
	})
})

describe('the dashboard', () => {
	it('needs no token from who has passed Access, and is told so', async () => {
		const page = await access.ask({ jwt: await access.sign(), path: '/' })
		expect(page.status).toBe(200)
		expect(await page.text()).toContain('<body data-login="access">')
		const byToken = await access.ask({ path: '/', headers: { authorization: `Bearer ${tokens.viewer}` } })
		expect(await byToken.text()).toContain('<body>')
	})

	it('shows its sign-in form to whom no AdminAccess names, and says so', async () => {
		const page = await access.ask({ jwt: await access.sign({ email: 'eve@<i>example.com' }), path: '/' })
		expect(page.status).toBe(403)
		const text = await page.text()
		expect(text).toContain('<form id="sign-in"')
		expect(text).toContain('role="alert">No AdminAccess names eve@&#60;i&#62;example.com</p>')
		const nobody = await access.ask({ path: '/' })
		expect(await nobody.text()).toContain('<p id="refused" role="alert"></p>')
	})
})

describe('the settings', () => {
	it.each([
		['https://team.cloudflareaccess.com/', 'x', false, { teamDomain: TEAM, audiences: ['x'] }],
		['https://team.cloudflareaccess.com', ' x , y ,', false, { teamDomain: TEAM, audiences: ['x', 'y'] }],
		['', 'x', false, undefined],
		[undefined, 'x', false, undefined],
		[TEAM, '', false, undefined],
		[TEAM, ' , ', false, undefined],
		[TEAM, undefined, false, undefined],
		['team.cloudflareaccess.com', 'x', false, undefined],
		[`${TEAM}/path`, 'x', false, undefined],
		['http://127.0.0.1:1', 'x', false, undefined],
		['http://127.0.0.1:1', 'x', true, { teamDomain: 'http://127.0.0.1:1', audiences: ['x'] }],
	])('%s and %s (local: %s) accept logins of %j', (teamDomain, audience, isLocal, expected) => {
		expect(accessSettings(teamDomain, audience, isLocal)).toEqual(expected)
	})
})
