/** The admin Worker on the real runtime with its real Durable Objects, and a client that holds a token of each role. */
import { expect } from 'vitest'
import { createTestHarness } from 'wrangler'
import type { Role } from '../../src/ports.ts'
import { open } from './client.ts'

export const ADMIN_TOKEN = 'the-first-token'
const secrets = { ADMIN_TOKEN, MASTER_KEY: 'a-master-key-of-more-than-32-characters' }
let server: ReturnType<typeof createTestHarness>
let origin: URL
export const tokens: Partial<Record<Role, string>> = {}

interface Options {
	readonly token?: string | undefined
	readonly headers?: Record<string, string>
	readonly body?: BodyInit
}

export function ask(
	method: string,
	path: string,
	{ token = tokens.admin, headers = {}, body }: Options = {},
): Promise<Response> {
	const authorization: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` }
	const init = { method, headers: { ...authorization, ...headers }, body: body ?? null, duplex: 'half' }
	return fetch(new URL(path, origin), init as RequestInit)
}

/** A POST whose body the caller writes, as far as it is to go. */
export const openPost = (path: string, headers: Record<string, string>) =>
	open({
		...{ port: Number(origin.port), host: origin.host, path, method: 'POST' },
		headers: { authorization: `Bearer ${tokens.admin}`, ...headers },
	})

export async function made<T>(response: Promise<Response>): Promise<T> {
	const answered = await response
	expect(answered.ok, await answered.clone().text()).toBe(true)
	return (await answered.json()) as T
}

export const revision = async (): Promise<number> =>
	(await made<{ revision: number }>(ask('GET', '/v1/telemetry/summary'))).revision

export const service = (name: string, url = 'http://127.0.0.1:9/') => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'Service',
	metadata: { name },
	spec: { endpoints: [{ url }] },
})

export const startAdmin = (): Promise<void> => startAdminWith({})

/** `variables`: in place of those of wrangler.toml. */
export async function startAdminWith(variables: Readonly<Record<string, string>>): Promise<void> {
	const values = { ...secrets, ...variables }
	server = createTestHarness({ workers: [{ configPath: 'workers/admin/wrangler.toml', secrets: values }] })
	origin = (await server.listen()).url
	tokens.admin = ADMIN_TOKEN
	for (const role of ['viewer', 'operator'] as const) {
		const body = JSON.stringify({ name: `the-${role}`, role })
		tokens[role] = (await made<{ token: string }>(ask('POST', '/v1/tokens', { body }))).token
	}
}

export const stopAdmin = (): Promise<void> => server.close()
