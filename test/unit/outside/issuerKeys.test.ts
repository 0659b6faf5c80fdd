/** Documents from outside are fetched from where they were asked for, within bounds, or not at all. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { fetchDocument } from '../../../src/outside/fetchDocument.ts'
import { fetchIssuerKeys } from '../../../src/outside/issuerKeys.ts'

/** However long it takes: when a request is given up is not what these are about. */
const patient = (url: string, { signal: _, ...init }: RequestInit) => fetch(url, init)

const stops: (() => void)[] = []
afterEach(() => {
	for (const stop of stops.splice(0)) stop()
})

async function serve(answer: RequestListener): Promise<string> {
	const server = createServer(answer)
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
	stops.push(
		() => server.closeAllConnections(),
		() => server.close(),
	)
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('a document', () => {
	it('is the text of a 200, of at most so many bytes', async () => {
		const url = await serve((_, response) => response.end('0123456789'))
		expect(await fetchDocument(patient, url, 10)).toEqual({ ok: true, value: '0123456789' })
		expect(await fetchDocument(patient, url, 9)).toEqual({ ok: false, error: expect.stringContaining('more than 9') })
	})

	it('is not where a redirect leads', async () => {
		const asked: string[] = []
		const url = await serve((request, response) => {
			asked.push(request.url!)
			if (request.url === '/there') response.end('{}')
			else response.writeHead(302, { location: '/there' }).end()
		})
		const fetched = await fetchDocument(patient, `${url}/here`, 10)
		expect(fetched).toEqual({ ok: false, error: expect.stringContaining('302') })
		expect(asked).toEqual(['/here'])
	})

	it.each([
		['an error', (async () => new Response('{}', { status: 500 })) as typeof fetch, '500'],
		['nobody', (() => Promise.reject(new TypeError('no route'))) as typeof fetch, 'no route'],
		['bytes that are no text', (async () => new Response(Uint8Array.of(0xff, 0xfe))) as typeof fetch, 'cannot be read'],
	])('is none where there is %s', async (_, asked, why) => {
		expect(await fetchDocument(asked, 'https://ci.example', 10)).toEqual({
			ok: false,
			error: expect.stringContaining(why),
		})
	})

	it('that does not come is given up by a signal', async () => {
		const signals: unknown[] = []
		const asked = (_: string, { signal }: RequestInit) => {
			signals.push(signal)
			return Promise.reject(new DOMException('late', 'TimeoutError'))
		}
		expect(await fetchDocument(asked, 'https://ci.example', 10)).toEqual({
			ok: false,
			error: expect.stringContaining('late'),
		})
		expect(signals[0]).toBeInstanceOf(AbortSignal)
	})
})

describe('the keys of an issuer', () => {
	const issuer = 'https://ci.example'
	const policy = { meshDomain: 'mesh.test', addresses: 'names' } as const
	const keys = JSON.stringify({ keys: [{ kty: 'EC', kid: 'one' }] })
	const web = (documents: Record<string, string>) => async (url: string) =>
		new Response(documents[url] ?? null, { status: documents[url] === undefined ? 404 : 200 })
	const discovery = (jwks_uri: string) => ({
		[`${issuer}/.well-known/openid-configuration`]: JSON.stringify({ issuer, jwks_uri }),
	})

	it('are where its discovery document says, or where the WorkloadTrust says', async () => {
		const url = 'https://keys.example/jwks?v=1'
		const value = { url, body: keys }
		const found = await fetchIssuerKeys(web({ ...discovery(url), [url]: keys }), { issuer }, policy)
		expect(found).toEqual({ ok: true, value })
		expect(await fetchIssuerKeys(web({ [url]: keys }), { issuer, jwksUri: url }, policy)).toEqual({ ok: true, value })
	})

	it.each([
		['http://keys.example/jwks'],
		['https://user:password@keys.example/jwks'],
		['https://orders.mesh.test/jwks'],
		['https://10.0.0.1/jwks'],
		['http://localhost/jwks'],
		['file:///etc/passwd'],
		['jwks'],
	])('are not looked for at %s', async (url) => {
		const asked: string[] = []
		const all = async (at: string) => {
			asked.push(at)
			return at.includes('openid') ? web(discovery(url))(at) : new Response(keys)
		}
		expect((await fetchIssuerKeys(all, { issuer }, policy)).ok).toBe(false)
		expect(asked).toHaveLength(1)
	})

	it.each(['{}', '{"keys":[]}', '{"keys":[{"kty":"oct","k":"x"}]}', 'rubbish'])('are not in %s', async (body) => {
		const url = 'https://keys.example/jwks'
		expect((await fetchIssuerKeys(web({ [url]: body }), { issuer, jwksUri: url }, policy)).ok).toBe(false)
	})
})
