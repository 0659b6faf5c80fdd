/** Secrets over the real API: written, compared, rolled back, and never read. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask, made, startAdmin, stopAdmin } from './adminHarness.ts'

const FIRST = 'sk_live_1111111111'
const SECOND = 'sk_live_2222222222'
const PATH = '/v1/resources/Secret/default/stripe'

const secret = (token: string) =>
	JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'stripe' }, stringData: { token } })
const pay = JSON.stringify({
	apiVersion: 'selvedge.dev/v1',
	kind: 'Service',
	metadata: { name: 'pay' },
	spec: {
		external: true,
		endpoints: [{ url: 'https://api.example.com' }],
		credential: { bearer: { secretRef: { name: 'stripe', key: 'token' } } },
	},
})
interface Outcome {
	readonly revision: number
	readonly results: readonly { readonly action: string }[]
}
const change = (path: string, body: string) => made<Outcome>(ask('POST', path, { body }))
const actionOf = async (path: string, body: string) => (await change(path, body)).results[0]!.action

beforeAll(startAdmin)
afterAll(stopAdmin)

test('no answer holds a value, sealed or not, whatever is asked', async () => {
	await change('/v1/apply', pay)
	const { revision } = await change('/v1/apply', secret(FIRST))
	await change('/v1/apply', secret(SECOND))
	const answers = await Promise.all(
		[
			ask('GET', PATH),
			ask('GET', '/v1/resources/Secret'),
			ask('GET', '/v1/resources/Service/default/pay'),
			ask('GET', '/v1/audit'),
			ask('GET', '/v1/revisions'),
			ask('GET', `/v1/revisions/${revision}`),
			ask('GET', '/v1/services'),
			ask('GET', '/v1/services/default/pay'),
			ask('GET', '/openapi.json'),
			ask('GET', '/metrics'),
			ask('GET', '/'),
			ask('POST', '/v1/diff', { body: secret('sk_live_3333333333') }),
			ask('POST', '/v1/diff?delete=true', { body: secret(FIRST) }),
			ask('POST', '/v1/apply?dryRun=true', { body: secret('sk_live_3333333333') }),
			ask('PUT', PATH, { body: secret(FIRST) }),
			ask('POST', `/v1/revisions/${revision}/rollback`),
		].map(async (asked) => {
			const answer = await asked
			expect(answer.status, answer.url).toBe(200)
			return answer.text()
		}),
	)
	expect(JSON.parse(answers[0]!)).toMatchObject({ kind: 'Secret', type: 'Opaque', data: { token: null } })
	expect(answers[3]).toContain('Secret/default/stripe')
	expect(answers[8]).toContain('"Secret"')
	for (const answer of answers) expect(answer).not.toMatch(/sk_live|sealed:v1|"unfit"/)
})

test('an equal value is no change, another one is, and a dry run says which', async () => {
	await change('/v1/apply', secret(FIRST))
	expect(await actionOf('/v1/apply', secret(FIRST))).toBe('unchanged')
	expect(await actionOf('/v1/apply?dryRun=true', secret(SECOND))).toBe('configured')
	expect(await actionOf('/v1/apply?dryRun=true', secret(FIRST))).toBe('unchanged')
})

test('what was read cannot be written back: the answer says what to do instead', async () => {
	await change('/v1/apply', secret(FIRST))
	const read = await (await ask('GET', PATH)).text()
	for (const response of [await ask('POST', '/v1/apply', { body: read }), await ask('PUT', PATH, { body: read })]) {
		expect(response.status).toBe(400)
		expect(await response.json()).toMatchObject({
			errors: [
				{
					path: 'data.token',
					message: 'values are never returned: send the value again, or leave the Secret out',
				},
			],
		})
	}
	expect(await actionOf('/v1/apply?dryRun=true', secret(FIRST))).toBe('unchanged')
})

test('a Service says whether its credential is found, as its Secret comes and goes', async () => {
	await change('/v1/apply', pay)
	await change('/v1/apply', secret(FIRST))
	const conditions = async () => {
		const read = await made<{ status: { conditions: { type: string; status: string; message: string }[] } }>(
			ask('GET', '/v1/resources/Service/default/pay'),
		)
		return read.status.conditions.map(({ type, status, message }) => `${type} ${status}: ${message}`)
	}
	expect((await conditions())[1]).toBe('ResolvedRefs True: all references are resolved')
	expect((await ask('DELETE', PATH)).status).toBe(200)
	expect((await conditions())[1]).toBe('ResolvedRefs False: spec.credential.bearer.secretRef: Secret stripe not found')
})
