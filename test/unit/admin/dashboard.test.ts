/** The dashboard's page: what its policy lets run, and what it lets strangers see. */
import { beforeEach, describe, expect, it } from 'vitest'
import { script } from '../../../workers/admin/dashboard/script.ts'
import { routes } from '../../../workers/admin/routes.ts'
import { type Ask, asker, createWorld, meshOf } from './fakeMesh.ts'

let ask: Ask

beforeEach(async () => {
	ask = asker(meshOf(await createWorld()))
})

describe('dashboard', () => {
	it('answers 401 with a sign-in form to who has no token, 200 to who has one', async () => {
		const out = await ask('GET', '/', { as: null })
		expect([out.status, out.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="selvedge"'])
		expect(await out.text()).toContain('<form id="sign-in"')
		expect((await ask('GET', '/', { as: 'viewer' })).status).toBe(200)
	})

	it('lets only its own script and styles run, by a nonce of this answer alone', async () => {
		const nonces = new Set<string>()
		for (let i = 0; i < 3; i++) {
			const response = await ask('GET', '/')
			const policy = response.headers.get('content-security-policy') ?? ''
			const nonce = /script-src 'nonce-([A-Za-z0-9+/=]{24})'(;|$)/.exec(policy)?.[1] as string
			const page = await response.text()
			expect(policy).toMatch(/^default-src 'none';/)
			expect(policy).not.toContain('unsafe')
			expect([...page.matchAll(/<(script|style)([^>]*)>/g)].map(([, , rest]) => rest)).toEqual([
				` nonce="${nonce}"`,
				` nonce="${nonce}"`,
			])
			nonces.add(nonce)
		}
		expect(nonces.size).toBe(3)
	})

	it('loads nothing from elsewhere, and has no inline handlers or styles that its policy would stop', async () => {
		const page = await (await ask('GET', '/')).text()
		expect(page).not.toMatch(/https?:\/\/|src=|href=|url\(|@import|\son\w+=|\sstyle=/)
	})

	it('never turns what it shows into markup', () => {
		expect(script).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|new Function|setAttribute/)
		expect(() => new Function(script)).not.toThrow()
	})

	it('asks only for what a viewer may read', () => {
		const asked = Array.from(script.matchAll(/api\('([^'?]+)/g), ([, path]) => path as string)
		const readable = routes.filter(({ method, role }) => method === 'GET' && role === 'viewer').map(({ path }) => path)
		expect(asked.length).toBeGreaterThan(3)
		for (const path of asked) expect(readable).toContain(path.replace(/^\/v1\/resources\/\w+$/, '/v1/resources/{kind}'))
	})
})
