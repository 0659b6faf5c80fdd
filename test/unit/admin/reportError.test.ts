/** What is told about a bug, and what never is. */
import { afterEach, describe, expect, it, vi } from 'vitest'

type Report = (
	context: { waitUntil(promise: Promise<unknown>): void },
	error: unknown,
	request: Request,
	id: string,
) => void

// Not imported by name: its types bring the Workers' globals along, which are not this project's.
const path = '../../../workers/admin/reportError.ts'
const { errorReporter } = (await import(/* @vite-ignore */ path)) as {
	errorReporter: (dsn: string | undefined) => Report
}

const SECRETS = ['the-token', 'the-query', 'the-body', 'the-cookie']
const request = () =>
	new Request('https://admin.example.com/v1/apply?key=the-query', {
		method: 'POST',
		body: 'the-body',
		headers: { authorization: 'Bearer the-token', cookie: 'a=the-cookie' },
	})

afterEach(() => vi.restoreAllMocks())

describe('a bug', () => {
	it.each([undefined, ''])(
		'is one line of JSON in the log when there is no DSN (%j), without anything secret',
		(dsn) => {
			const log = vi.spyOn(console, 'error').mockImplementation(() => {})
			errorReporter(dsn)({ waitUntil: () => {} }, new TypeError('broken'), request(), 'id-1')
			const line = String(log.mock.calls[0]?.[0])
			expect(line).not.toContain('\n')
			expect(JSON.parse(line)).toMatchObject({
				level: 'error',
				id: 'id-1',
				method: 'POST',
				path: '/v1/apply',
				name: 'TypeError',
				message: 'broken',
			})
			for (const secret of SECRETS) expect(line).not.toContain(secret)
		},
	)

	it('is an event at Sentry when there is a DSN, under its id, without anything secret', async () => {
		const sent = vi.spyOn(globalThis, 'fetch').mockImplementation(async () => new Response('{}'))
		const pending: Promise<unknown>[] = []
		errorReporter('https://public@sentry.example.com/7')(
			{ waitUntil: (promise) => pending.push(promise) },
			new TypeError('broken'),
			request(),
			'id-1',
		)
		await Promise.all(pending)
		expect(String(sent.mock.calls[0]?.[0])).toMatch(/^https:\/\/sentry\.example\.com\/api\/7\/envelope\//)
		const { body } = sent.mock.calls[0]![1] as RequestInit
		const envelope = typeof body === 'string' ? body : new TextDecoder().decode(body as Uint8Array<ArrayBuffer>)
		expect(envelope).toContain('"errorId":"id-1"')
		expect(envelope).toContain('broken')
		for (const secret of SECRETS) expect(envelope).not.toContain(secret)
	})
})
