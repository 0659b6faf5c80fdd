/** End users' tokens where servers differ over what a field says, byte for byte: none that a service might read gets there unjudged. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, type Echoed, echo, startBackend, valuesOf } from './backend.ts'
import { eventually } from './client.ts'
import { service } from './documents.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'
import { extension } from './rules.ts'
import { requestAuthentication, startUserIssuer, type UserIssuer } from './userIssuer.ts'

let mesh: Mesh
let backend: Backend
let issuer: UserIssuer
let token: string

beforeAll(async () => {
	;[backend, issuer] = await Promise.all([startBackend(echo), startUserIssuer()])
	mesh = await startMesh({ regions: ['weur'] })
	token = await issuer.token()
	const targetRefs = [{ group: 'selvedge.dev', kind: 'Service', name: 'hidden' }]
	const to = [{ operation: { hosts: [`hidden.${DOMAIN}`] } }]
	await mesh.apply(
		service('shop', backend.url),
		service('own', backend.url),
		service('hidden', backend.url),
		requestAuthentication('shop', [{ issuer: issuer.url }]),
		requestAuthentication('own', [{ issuer: issuer.url, fromHeaders: [{ name: 'X-Jwt' }] }]),
		extension('AuthorizationPolicy', 'hidden', { targetRefs, action: 'DENY', rules: [{ to }] }),
	)
	await eventually(
		() => get('shop', { authorization: `Bearer ${token}` }),
		({ status }) => status === 200,
	)
	await eventually(
		() => get('hidden', {}),
		({ status }) => status === 403,
	)
})
afterAll(async () => {
	await mesh?.stop()
	await Promise.all([backend, issuer].map((each) => each?.stop()))
})

async function get(name: string, headers: Record<string, string | string[]>, host = `${name}.${DOMAIN}`) {
	const { status, text } = await mesh.via(host, '/', { headers })
	return { status, ...(JSON.parse(text) as Partial<Echoed> & { reason?: string; detail?: string }) }
}

describe('a token that was never verified is refused', () => {
	it.each<[where: string, name: string, headers: (forged: string) => Record<string, string | string[]>]>([
		['alone', 'shop', (forged) => ({ authorization: `Bearer ${forged}` })],
		['after a tab', 'shop', (forged) => ({ authorization: `Bearer\t${forged}` })],
		['after a no-break space', 'shop', (forged) => ({ authorization: `Bearer\u00a0${forged}` })],
		['after another credential', 'shop', (forged) => ({ authorization: `Basic YTpi, Bearer ${forged}` })],
		['in a second field', 'shop', (forged) => ({ authorization: ['Basic YTpi', `Bearer ${forged}`] })],
		[
			'in a second field, after a good one',
			'shop',
			(forged) => ({ authorization: [`Bearer ${token}`, `bearer ${forged}`] }),
		],
		['in a second field of another name', 'own', (forged) => ({ 'x-jwt': [token, forged] })],
	])('%s', async (_, name, headers) => {
		const forged = `${token.slice(0, -9)}forgedsig`
		expect(await get(name, headers(forged))).toMatchObject({ status: 401, reason: 'invalid_token' })
	})
})

it('other credentials pass as they came', async () => {
	const answer = await get('shop', { authorization: ['Basic YTpi', 'Digest username="Bearer"'] })
	expect(answer.status).toBe(200)
	expect(valuesOf(answer.rawHeaders!, 'authorization').join(', ')).toBe('Basic YTpi, Digest username="Bearer"')
})

describe('a policy on a host is not passed by', () => {
	it.each([
		[`hidden.${DOMAIN}.`, 403, 'access_denied'],
		[`hidden.${DOMAIN}..`, 400, 'malformed_url'],
		[`hidden..${DOMAIN}`, 400, 'malformed_url'],
		[`.hidden.${DOMAIN}`, 400, 'malformed_url'],
	])('%s', async (host, status, reason) => {
		expect(await get('hidden', {}, host)).toMatchObject({ status, reason })
	})
})
