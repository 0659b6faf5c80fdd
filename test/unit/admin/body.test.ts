/** How request bodies are read. */
import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { formatOf, MAX_BODY_BYTES, readJson, readText } from '../../../workers/admin/body.ts'
import { certificateBody, revocationBody } from '../../../workers/admin/identityInput.ts'
import { endpointBody, explainBody, tokenBody } from '../../../workers/admin/input.ts'

function post(body: BodyInit, headers: Record<string, string> = {}): Request {
	return new Request('http://admin/', { method: 'POST', body, headers, duplex: 'half' } as RequestInit)
}

/** A body of unknown length, in chunks; says how much of it was taken. */
function chunked(chunks: number, chunkBytes: number): { stream: ReadableStream; taken: () => number } {
	let taken = 0
	const stream = new ReadableStream({
		pull(controller) {
			if (taken === chunks) return controller.close()
			taken++
			controller.enqueue(new Uint8Array(chunkBytes).fill(97))
		},
	})
	return { stream, taken: () => taken }
}

describe('readText', () => {
	it('reads a body of exactly the bound, and refuses one byte more', async () => {
		const most = await readText(post('a'.repeat(MAX_BODY_BYTES)))
		expect(most.ok && most.value.length).toBe(MAX_BODY_BYTES)
		const more = await readText(post('a'.repeat(MAX_BODY_BYTES + 1)))
		expect(!more.ok && more.error.status).toBe(413)
	})

	it('stops reading a body without a declared length soon after the bound', async () => {
		const { stream, taken } = chunked(1000, 1024 * 1024)
		const text = await readText(post(stream))
		expect(!text.ok && text.error.status).toBe(413)
		expect(taken()).toBeLessThan(8)
	})

	it('does not read at all when the declared length is too much', async () => {
		const { stream, taken } = chunked(1000, 1024)
		const request = post(stream)
		request.headers.set('content-length', String(MAX_BODY_BYTES + 1))
		const text = await readText({ headers: request.headers, body: stream } as unknown as Request)
		expect(!text.ok && text.error.status).toBe(413)
		expect(taken()).toBeLessThanOrEqual(1)
	})

	it('joins characters that chunks cut in two', async () => {
		const bytes = new TextEncoder().encode('schön')
		const stream = new ReadableStream({
			start(controller) {
				for (const byte of bytes) controller.enqueue(Uint8Array.of(byte))
				controller.close()
			},
		})
		expect(await readText(post(stream))).toEqual({ ok: true, value: 'schön' })
	})

	it('refuses bytes that are not UTF-8, naming the body', async () => {
		const text = await readText(post(Uint8Array.of(0xff, 0xfe, 0x41)))
		expect(!text.ok && text.error.status).toBe(400)
		expect(!text.ok && (await text.error.json())).toMatchObject({
			errors: [{ path: 'body', message: 'must be UTF-8 text' }],
		})
	})

	it('refuses a compressed body, saying that only identity is accepted', async () => {
		const text = await readText(post('x', { 'content-encoding': 'gzip' }))
		expect(!text.ok && text.error.status).toBe(415)
		expect(!text.ok && text.error.headers.get('accept-encoding')).toBe('identity')
	})
})

const bodies = { tokenBody, explainBody, endpointBody, certificateBody, revocationBody }

describe('readJson says what would be right, as of documents:', () => {
	const token = { name: 'a', role: 'viewer' }
	const asked = { url: 'http://a.test/' }
	const user = { issuer: 'i', subject: 's' }
	it.each<[keyof typeof bodies, unknown, string[]]>([
		['tokenBody', { ...token, namespaces: [] }, ['namespaces: must have at least 1 entry']],
		['tokenBody', { ...token, namespaces: null }, ['namespaces: must be a list']],
		['tokenBody', [], ['body: must be a mapping']],
		['tokenBody', {}, ['name: is required', 'role: must be one of viewer, operator, admin']],
		[
			'tokenBody',
			{ ...token, expires: '1h', tag: 1 },
			['expires', 'tag'].map((key) => `${key}: is not a field here; must be one of name, role, namespaces, expiresIn`),
		],
		['explainBody', { ...asked, source: 'a/b' }, ['source: must be a mapping']],
		[
			'explainBody',
			{ ...asked, headers: { x: 1 } },
			['headers.x: must be a field value (RFC 9110 §5.5), or a list of up to 64'],
		],
		[
			'explainBody',
			{ ...asked, headers: { 'a b': '' } },
			['headers["a b"]: the key must be a field name (RFC 9110 §5.1)'],
		],
		[
			'explainBody',
			{ ...asked, user: { ...user, claims: { aud: [1] } } },
			['user.claims.aud: must be a string, or a list of strings'],
		],
		[
			'explainBody',
			{ ...asked, user: { ...user, audiences: ['a'], claims: { aud: 'b' } } },
			['user.claims.aud: must be left out beside audiences, which say the same'],
		],
		['explainBody', { ...asked, user: { ...user, claims: { aud: ['a', 'b'] } } }, []],
		[
			'endpointBody',
			{ url: 'http://a', weight: 1.5, ttlSeconds: 1 },
			['weight: must be a whole number', 'ttlSeconds: must be at least 5'],
		],
		['certificateBody', { csr: '' }, ['csr: must be at least 1 character long']],
		// What is missing may be what was misspelt.
		[
			'revocationBody',
			{ reason: 'lost', tokne: 'x' },
			['tokne: is not a field here; must be one of workload, token, key, certificate, reason'],
		],
		['revocationBody', { reason: 'lost' }, ['body: must have exactly one of workload, token, key, certificate']],
	])('%s %j', async (name, value, expected) => {
		const read = await readJson(
			post(JSON.stringify(value), { 'content-type': 'application/json' }),
			bodies[name] as z.ZodType,
		)
		const body = read.ok
			? { errors: [] }
			: ((await read.error.json()) as { errors: { path: string; message: string }[] })
		expect(body.errors.map(({ path, message }) => `${path}: ${message}`)).toEqual(expected)
	})

	it('of a hundred mistakes at most', async () => {
		const many = JSON.stringify(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`k${i}`, 1])))
		const read = await readJson(post(many, { 'content-type': 'application/json' }), tokenBody)
		expect(!read.ok && ((await read.error.json()) as { errors: object[] }).errors.length).toBe(100)
	})
})

describe('formatOf', () => {
	it.each([
		['application/json', 'kind: Service', 'json'],
		['application/json; charset=UTF-8', '[]', 'json'],
		['application/yaml', '{}', 'yaml'],
		['application/x-yaml', 'a: 1', 'yaml'],
		['text/yaml', 'a: 1', 'yaml'],
		['text/plain', '  [{}]', 'json'],
		['application/octet-stream', '\n{}', 'json'],
		['application/x-www-form-urlencoded', 'kind: Service', 'yaml'],
		[null, 'kind: Service', 'yaml'],
		[null, '{}', 'json'],
		['application/xml', '<a/>', 415],
		['multipart/form-data; boundary=x', 'a', 415],
		['application/json; charset=latin1', '{}', 415],
	])('takes %s with the text %j for %s', (type, text, expected) => {
		const format = formatOf(type, text)
		expect(format.ok ? format.value : format.error.status).toBe(expected)
	})
})
