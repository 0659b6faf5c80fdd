/** What an explanation tells of sessions, attempts, secrets and mirrors. */
import { describe, expect, it } from 'vitest'
import type { SessionPersistence } from '../../../src/snapshot/filters.ts'
import { explained, secured, stageOf, withRule } from './explained.ts'

describe('a session', () => {
	const session: SessionPersistence = { type: 'Header', name: 'x-stay', permanent: false, path: '/' }
	const parts = withRule({
		session,
		backends: [
			{ weight: 1, service: 'd/web' },
			{ weight: 1, service: 'd/other' },
		],
	})

	it('begins with whichever endpoint is picked, and the client is told', async () => {
		const explanation = await explained(parts, 'http://h.test/')
		expect(stageOf(explanation, 'session')).toEqual({ stage: 'session', verdict: 'passed', persistence: session })
		expect(explanation.edits!.response).toMatchObject([
			{ service: 'd/web', headersAdded: { 'x-stay': expect.any(String) } },
			{ service: 'd/other', headersAdded: { 'x-stay': expect.any(String) } },
		])
	})

	it('that the request belongs to leaves nothing to chance', async () => {
		const begun = (await explained(parts, 'http://h.test/')).edits!.response[1]!.headersAdded['x-stay']!
		const explanation = await explained(parts, new Request('http://h.test/', { headers: { 'x-stay': begun } }))
		expect(explanation.outcome).toBe('The request stays with endpoint other1 of d/other, as its session says')
		expect(stageOf(explanation, 'pick')!.backends.map(({ percent }) => percent)).toEqual([0, 100])
	})
})

describe('forwarding', () => {
	it('tells the timeouts, and how often this request is sent when every attempt fails', async () => {
		const retry = { attempts: 2, codes: [503], backoffMs: 25, methods: [], maxBodyBytes: 10 }
		const parts = withRule({ retry, timeouts: { requestMs: 10_000, backendRequestMs: 2_000 } })
		const ask = async (method: string, length?: string) => {
			const body = length === undefined ? null : new Uint8Array(0)
			const headers: Record<string, string> = length === undefined ? {} : { 'content-length': length }
			return stageOf(await explained(parts, new Request('http://h.test/', { method, headers, body })), 'forward')!
		}
		expect(await ask('GET')).toMatchObject({
			timeouts: { requestMs: 10_000, backendRequestMs: 2_000 },
			retry: { attempts: 2, tries: 3, pausesMs: [25, 50] },
		})
		expect((await ask('PUT', '10')).retry).toMatchObject({ tries: 3 })
		expect((await ask('PUT', '11')).retry).toMatchObject({ tries: 1, why: expect.stringContaining('longer than 10') })
		expect((await ask('POST')).retry).toMatchObject({ tries: 1, why: expect.stringContaining('not idempotent') })
	})

	it('tells that the time which the rule allows ends the attempts', async () => {
		const retry = { attempts: 5, codes: [], backoffMs: 100, methods: [], maxBodyBytes: 0 }
		const explanation = await explained(withRule({ retry, timeouts: { requestMs: 350 } }), 'http://h.test/')
		expect(stageOf(explanation, 'forward')!.retry).toMatchObject({ tries: 3, pausesMs: [100, 200] })
		const short = await explained(withRule({ retry, timeouts: { requestMs: 50 } }), 'http://h.test/')
		expect(stageOf(short, 'forward')!.retry).toMatchObject({ tries: 1, why: expect.stringContaining('the time') })
	})

	it.each(['header', 'query'] as const)('names a secret in the %s that is added, and never tells it', async (where) => {
		const value = { before: 'Bearer ', secret: 'hunter2' }
		const parts = { ...withRule({}), ...secured({ in: where, name: 'x-key', value }) }
		const explanation = await explained(parts, 'http://h.test/?x-key=mine')
		expect(stageOf(explanation, 'forward')!.backends).toEqual([
			{ service: 'd/web', verdict: 'passed', percent: 100, external: true, credential: { in: where, name: 'x-key' } },
		])
		expect(JSON.stringify(explanation)).not.toContain('hunter2')
		expect(JSON.stringify(explanation.edits!.request)).toContain('***')
	})

	it('without the secret that a service wants is refused', async () => {
		const parts = { ...withRule({}), ...secured({ invalid: 'spec.credential: no Secret' }) }
		expect((await explained(parts, 'http://h.test/')).outcomes).toMatchObject([
			{ outcome: 'refused', refusal: { reason: 'credential_unavailable', status: 500 } },
		])
	})

	it('tells each mirror with its share and where a copy goes, the secret of its service left out', async () => {
		const parts = {
			...withRule({
				filters: { mirrors: [{ service: 'd/web', share: 0.25 }, { service: 'd/none' }] },
				backends: [{ weight: 1, service: 'd/other', filters: { mirrors: [{ service: 'd/other' }] } }],
			}),
			...secured({ in: 'query', name: 'key', value: { before: '', secret: 'hunter2' } }),
		}
		expect(stageOf(await explained(parts, 'http://h.test/p?q'), 'mirrors')!.mirrors).toEqual([
			{ service: 'd/web', percent: 25, url: 'http://web1.test/p?q&key=***' },
			{ service: 'd/none', percent: 100, url: null },
			{ service: 'd/other', backend: 'd/other', percent: 100, url: 'http://other1.test/p?q' },
		])
		const long = { method: 'POST', headers: { 'content-length': '1000000' }, body: new Uint8Array(0) }
		expect(stageOf(await explained(parts, new Request('http://h.test/', long)), 'mirrors')).toMatchObject({
			verdict: 'skipped',
			mirrors: [{ url: null }, { url: null }, { url: null }],
		})
	})
})
