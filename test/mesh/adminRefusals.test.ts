/** What the admin API refuses, and to whom, on the real runtime with the real Durable Objects behind it. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Role } from '../../src/ports.ts'
import { ADMIN_TOKEN, ask, made, openPost, revision, service, startAdmin, stopAdmin, tokens } from './adminHarness.ts'
import { responseOf } from './client.ts'

beforeAll(startAdmin)
afterAll(stopAdmin)

describe('who may', () => {
	const routeClasses: [string, string, string, Record<Role, number>][] = [
		['read', 'GET', '/v1/services', { viewer: 200, operator: 200, admin: 200 }],
		['read metrics', 'GET', '/metrics', { viewer: 200, operator: 200, admin: 200 }],
		['read the description', 'GET', '/openapi.json', { viewer: 200, operator: 200, admin: 200 }],
		['apply', 'POST', '/v1/apply', { viewer: 403, operator: 400, admin: 400 }],
		['register', 'PUT', '/v1/services/default/x/endpoints/a', { viewer: 403, operator: 400, admin: 400 }],
		['roll back', 'POST', '/v1/revisions/999999/rollback', { viewer: 403, operator: 404, admin: 404 }],
		['audit', 'GET', '/v1/audit', { viewer: 403, operator: 200, admin: 200 }],
		['see tokens', 'GET', '/v1/tokens', { viewer: 403, operator: 403, admin: 200 }],
		['make tokens', 'POST', '/v1/tokens', { viewer: 403, operator: 403, admin: 400 }],
	]
	it.each(routeClasses)('%s: by role', async (_, method, path, expected) => {
		for (const [role, status] of Object.entries(expected)) {
			const body = method === 'GET' ? {} : { body: '' }
			expect([role, (await ask(method, path, { token: tokens[role as Role], ...body })).status]).toEqual([role, status])
		}
		expect((await ask(method, path, { token: '' })).status).toBe(401)
		expect((await ask(method, path, { token: `${ADMIN_TOKEN}x` })).status).toBe(401)
	})

	it('ends with the token: a revoked one is refused at once where it was revoked', async () => {
		const { id, token } = await made<{ id: string; token: string }>(
			ask('POST', '/v1/tokens', { body: '{"name":"short","role":"viewer"}' }),
		)
		expect((await ask('GET', '/v1/services', { token })).status).toBe(200)
		expect((await ask('DELETE', `/v1/tokens/${id}`)).status).toBe(204)
		expect((await ask('GET', '/v1/services', { token })).status).toBe(401)
	})

	it('is not asked of /healthz and /readyz', async () => {
		expect((await ask('GET', '/healthz', { token: '' })).status).toBe(200)
		expect((await ask('GET', '/readyz', { token: '' })).status).toBe(200)
	})
})

describe('a bad request', () => {
	const text = JSON.stringify(service('bad'))
	const json = { 'content-type': 'application/json' }
	const yaml = { 'content-type': 'application/yaml' }
	const cases: [string, Record<string, string>, () => BodyInit, number, string, string?][] = [
		['malformed YAML', yaml, () => 'kind: [', 400, 'invalid-documents'],
		['malformed JSON', json, () => '{"kind":', 400, 'invalid-documents'],
		['an unknown kind', json, () => text.replace('"Service"', '"Serv"'), 400, 'invalid-documents', 'kind'],
		[
			'an unknown field',
			json,
			() => text.replace('"spec":{', '"spec":{"colour":1,'),
			400,
			'invalid-documents',
			'spec.colour',
		],
		['a wrong type', json, () => text.replace(/"http[^"]*"/, '7'), 400, 'invalid-documents', 'spec.endpoints[0].url'],
		['a bad name', json, () => text.replace('"bad"', '"Bad!"'), 400, 'invalid-documents', 'metadata.name'],
		['the same resource twice', json, () => `[${text},${text}]`, 400, 'invalid-documents', 'metadata.name'],
		['one bad document among good ones', json, () => `[${text},{"kind":1}]`, 400, 'invalid-documents'],
		['nothing', yaml, () => '', 400, 'invalid-documents', 'body'],
		['XML', { 'content-type': 'application/xml' }, () => '<a/>', 415, 'unsupported-media-type'],
		['gzip', { ...json, 'content-encoding': 'gzip' }, () => text, 415, 'unsupported-media-type'],
		['bytes that are no text', yaml, () => Uint8Array.of(0xff, 0xfe), 400, 'invalid-request', 'body'],
		['5 MB', yaml, () => ' '.repeat(5 * 1024 * 1024), 413, 'too-large'],
	]
	it.each(cases)('with %s is refused, and changes nothing', async (_, headers, body, status, type, path) => {
		const before = await revision()
		const response = await ask('POST', '/v1/apply', { headers, body: body() })
		expect(response.status, await response.clone().text()).toBe(status)
		expect(response.headers.get('content-type')).toBe('application/problem+json')
		const problem = (await response.json()) as { type: string; status: number; errors?: { path: string }[] }
		expect(problem).toMatchObject({ type: `https://selvedge.dev/problems/${type}`, status })
		if (path !== undefined) expect(problem.errors?.map((error) => error.path)).toContain(path)
		expect(await revision()).toBe(before)
		expect((await ask('GET', '/v1/resources/Service/default/bad')).status).toBe(404)
	})

	it('of more than 4 MiB, with no end in sight, is refused, and changes nothing', async () => {
		const before = await revision()
		const sent = openPost('/v1/apply', { ...yaml, 'transfer-encoding': 'chunked' })
		const arriving = responseOf(sent)
		// Who goes on sending may find the connection closed, and hear no answer.
		sent.write(' '.repeat(4 * 1024 * 1024 + 1))
		const { statusCode, headers } = await arriving
		sent.destroy()
		expect([statusCode, headers['content-type']]).toEqual([413, 'application/problem+json'])
		expect(await revision()).toBe(before)
	})
})

describe('the dashboard', () => {
	it('is served signed in and signed out', async () => {
		expect((await ask('GET', '/', { token: '' })).status).toBe(401)
		const page = await ask('GET', '/')
		expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
	})
})

describe('the configuration', () => {
	it('never holds the first token', async () => {
		expect(await readFile('workers/admin/wrangler.toml', 'utf8')).not.toMatch(/ADMIN_TOKEN\s*=/)
	})
})
