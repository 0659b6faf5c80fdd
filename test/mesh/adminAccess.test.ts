/** Logins, limits and the audit log of the admin API, on the real runtime: Cloudflare Access is a real HTTP server. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AnsweredEntry, checkChain, linkOf } from '../../src/audit/chain.ts'
import { until } from '../until.ts'
import { ask, made, service, startAdminWith, stopAdmin, tokens } from './adminHarness.ts'
import { type Issuer, startIssuer } from './issuer.ts'

const AUDIENCE = 'c'.repeat(64)
const CERTS = '/cdn-cgi/access/certs'
let access: Issuer

beforeAll(async () => {
	access = await startIssuer()
	// Where Access has them; what it answers there are the keys that the issuer has elsewhere.
	const keys = async () => (await fetch(`${access.url}/keys`)).text()
	access.answers.set(CERTS, (response) => void keys().then((text) => response.end(text)))
	await startAdminWith({ ACCESS_TEAM_DOMAIN: access.url, ACCESS_AUDIENCE: AUDIENCE })
	// Until its keys are there, nobody is known, and nobody refused for what they may not do.
	await until(async () => (await as('nobody@other.test', 'GET', '/v1/services')).status === 403)
})
afterAll(async () => {
	await stopAdmin()
	await access.stop()
})

const login = (email: string) => access.sign({ aud: [AUDIENCE], email, type: 'app', sub: email })
const as = async (email: string, method: string, path: string, body?: unknown) =>
	ask(method, path, {
		token: '',
		headers: { 'cf-access-jwt-assertion': await login(email) },
		...(body === undefined ? {} : { body: JSON.stringify(body) }),
	})
const grant = (name: string, spec: object) => ({
	...{ apiVersion: 'selvedge.dev/v1', kind: 'AdminAccess', metadata: { name }, spec },
})

describe('logins of Cloudflare Access', () => {
	it('do what an admin has given them, under their own name', async () => {
		expect((await as('ana@example.com', 'GET', '/v1/services')).status).toBe(403)
		const people = grant('people', { subjects: [{ emailDomain: 'example.com' }], role: 'operator' })
		const byOperator = await ask('POST', '/v1/apply', { token: tokens.operator, body: JSON.stringify(people) })
		expect(byOperator.status).toBe(403)
		await made(ask('POST', '/v1/apply', { body: JSON.stringify(people) }))
		await until(async () => (await as('ana@example.com', 'GET', '/v1/services')).status === 200)
		await made(as('ana@example.com', 'POST', '/v1/apply', service('of-ana')))
		const { items } = await made<{ items: AnsweredEntry[] }>(as('ana@example.com', 'GET', '/v1/audit?limit=10'))
		// Of a minute that has just ended, entries of who was refused may come after it.
		const newest = items.find(({ action }) => !action.endsWith('.refused'))
		expect(newest).toMatchObject({ actor: 'ana@example.com', role: 'operator', action: 'apply' })
		expect((await as('ana@example.com', 'POST', '/v1/apply', people)).status).toBe(403)
		expect((await as('ana@other.test', 'GET', '/v1/services')).status).toBe(403)
	})

	it('see the dashboard without a token', async () => {
		const page = await as('ana@example.com', 'GET', '/')
		expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('data-login="access"')])
	})

	it('end a second after what was given is taken back', async () => {
		await made(ask('DELETE', '/v1/resources/AdminAccess/-/people'))
		await until(async () => (await as('ana@example.com', 'GET', '/v1/services')).status === 403)
	})
})

describe('tokens', () => {
	interface Shown {
		readonly id: string
		readonly lastUsedOn?: string
	}

	it('with a new secret are good with it at once, and without grace not with the old one', async () => {
		const today = () => new Date().toISOString().slice(0, 10)
		const began = today()
		const body = '{"name":"rotated","role":"viewer","expiresIn":"1h"}'
		const { id, token } = await made<{ id: string; token: string }>(ask('POST', '/v1/tokens', { body }))
		const status = async (secret: string) => (await ask('GET', '/v1/services', { token: secret })).status
		expect(await status(token)).toBe(200)
		const rotate = (graceSeconds: number) =>
			made<{ token: string }>(ask('POST', `/v1/tokens/${id}/rotate`, { body: JSON.stringify({ graceSeconds }) }))
		const second = await rotate(60)
		expect([await status(token), await status(second.token)]).toEqual([200, 200])
		const third = await rotate(0)
		expect(await Promise.all([token, second.token, third.token].map(status))).toEqual([401, 401, 200])
		const { items } = await made<{ items: Shown[] }>(ask('GET', '/v1/tokens'))
		const shown = items.find((each) => each.id === id)
		expect(shown).toMatchObject({ name: 'rotated' })
		expect([began, today()]).toContain(shown?.lastUsedOn)
		expect(await (await ask('GET', '/metrics')).text()).toContain(`selvedge_token_expiry_timestamp_seconds{id="${id}"`)
	})
})

describe('who guesses', () => {
	it('from one address is stopped, and nobody else is', async () => {
		const guess = (i: number) =>
			ask('GET', '/v1/services', { token: `guess-${i}`, headers: { 'cf-connecting-ip': '192.0.2.66' } })
		const responses = await Promise.all(Array.from({ length: 80 }, (_, i) => guess(i)))
		const stopped = responses.filter(({ status }) => status === 429)
		expect(stopped.length).toBeGreaterThan(20)
		expect(Number(stopped[0]!.headers.get('retry-after'))).toBeGreaterThan(0)
		expect(responses.filter(({ status }) => status === 401).length).toBeGreaterThan(0)
		const { token } = await made<{ token: string }>(
			ask('POST', '/v1/tokens', { body: '{"name":"new","role":"viewer"}' }),
		)
		const elsewhere = await ask('GET', '/v1/services', { token, headers: { 'cf-connecting-ip': '192.0.2.67' } })
		expect(elsewhere.status).toBe(200)
	})
})

it('the audit log of all this is one chain', async () => {
	const { items } = await made<{ items: AnsweredEntry[] }>(ask('GET', '/v1/audit?limit=500'))
	const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
	const links = items.toReversed().map((entry) => linkOf(entry, sha256))
	expect(checkChain(links)).toMatchObject({ ok: true, value: { checked: items.length, notWhole: 0 } })
	expect(items.length).toBeGreaterThan(5)
})
