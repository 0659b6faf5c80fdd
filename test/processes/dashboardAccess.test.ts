/** The dashboard as people see it who come by Cloudflare Access: a real browser, an edge that adds their login, and no token. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ask, made, service, startAdminWith, stopAdmin } from '../mesh/adminHarness.ts'
import { type Issuer, startIssuer } from '../mesh/issuer.ts'
import { type AccessEdge, startAccessEdge } from './accessEdge.ts'
import { evaluate, readable } from './devTools.ts'
import { eventually } from './mesh.ts'
import { browse, chromium } from './runtimes.ts'

const AUDIENCE = 'c'.repeat(64)
const missing = chromium === undefined ? 'no chromium in PATH' : undefined
if (missing !== undefined) console.log(`The dashboard is not tested in a browser: ${missing}.`)

let team: Issuer
let edge: AccessEdge
let folder: string
/** What is in the answer of a path besides what the mesh says: no traffic has gone through it. */
const more: Record<string, object> = {}

const access = (name: string, spec: object) => ({
	...{ apiVersion: 'selvedge.dev/v1', kind: 'AdminAccess', metadata: { name }, spec },
})
const walled = () => ({ ...service('vault'), metadata: { name: 'vault', namespace: 'walled' } })

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), 'selvedge-dashboard-'))
	team = await startIssuer()
	const keys = async () => (await fetch(`${team.url}/keys`)).text()
	team.answers.set('/cdn-cgi/access/certs', (response) => void keys().then((text) => response.end(text)))
	await startAdminWith({ ACCESS_TEAM_DOMAIN: team.url, ACCESS_AUDIENCE: AUDIENCE })
	const documents = [
		service('shop'),
		walled(),
		access('all', { subjects: [{ email: 'ana@example.com' }], role: 'viewer' }),
		access('one', { subjects: [{ email: 'ben@example.com' }], role: 'viewer', namespaces: ['walled'] }),
	]
	await made(ask('POST', '/v1/apply', { body: JSON.stringify(documents) }))
	edge = await startAccessEdge(async (path, headers) => {
		const response = await ask('GET', path, { token: '', headers })
		const added = more[path]
		return added === undefined ? response : Response.json({ ...((await response.json()) as object), ...added })
	})
})
afterAll(async () => {
	edge?.close()
	await stopAdmin()
	await team?.stop()
	rmSync(folder, { recursive: true, force: true })
})

afterEach(() => {
	for (const path of Object.keys(more)) delete more[path]
})

const loginOf = (email: string, more: object = {}) =>
	team.sign({ aud: [AUDIENCE], email, type: 'app', sub: email, ...more })

/** Opens the dashboard as somebody, and looks at it. */
async function look<T>(login: string, work: (home: string) => Promise<T>): Promise<T> {
	edge.login = login
	const home = mkdtempSync(join(folder, 'home-'))
	return browse(edge.url, home, () => work(home))
}

describe.skipIf(missing !== undefined)('the dashboard, without a token,', () => {
	test('shows the mesh to who may see it, and signs out at Access', async () => {
		await look(await loginOf('ana@example.com'), async (home) => {
			const text = await readable(home, (shown) => shown.includes('Revision '))
			for (const shown of ['default/shop', 'walled/vault', 'Sign out']) expect(text).toContain(shown)
			expect(text).not.toContain('API token')
			await evaluate(home, "document.getElementById('sign-out').click()")
			await eventually(() => edge.ownPaths.length > 0, 30_000)
			expect(edge.ownPaths).toEqual(['/cdn-cgi/access/logout'])
		})
	})

	test('shows what policies do to requests, dry runs too, and whose keys cannot be fetched, none of it as markup', async () => {
		const counted = (policy: string, service: string, effect: string, count: number) => ({
			...{ policy, service, effect, count, rule: 'walled/r/all' },
		})
		more['/v1/telemetry/summary'] = {
			access: [
				counted('walled/<b id=b>deny</b>', 'walled/vault', 'denied', 4_001),
				counted('walled/audit', 'walled/vault', 'audited', 303),
				counted('', 'default/shop', 'denied', 202),
				counted('', '', 'ambiguous', 55),
				counted('default/strict', 'default/shop', 'would_refuse', 12),
				counted('default/open', 'default/shop', 'would_admit', 11),
			],
			accessLeftOut: 7,
		}
		more['/v1/keys'] = {
			fetched: [
				{ name: 'https://down.example', kind: 'userIssuer', failure: '<b id=b>HTTP 500</b>' },
				{ name: 'https://up.example', kind: 'issuer', fetchedAt: new Date().toISOString() },
			],
			fetchedLeftOut: 0,
		}
		await look(await loginOf('ana@example.com'), async (home) => {
			await readable(home, (shown) => shown.includes('Revision '))
			const rows = (id: string) =>
				evaluate(
					home,
					`Array.from(document.getElementById('${id}').rows, (row) => Array.from(row.cells, (cell) => cell.textContent))`,
				)
			expect(await rows('access')).toEqual([
				['walled/<b id=b>deny</b>', 'walled/vault', 'refused', '4001'],
				['walled/audit', 'walled/vault', 'audited', '303'],
				['–', 'default/shop', 'refused', '202'],
				['–', 'rule walled/r/all', 'refused for an ambiguous path', '55'],
				['default/strict', 'default/shop', 'dry run: would refuse', '12'],
				['default/open', 'default/shop', 'dry run: would admit', '11'],
			])
			expect(await evaluate(home, "document.getElementById('access-count').textContent")).toBe('6+')
			expect(await rows('outside')).toEqual([
				['https://down.example', 'end users', 'never', '<b id=b>HTTP 500</b>'],
				['https://up.example', 'workloads that join', expect.stringMatching(/^\d+ s ago$/), ''],
			])
			expect(await evaluate(home, "document.getElementById('b') === null")).toBe(true)
		})
	})

	test('shows a login of one namespace what is in it', async () => {
		const text = await look(await loginOf('ben@example.com'), (home) =>
			readable(home, (shown) => shown.includes('Revision ')),
		)
		expect(text).toContain('walled/vault')
		expect(text).toContain('Not for who is limited to namespaces.')
		expect(text).not.toContain('default/shop')
	})

	test.for([
		['that no AdminAccess names', {}, 'No AdminAccess names eve@example.com'],
		['with markup in its name', { email: '<b id=b>@e&amp;.com' }, 'No AdminAccess names <b id=b>@e&amp;.com'],
		['for another application', { aud: ['d'.repeat(64)] }, 'The login of Cloudflare Access is not good'],
	] as const)('tells a login %s why it sees nothing', async ([, claims, why]) => {
		await look(await loginOf('eve@example.com', claims), async (home) => {
			const text = await readable(home, (shown) => shown.includes('API token'))
			expect(text).toContain(why)
			expect(text).not.toMatch(/Services|shop|vault|Sign out/)
			expect(await evaluate(home, "document.getElementById('b') === null")).toBe(true)
		})
	})
})
