/** What an explanation tells of filters: answers, faults with their odds, and edits. */
import { describe, expect, it } from 'vitest'
import { explained, stageOf, to, withFilters, withRule } from './explained.ts'

describe('filters', () => {
	it('answer with what the client would get', async () => {
		const redirect = { statusCode: 301, scheme: 'https' } as const
		expect((await explained(withFilters({ redirect }), 'http://h.test/a?b')).outcome).toBe(
			'The request is redirected to https://h.test/a?b with 301',
		)
		const directResponse = { status: 418, headers: [['x-tea', 'pot'] as const], body: 'short and stout' }
		const explanation = await explained(withFilters({ directResponse }), 'http://h.test/')
		expect(explanation.outcomes).toMatchObject([
			{ outcome: 'answered', answer: { by: 'directResponse', status: 418, headers: { 'x-tea': 'pot' } } },
		])
		expect(explanation.stages.at(-1)).toMatchObject({ stage: 'filter', verdict: 'answered' })
	})

	const cors = {
		...{ allowOrigins: ['https://a.test'], allowCredentials: false, allowMethods: ['GET'], allowHeaders: [] },
		...{ exposeHeaders: [], maxAgeSeconds: 5 },
	}

	it('tell whether an origin may read the answer', async () => {
		const ask = (origin: string) =>
			explained(withFilters({ cors }), new Request('http://h.test/', { headers: { origin } }))
		const allowed = await ask('https://a.test')
		expect(stageOf(allowed, 'filter')).toMatchObject({ cors: { origin: 'https://a.test', allowed: true } })
		expect(allowed.edits!.response).toMatchObject([
			{ headersSet: { 'access-control-allow-origin': 'https://a.test' }, headersAdded: { vary: 'Origin' } },
		])
		const denied = await ask('https://b.test')
		expect(stageOf(denied, 'filter')).toMatchObject({ cors: { allowed: false } })
		expect(denied.edits!.response[0]!.headersRemoved).toContain('access-control-allow-origin')
	})

	it('answer preflights before anything else', async () => {
		const headers = { origin: 'https://a.test', 'access-control-request-method': 'GET' }
		const faults = [{ abort: { status: 500, share: 1 } }]
		const request = new Request('http://h.test/', { method: 'OPTIONS', headers })
		expect(await explained(withFilters({ cors, faults }), request)).toMatchObject({
			outcome: 'The request is answered by the mesh with 204, as a CORS preflight',
			outcomes: [{ answer: { by: 'preflight', headers: { 'access-control-max-age': '5' } } }],
		})
	})

	it('tell the odds of faults, of those only that concern the request', async () => {
		const explanation = await explained(
			withFilters({
				faults: [
					{ sources: [{ namespace: 'x' }], abort: { status: 500, share: 1 } },
					{ delay: { ms: 50, share: 0.2 }, abort: { status: 503, share: 0.5 } },
					{ abort: { status: 429, share: 0.5 }, bandwidth: { bytesPerSecond: 9, share: 1 } },
				],
			}),
			'http://h.test/',
		)
		expect(stageOf(explanation, 'filter')).toMatchObject({
			verdict: 'divided',
			faults: [
				{ delay: { ms: 50, percent: 20 }, abort: { status: 503, percent: 50 } },
				{ abort: { status: 429, percent: 50 }, bandwidth: { bytesPerSecond: 9, percent: 100 } },
			],
			refusals: [
				{ percent: 50, refusal: { reason: 'fault_injected', status: 503 } },
				{ percent: 25, refusal: { reason: 'fault_injected', status: 429 } },
			],
		})
		expect(explanation.outcomes.map(({ percent, outcome }) => [percent, outcome])).toEqual([
			[50, 'refused'],
			[25, 'refused'],
			[25, 'sent'],
		])
	})

	it('that hold requests up for longer than the rule allows leave those without an answer', async () => {
		const filters = { faults: [{ delay: { ms: 800, share: 0.5 } }, { delay: { ms: 800, share: 0.5 } }] }
		const explanation = await explained(withRule({ filters, timeouts: { requestMs: 1_000 } }), 'http://h.test/')
		expect(explanation.outcome).toMatch(
			/^75 % go to d\/web .*, 25 % are refused with 504: .* 1000 ms .* 0 attempts made$/,
		)
		const certain = { faults: [{ delay: { ms: 800, share: 0.3 } }, { delay: { ms: 1_000, share: 1 } }] }
		const late = await explained(withRule({ filters: certain, timeouts: { requestMs: 1_000 } }), 'http://h.test/')
		expect(late.outcomes).toMatchObject([{ percent: 100, refusal: { reason: 'request_timeout' } }])
		expect(late.edits).toBe(undefined)
	})

	it('that cannot be followed refuse', async () => {
		const explanation = await explained(withFilters({ invalid: 'spec.rules[0].filters[0]' }), 'http://h.test/')
		expect(explanation.outcome).toBe('The request is refused with 500: spec.rules[0].filters[0]')
	})

	it('of a backend act on its share of the requests only', async () => {
		const answering = { directResponse: { status: 200, headers: [], body: '' } }
		const explanation = await explained(
			to({ weight: 1, service: 'd/web' }, { weight: 3, service: 'd/other', filters: answering }),
			'http://h.test/',
		)
		expect(stageOf(explanation, 'backendFilter')).toMatchObject({
			verdict: 'divided',
			backends: [{ service: 'd/other', verdict: 'answered' }],
		})
		expect(explanation.outcome).toBe('25 % go to d/web (2 endpoints), 75 % are answered by the mesh with 200')
	})
})

describe('edits', () => {
	it('of the response say what becomes of whatever the service answers', async () => {
		const responseHeaders = { set: [['x-a', '1'] as const], add: [['x-b', '2'] as const], remove: ['server'] }
		const explanation = await explained(withFilters({ responseHeaders }), 'http://h.test/')
		expect(explanation.edits!.response).toEqual([
			{
				service: 'd/web',
				headersSet: { 'x-a': '1' },
				headersAdded: { 'x-b': '2' },
				headersRemoved: ['server'],
			},
		])
	})
})
