/** A mesh under attack: a service that wants to know its callers and one that does not, who may call, and who only tries to. */
import { createPublicKey } from 'node:crypto'
import { expect, it } from 'vitest'
import { type Backend, echo, startBackend } from './backend.ts'
import { eventually } from './client.ts'
import { service } from './documents.ts'
import { type Admin, adminOf, ask, type Identity, joined, jwtSvid, made, operate } from './identities.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'
import { type Key, newKey, proofOf, workloadTrust } from './workload.ts'

const SHOP = `shop.${DOMAIN}`
export const AUD = `http://${SHOP}`
let backend: Backend
/** Requests that reached a service. */
export let reached = 0
export let mesh: Mesh
export let admin: Admin
export let rogue: Key
export let orders: Identity
export let payments: Identity
export let ordersToken: string
export let gone: { identity: Identity; token: string }
/** Of the mesh: what is published. */
export let published: Record<'wit-svid' | 'jwt-svid', { kid: string; jwk: object; pem: string }>

export async function besiege(): Promise<void> {
	backend = await startBackend((request, response) => {
		reached++
		echo(request, response)
	})
	mesh = await startMesh({ regions: ['weur'] })
	admin = adminOf(mesh)
	const targetRefs = [{ group: 'selvedge.dev', kind: 'Service', name: 'shop' }]
	await mesh.apply(
		...['orders', 'payments', 'gone'].map((workload) => workloadTrust(workload, { workload, joinToken: {} })),
		service('shop', backend.url),
		service('open', backend.url),
		{
			apiVersion: 'selvedge.dev/v1',
			kind: 'PeerAuthentication',
			metadata: { name: 'shop' },
			spec: { targetRefs, mode: 'STRICT' },
		},
	)
	rogue = await newKey()
	;[orders, payments] = [await joined(admin, 'orders'), await joined(admin, 'payments')]
	ordersToken = await jwtSvid(admin, orders, AUD)
	const identity = await joined(admin, 'gone')
	gone = { identity, token: await jwtSvid(admin, identity, AUD) }
	await publishedKeys()
	await made(
		operate(admin, 'POST', '/v1/revocations', { workload: { namespace: 'default', workload: 'gone' }, reason: 'x' }),
	)
	await eventually(
		async () => (await shopping(await proven())).status,
		(status) => status === 200,
	)
	await eventually(
		async () => (await shopping(await proven(gone.identity))).status,
		(status) => status === 400,
	)
}

export async function relieve(): Promise<void> {
	await mesh?.stop()
	await backend?.stop()
}

async function publishedKeys(): Promise<void> {
	const { keys } = await made<{ keys: { kid: string; use: string }[] }>(
		ask(admin, 'GET', '/.well-known/spiffe-bundle.json'),
	)
	const first = (use: string) => {
		const { kid, use: _, ...jwk } = keys.find((each) => each.use === use)!
		const pem = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
		return { kid, jwk, pem: String(pem) }
	}
	published = { 'wit-svid': first('wit-svid'), 'jwt-svid': first('jwt-svid') }
}

export type Headers = Record<string, string | string[]>
export const shopping = (headers: Headers) => mesh.via(SHOP, '/', { headers })
export const proven = ({ wit, key }: Identity = orders, claims: object = {}, aud = AUD) =>
	proofOf(wit, key, aud, claims)
export type Attack = readonly [name: string, code: string, headers: () => Headers | Promise<Headers>]

/** Each is refused with this status, this reason, and this way to be wrong; nothing that it showed is told to anybody. */
export function refusesEach(status: number, reason: string, attacks: readonly Attack[]): void {
	it.each(attacks)('%s: %s', async (_, code, headers) => {
		const before = reached
		const shown = await headers()
		const { status: answered, text, headers: fields } = await shopping(shown)
		expect([answered, JSON.parse(text)]).toEqual([
			status,
			expect.objectContaining({ status, reason, detail: expect.stringMatching(new RegExp(`^${code}: `)) }),
		])
		expect(fields['content-type']).toBe('application/problem+json')
		expect(fields['www-authenticate']).toBe(status === 401 ? 'Bearer error="invalid_token"' : undefined)
		expect(text).not.toContain('eyJ')
		expect(reached).toBe(before)
	})
}

export const twice = (headers: Headers, name: string): Headers => ({
	...headers,
	[name]: [headers[name], headers[name]].flat() as string[],
})
