/** What operators see of issuers of end users' tokens whose keys cannot be fetched, and who sees it. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Backend, startBackend } from './backend.ts'
import { call, eventually } from './client.ts'
import { service } from './documents.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'
import { sample } from './metrics.ts'
import { requestAuthentication, startUserIssuer, type UserIssuer } from './userIssuer.ts'

let mesh: Mesh
let backend: Backend
let good: UserIssuer
let broken: UserIssuer
/** As operators read the name: an issuer, and where its keys are. */
const names = { good: '', broken: '' }

beforeAll(async () => {
	backend = await startBackend((_, response) => response.end('served'))
	good = await startUserIssuer()
	broken = await startUserIssuer()
	broken.answer = (_, response) => response.writeHead(500).end()
	names.good = good.url
	names.broken = `${broken.url}#${broken.url}/keys`
	mesh = await startMesh({ regions: ['weur'] })
	await mesh.apply(
		service('good', backend.url),
		service('broken', backend.url),
		requestAuthentication('good', [{ issuer: good.url }]),
		requestAuthentication('broken', [{ issuer: broken.url, jwksUri: `${broken.url}/keys` }]),
	)
	await mesh.tick()
})
afterAll(async () => {
	await mesh?.stop()
	await Promise.all([backend, good, broken].map((each) => each?.stop()))
})

interface Fetched {
	readonly name: string
	readonly kind: string
	readonly fetchedAt?: string
	readonly failure?: string
}
const fetched = async (name: string): Promise<Fetched | undefined> =>
	(await mesh.api<{ fetched: Fetched[] }>('GET', '/v1/keys')).fetched.find((one) => one.name === name)
const send = (name: string, token: string) =>
	mesh.via(`${name}.${DOMAIN}`, '/', { headers: { authorization: `Bearer ${token}` } })
const ofKeys = async (metric: string, issuer: string) =>
	sample(await mesh.metrics(), `selvedge_issuer_keys_${metric}`, { issuer, kind: 'userIssuer' })

it('an issuer whose keys never came is failing, and says why where its callers are told only that it is unavailable', async () => {
	const { status, text } = await send('broken', await broken.token())
	expect([status, (JSON.parse(text) as { reason: string }).reason]).toEqual([503, 'issuer_unavailable'])
	expect(await ofKeys('failing', names.broken)).toBe(1)
	expect(await ofKeys('age_seconds', names.broken)).toBeUndefined()
	const failure = expect.stringContaining('500')
	expect(await fetched(names.broken)).toEqual({ name: names.broken, kind: 'userIssuer', failure })
})

it('an issuer that was there and is gone keeps the age of its keys, and is failing from then on', async () => {
	expect(await ofKeys('failing', names.good)).toBe(0)
	expect(await ofKeys('age_seconds', names.good)).toBeLessThan(60)
	const before = await fetched(names.good)
	expect(before).toEqual({ name: names.good, kind: 'userIssuer', fetchedAt: expect.any(String) })
	good.answer = (_, response) => response.writeHead(500).end()
	// A key that nobody knows has the issuer asked.
	await send('good', await good.token({}, 'unknown'))
	await eventually(
		() => ofKeys('failing', names.good),
		(failing) => failing === 1,
	)
	expect(await fetched(names.good)).toEqual({ ...before, failure: expect.stringContaining('500') })
	expect(await ofKeys('age_seconds', names.good)).toBeGreaterThan(0)
})

it('is the whole mesh’s business: who is limited to a namespace sees no issuer of it, not even of their own', async () => {
	const { token } = await limited()
	const read = (path: string) =>
		call({ port: mesh.adminPort, host: `admin.${DOMAIN}`, path, headers: { authorization: `Bearer ${token}` } })
	expect((await read('/v1/keys')).status).toBe(403)
	const metrics = await read('/metrics')
	expect([metrics.status, metrics.text.includes('issuer_keys')]).toEqual([200, false])
})

async function limited(): Promise<{ readonly token: string }> {
	const answer = await call({
		...{ port: mesh.adminPort, host: `admin.${DOMAIN}`, path: '/v1/tokens', method: 'POST' },
		headers: { authorization: 'Bearer the-first-token', 'content-type': 'application/json' },
		body: JSON.stringify({ name: 'of-default', role: 'viewer', namespaces: ['default'] }),
	})
	return JSON.parse(answer.text) as { token: string }
}
