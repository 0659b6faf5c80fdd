/** Revocation lists over HTTP: what a verifier gets that knows a certificate and nothing else of the mesh, and what openssl says of it. */
import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWorkshop, pemOfList, requestOf, verify, type Workshop } from '../processes/openssl.ts'
import { ask, made, startAdmin, stopAdmin } from './adminHarness.ts'
import { eventually } from './client.ts'
import { apply, ISSUER, joined, type Key, newKey, proofOf, workloadTrust } from './workload.ts'

interface Certified {
	readonly chain: readonly string[]
	readonly bundle: readonly string[]
	readonly serialNumber: string
}

let shop: Workshop
let key: Key
let wit: string

beforeAll(async () => {
	shop = openWorkshop()
	await startAdmin()
	await apply(workloadTrust('orders', { workload: 'orders', joinToken: {} }))
	key = await newKey()
	wit = await joined('orders', key)
})
afterAll(async () => {
	await stopAdmin()
	shop.remove()
})

const post = (path: string, body: object, headers: Record<string, string> = {}, token?: string) =>
	ask('POST', path, {
		headers: { 'content-type': 'application/json', ...headers },
		body: JSON.stringify(body),
		...(token === undefined ? {} : { token }),
	})

async function certified(): Promise<Certified> {
	const proof = await proofOf(wit, key, `${ISSUER}/v1/identity/certificates`)
	return made(post('/v1/identity/certificates', { csr: requestOf(shop).csr }, proof, ''))
}

/** Where the certificate says that the list of its issuer is. */
function pathOf(pem: string): string {
	const text = shop.read('x509', '-in', shop.file(pem), '-noout', '-ext', 'crlDistributionPoints')
	const [, url] = /URI:(\S+)/.exec(text) ?? []
	expect(url).toMatch(`${ISSUER}/v1/identity/crl/`)
	return new URL(url!).pathname
}
const fetched = (path: string, headers: Record<string, string> = {}) => ask('GET', path, { token: '', headers })

/** As somebody outside verifies: with the list that each certificate of the chain names. A certificate without one cannot be believed. */
async function verdict({ chain, bundle }: Certified): Promise<string> {
	const lists: string[] = []
	for (const pem of chain) {
		const answer = await fetched(pathOf(pem))
		if (answer.ok) lists.push(pemOfList(new Uint8Array(await answer.arrayBuffer())))
	}
	const ran = verify(shop, { leaf: chain[0]!, chain: chain.slice(1), roots: bundle, at: Date.now(), lists })
	return ran.succeeded ? 'good' : ran.output
}
const becomes = (issued: Certified, output: string) =>
	eventually(
		() => verdict(issued),
		(said) => said.includes(output),
	)

describe('the list that a certificate names', () => {
	it('is DER, for anybody, for a minute, and is not sent again to who has it', async () => {
		const { chain } = await certified()
		for (const pem of chain) {
			const answer = await fetched(pathOf(pem))
			expect(answer.status).toBe(200)
			expect(answer.headers.get('content-type')).toBe('application/pkix-crl')
			expect(answer.headers.get('cache-control')).toBe('public, max-age=60')
			expect(answer.headers.get('access-control-allow-origin')).toBe('*')
			const list = pemOfList(new Uint8Array(await answer.arrayBuffer()))
			expect(shop.read('crl', '-in', shop.file(list), '-noout', '-text')).toContain('No Revoked Certificates')
			const again = await fetched(pathOf(pem), { 'if-none-match': answer.headers.get('etag')! })
			expect([again.status, await again.text()]).toEqual([304, ''])
			expect(again.headers.get('cache-control')).toBe('public, max-age=60')
			expect((await fetched(pathOf(pem), { 'if-none-match': '"1"' })).status).toBe(200)
			expect((await ask('HEAD', pathOf(pem), { token: '' })).headers.get('content-type')).toBe('application/pkix-crl')
		}
	})

	it.each([
		['of an authority that is none of the mesh', `${'ab'.repeat(20)}.crl`, 404],
		['of no key id', 'x.crl', 400],
		['with a key id in capitals', `${'AB'.repeat(20)}.crl`, 400],
		['without its ending', 'ab'.repeat(20), 400],
		['of a path', `..%2f${'ab'.repeat(20)}.crl`, 400],
	])('%s is not there, and no cache keeps that', async (_, file, status) => {
		const answer = await fetched(`/v1/identity/crl/${file}`)
		expect([answer.status, answer.headers.get('cache-control')]).toEqual([status, 'no-store'])
		expect(answer.headers.get('content-type')).toBe('application/problem+json')
	})
})

describe('openssl believes a certificate of the mesh, with the lists that its chain names,', () => {
	it('until its serial number is revoked, and others all along', async () => {
		const [one, other] = [await certified(), await certified()]
		expect([await verdict(one), await verdict(other)]).toEqual(['good', 'good'])
		await made(post('/v1/revocations', { certificate: one.serialNumber, reason: 'stolen' }))
		await becomes(one, 'error 23 at 0 depth lookup: certificate revoked')
		expect(await verdict(other)).toBe('good')
	})

	it('until its key is revoked', async () => {
		const issued = await certified()
		const { crv, x, y, kty } = new X509Certificate(issued.chain[0]!).publicKey.export({ format: 'jwk' })
		const digest = await crypto.subtle.digest('SHA-256', Buffer.from(JSON.stringify({ crv, kty, x, y })))
		await made(post('/v1/revocations', { key: Buffer.from(digest).toString('base64url'), reason: 'stolen' }))
		await becomes(issued, 'error 23 at 0 depth lookup: certificate revoked')
	})

	it('until its intermediate is compromised: then its root says so, and the next one’s are good', async () => {
		const before = await certified()
		const kept = await Promise.all(before.chain.map(async (pem) => (await fetched(pathOf(pem))).arrayBuffer()))
		expect(await verdict(before)).toBe('good')
		await made(post('/v1/keys/rotate', { purpose: 'x509-intermediate', compromised: true }))
		await becomes(before, 'unable to get certificate CRL')
		// Who still has the intermediate's own list, or got one from who stole its key, hears it from the root.
		const ofRoot = await (await fetched(pathOf(before.chain[1]!))).arrayBuffer()
		const lists = [kept[0]!, ofRoot].map((der) => pemOfList(new Uint8Array(der)))
		const [leaf, ...chain] = before.chain
		const ran = verify(shop, { leaf: leaf!, chain, roots: before.bundle, at: Date.now(), lists })
		expect(ran.output).toContain('error 23 at 1 depth lookup: certificate revoked')
		expect(await verdict(await certified())).toBe('good')
	})

	it('until its workload is revoked', async () => {
		const issued = await certified()
		expect(await verdict(issued)).toBe('good')
		await made(post('/v1/revocations', { workload: { namespace: 'default', workload: 'orders' }, reason: 'left' }))
		await becomes(issued, 'error 23 at 0 depth lookup: certificate revoked')
	})
})
