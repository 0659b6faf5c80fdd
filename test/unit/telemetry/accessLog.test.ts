/** What a line of the access log promises: one line, known fields in a known order, no secrets, bounded. */
import { describe, expect, it } from 'vitest'
import { type AccessLogEntry, accessLogLine } from '../../../src/telemetry/accessLog.ts'

const entry: AccessLogEntry = {
	timeMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
	method: 'GET',
	scheme: 'https',
	authority: 'orders.mesh.example.com',
	path: '/v1/orders',
	status: 503,
	refusal: 'no_healthy_endpoint',
	rule: 'default/shop/0',
	service: 'default/orders',
	endpoint: 'orders-1',
	attempts: 2,
	durationMs: 12.5,
	requestBytes: 0,
	responseBytes: 321,
	user: 'https://id.example.com/alice',
	policy: 'default/buyers',
	would: 'refuse',
	wouldBy: 'default/stricter',
	clientAddress: '2001:db8::1',
	userAgent: 'curl/8.5.0',
	traceId: '12345678901234567890123456789012',
	revision: 7,
	snapshotAgeMs: 850,
	region: 'weur',
}

const parsed = (over: Partial<AccessLogEntry>): Record<string, unknown> =>
	JSON.parse(accessLogLine({ ...entry, ...over }))

it('a full line has every field, in order', () => {
	expect(accessLogLine(entry)).toBe(
		'{"time":"2026-01-02T03:04:05.678Z","method":"GET","scheme":"https","authority":"orders.mesh.example.com",' +
			'"path":"/v1/orders","status":503,"refusal":"no_healthy_endpoint","rule":"default/shop/0",' +
			'"service":"default/orders","endpoint":"orders-1","attempts":2,"durationMs":12.5,"requestBytes":0,"responseBytes":321,' +
			'"user":"https://id.example.com/alice","policy":"default/buyers","would":"refuse","wouldBy":"default/stricter",' +
			'"clientAddress":"2001:db8::1","userAgent":"curl/8.5.0","traceId":"12345678901234567890123456789012",' +
			'"revision":7,"snapshotAgeMs":850,"region":"weur"}',
	)
})

it('what is absent or empty is left out, and zero is neither', () => {
	const { timeMs, method, scheme, authority, path, revision, region } = entry
	const least = {
		timeMs,
		method,
		scheme,
		authority,
		path,
		status: 0,
		durationMs: 0,
		revision,
		snapshotAgeMs: 0,
		region,
	}
	expect(Object.keys(JSON.parse(accessLogLine({ ...least, refusal: '', rule: '', endpoint: undefined })))).toEqual([
		'time',
		'method',
		'scheme',
		'authority',
		'path',
		'status',
		'durationMs',
		'revision',
		'snapshotAgeMs',
		'region',
	])
})

it.each(['/pay?token=secret', '/pay#secret', '/pay?a#secret', '/pay?'])('the query of %s is not logged', (path) => {
	expect(parsed({ path }).path).toBe('/pay')
})

describe('what a stranger makes long is cut:', () => {
	it.each([
		['path', 1_024],
		['userAgent', 256],
		['authority', 255],
		['method', 64],
		['clientAddress', 64],
	] as const)('%s to %d units', (field, max) => {
		expect(parsed({ [field]: 'x'.repeat(max) })[field]).toHaveLength(max)
		expect(parsed({ [field]: 'x'.repeat(100_000) })[field]).toBe('x'.repeat(max))
	})
})

it('a cut leaves no half of a character behind', () => {
	expect(parsed({ userAgent: `${'x'.repeat(255)}😀` }).userAgent).toBe('x'.repeat(255))
	expect(parsed({ userAgent: `${'x'.repeat(254)}😀` }).userAgent).toBe(`${'x'.repeat(254)}😀`)
})

it.each([
	['a line feed', '\n'],
	['a carriage return', '\r'],
	['a quote', '"'],
	['a next-line', '\u0085'],
	['a line separator', '\u2028'],
	['a paragraph separator', '\u2029'],
	['a terminal escape', '\u001b[2J'],
	['a C1 terminal escape', '\u009b2J'],
	['a delete', '\u007f'],
])('%s in a value stays in the value', (_, trick) => {
	const userAgent = `a${trick}","status":200,"x":"`
	const line = accessLogLine({ ...entry, userAgent })
	expect(JSON.parse(line)).toMatchObject({ userAgent, status: 503 })
	// biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is the point
	expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/)
})
