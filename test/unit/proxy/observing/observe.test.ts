/** What is counted of each exchange, what goes into a report, and what into the access log. */
import { describe, expect, it } from 'vitest'
import { parseReport } from '../../../../src/telemetry/reportSchema.ts'
import { seeded } from '../../../random.ts'
import { NOW, observed } from './observed.ts'

const SEED = 5

describe('exchanges are counted', () => {
	it('by rule, service, status and refusal', () => {
		const { see, report } = observed()
		for (let i = 0; i < 3; i++) see('r', 'd/a')
		see('r', 'd/b')
		see('r', 'd/a', new Response(null, { status: 204 }))
		see('r', '', new Response(null, { status: 500 }), { reason: 'invalid_backend', detail: 'x' })
		see('other', 'd/a')
		for (let i = 0; i < 2; i++) see('', '', new Response(null, { status: 404 }), { reason: 'unknown_host', host: 'h' })
		const counts = report(NOW)!.series.map(({ rule, service, status, refusal, count }) =>
			[rule, service, status, refusal, count].join(' '),
		)
		expect(counts.sort()).toEqual([
			'  404 unknown_host 2',
			'other d/a 200  1',
			'r  500 invalid_backend 1',
			'r d/a 200  3',
			'r d/a 204  1',
			'r d/b 200  1',
		])
	})

	it('with their duration', () => {
		const { see, later, report } = observed()
		later(40)
		see('r', 'd/a')
		later(60)
		see('r', 'd/a')
		expect(report(NOW)!.series[0]).toMatchObject({ count: 2, latencySumMs: 140 })
	})

	it('with the attempts after their first', () => {
		const { see, sending, report, lines } = observed(1)
		for (const times of [0, 1, 3]) {
			sending(times)
			see('r', 'd/a')
		}
		expect(report(NOW)!.series).toMatchObject([{ count: 3, retries: 2 }])
		expect(lines.map((line) => (JSON.parse(line) as { attempts?: number }).attempts)).toEqual([undefined, undefined, 3])
	})

	it('with the bodies that declare their length, and the number of those that do not', () => {
		const { see, report } = observed()
		const post = (headers: Record<string, string>) =>
			new Request('http://h.test/', { method: 'POST', body: 'x', headers })
		see(
			'r',
			'd/a',
			new Response('body', { headers: { 'content-length': '4' } }),
			undefined,
			post({ 'content-length': '7' }),
		)
		see('r', 'd/a', new Response('stream'), undefined, post({}))
		see('r', 'd/a', new Response(null, { headers: { 'content-length': '999' } }))
		see('r', 'd/a', new Response('x', { headers: { 'content-length': 'many' } }))
		see('r', 'd/a', new Response('x', { headers: { 'content-length': '-5' } }))
		expect(report(NOW)!.series).toMatchObject([{ requestBytes: 7, responseBytes: 4, unsizedBodies: 4 }])
	})
})

describe('a report', () => {
	it('is none while there is nothing to tell, and takes no number', () => {
		const { see, report } = observed()
		expect(report(NOW)).toBe(undefined)
		see('r', 'd/a')
		expect(report(NOW)?.batch).toBe(1)
		expect(report(NOW)).toBe(undefined)
		see('r', 'd/a')
		expect(report(NOW)).toMatchObject({ batch: 2, isolate: 'i-1', series: [{ count: 1 }] })
	})

	it('tells failed syncs once, with or without requests', () => {
		const { knowledge, report } = observed()
		knowledge.syncFailures = 3
		expect(report(NOW)).toMatchObject({ batch: 1, syncFailures: 3, series: [] })
		expect(report(NOW)).toBe(undefined)
	})

	it('says what revision the isolate runs, and how old its knowledge is', () => {
		const { knowledge, see, report } = observed()
		see('r', 'd/a')
		expect(report(NOW)).toMatchObject({ revision: 0, snapshotAgeMs: 0 })
		knowledge.table.revision = 9
		knowledge.confirmedAt = NOW - 1_234
		see('r', 'd/a')
		expect(report(NOW)).toMatchObject({ revision: 9, snapshotAgeMs: 1_234 })
		see('r', 'd/a')
		expect(report(NOW - 5_000)).toMatchObject({ snapshotAgeMs: 0 })
	})

	it('of more series than a region takes counts the rest as overflow, and is still one that the region takes', () => {
		const { see, report } = observed()
		for (let i = 0; i < 6_000; i++) see(`r${i}`, 'd/a')
		const made = report(NOW)!
		expect([made.series.length, made.overflow]).toEqual([5_000, 1_000])
		expect(parseReport(JSON.parse(JSON.stringify(made))).ok).toBe(true)
	})
})

describe('the access log', () => {
	it.each([0, 0.1, 1])(`has a line for a share of %d of the exchanges (within 4 sigma, seed ${SEED})`, (rate) => {
		const { see, lines } = observed(rate, seeded(SEED))
		const n = 5_000
		for (let i = 0; i < n; i++) see('r', 'd/a')
		expect(Math.abs(lines.length - n * rate)).toBeLessThanOrEqual(4 * Math.sqrt(n * rate * (1 - rate)))
	})

	it('asks nothing of chance when it is off', () => {
		const { see } = observed(0, () => {
			throw new Error('asked')
		})
		see('r', 'd/a')
	})

	it('says what happened, without query, credentials or cookies', () => {
		const { see, lines, knowledge, later } = observed(1)
		knowledge.table.revision = 4
		knowledge.confirmedAt = NOW - 500
		later(12)
		const headers = {
			authorization: 'Bearer s3cret',
			cookie: 'session=s3cret',
			'proxy-authorization': 's3cret',
			'user-agent': 'test/1',
			traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
		}
		const url = 'http://u:s3cret@h.test/path?token=s3cret#s3cret'
		const request = { url, method: 'GET', headers: new Headers(headers), body: null } as Request
		see('r', 'd/a', new Response('x', { headers: { 'set-cookie': 's3cret' } }), undefined, request)
		expect(lines.join()).not.toContain('s3cret')
		expect(JSON.parse(lines[0]!)).toEqual({
			time: new Date(NOW).toISOString(),
			method: 'GET',
			scheme: 'http',
			authority: 'h.test',
			path: '/path',
			status: 200,
			rule: 'r',
			service: 'd/a',
			durationMs: 12,
			requestBytes: 0,
			clientAddress: '192.0.2.1',
			userAgent: 'test/1',
			traceId: 'a'.repeat(32),
			revision: 4,
			snapshotAgeMs: 500,
			region: 'weur',
		})
	})

	it('names the refusal of a mesh-made reply', () => {
		const { see, lines } = observed(1)
		see('', '', new Response(null, { status: 404 }), { reason: 'unknown_host', host: 'h' })
		expect(JSON.parse(lines[0]!)).toMatchObject({ status: 404, refusal: 'unknown_host' })
	})
})
