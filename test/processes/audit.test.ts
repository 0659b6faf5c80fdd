/** `npm run audit -- verify` against a real mesh, before and after somebody changed the log behind its back. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { admin, freePort, ready, type Started, start, stopped, TOKEN } from './mesh.ts'

const script = fileURLToPath(new URL('../../scripts/run.mjs', import.meta.url))
let state: string
let port: number
let mesh: Started | undefined

async function run(...args: string[]): Promise<{ code: number; output: string }> {
	const { SELVEDGE_TOKEN: _, ...env } = process.env
	const child = spawn(process.execPath, [script, 'audit', ...args], { stdio: ['ignore', 'pipe', 'pipe'], env })
	let output = ''
	for (const stream of [child.stdout, child.stderr])
		stream.on('data', (chunk) => {
			output += chunk
		})
	const [code] = await once(child, 'close')
	return { code, output }
}
const verify = (...args: string[]) =>
	run('verify', '--url', `http://admin.mesh.localhost:${port}`, '--token', TOKEN, ...args)

async function startMesh(): Promise<void> {
	mesh = start(['--port', String(port), '--state', state, '--no-demo', '--admin-token', TOKEN])
	await ready(mesh)
}

const service = (name: string) => ({ apiVersion: 'selvedge.dev/v1', kind: 'Service', metadata: { name }, spec: {} })
const apply = async (name: string) => expect((await admin(port, 'POST', '/v1/apply', service(name))).status).toBe(200)

/** The store's own file, while nobody else has it open. */
function inStore(sql: string): void {
	const files = readdirSync(state, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.sqlite'))
	for (const file of files) {
		const database = new DatabaseSync(join(state, file))
		const has = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'audit'").get()
		if (has !== undefined) database.exec(sql)
		database.close()
	}
}

beforeAll(async () => {
	state = mkdtempSync(join(tmpdir(), 'selvedge-audit-'))
	port = await freePort()
	await startMesh()
	for (const name of ['a', 'b', 'c', 'd', 'e']) await apply(name)
})
afterAll(async () => {
	if (mesh !== undefined) await stopped(mesh, 'SIGTERM')
	rmSync(state, { recursive: true, force: true })
})

describe('npm run audit -- verify', () => {
	it('counts what fits, and tells the head, which is then good as an anchor', async () => {
		const { code, output } = await verify()
		expect([code, output]).toEqual([0, expect.stringContaining('5 entries checked')])
		const head = /^head ([0-9a-f]{64})$/m.exec(output)![1]!
		await apply('later')
		expect(await verify('--anchor', head)).toMatchObject({
			code: 0,
			output: expect.stringContaining('6 entries checked'),
		})
		const other = await verify('--anchor', '1'.repeat(64))
		expect([other.code, other.output]).toEqual([1, expect.stringContaining('No entry has the hash of the anchor')])
	})

	it('ends with 2 where it cannot check: told wrongly, refused, limited, or sent elsewhere', async () => {
		for (const args of [
			[],
			['verify'],
			['check', '--url', 'https://x.test', '--token', 'x'],
			['verify', '--url', 'http://admin.mesh.example.com', '--token', 'x'],
			['verify', '--url', 'https://x.test'],
			['verify', '--url', 'https://x.test', '--token', 'x', '--anchor', 'abc'],
			['verify', '--url', `http://admin.mesh.localhost:${port}`, '--token', 'wrong'],
		])
			expect([args, (await run(...args)).code]).toEqual([args, 2])
		const seen: (string | undefined)[] = []
		const elsewhere = createServer((request, response) => {
			seen.push(request.headers.authorization)
			response.writeHead(302, { location: `http://127.0.0.1:${port}/` }).end()
		})
		await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
		const { port: other } = elsewhere.address() as AddressInfo
		const { code, output } = await run('verify', '--url', `http://127.0.0.1:${other}`, '--token', 'x')
		elsewhere.close()
		expect([code, seen.length, output]).toEqual([2, 1, expect.stringContaining('answers 302')])
	})

	it('does not take the part that a limited token sees for the log', async () => {
		const asked = { name: 'of-default', role: 'operator', namespaces: ['default'] }
		const { token } = JSON.parse((await admin(port, 'POST', '/v1/tokens', asked)).body) as { token: string }
		const { code, output } = await verify('--token', token)
		expect([code, output]).toEqual([1, expect.stringContaining('limited to namespaces')])
	})

	it('names the first entry that somebody changed while the mesh was down, and tells of a lost end by the anchor', async () => {
		const head = /^head ([0-9a-f]{64})$/m.exec((await verify()).output)![1]!
		await stopped(mesh!, 'SIGTERM')
		inStore("UPDATE audit SET actor = 'eve' WHERE id = 4")
		await startMesh()
		const changed = await verify()
		expect([changed.code, changed.output]).toEqual([1, expect.stringContaining('Entry 4 is not what its hash')])
		await stopped(mesh!, 'SIGTERM')
		// With what was refused this minute: it would become an entry when the minute is over.
		inStore('DELETE FROM audit WHERE id > 3; DELETE FROM refused')
		await startMesh()
		expect(await verify()).toMatchObject({ code: 0, output: expect.stringContaining('3 entries checked') })
		expect((await verify('--anchor', head)).code).toBe(1)
	})
})
