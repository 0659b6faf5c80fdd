/** What a TrafficPolicy may say, where it may say it, and what it means when it says less. */
import { describe, expect, it, test } from 'vitest'
import { parsed, problems, times } from './fixtures.ts'

const cart = { kind: 'Service', name: 'cart' }
const shop = { kind: 'HTTPRoute', name: 'shop' }
const policy = (spec: unknown, metadata: object = { name: 'calm' }) => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'TrafficPolicy',
	metadata,
	spec,
})
/** Attached to a Service. */
const on = (sections: object) => policy({ targetRefs: [cart], ...sections })
/** What is said about it; paths begin inside the spec. */
const told = (document: unknown) => problems(document).map((problem) => problem.replace(/^spec\./, ''))
const section = (name: string, value: unknown) => (parsed(on({ [name]: value })).spec as Record<string, unknown>)[name]

describe('targets', () => {
	const panic = { panicThresholdPercent: 50 }
	const to = (...targetRefs: object[]) => policy({ targetRefs, ...panic })

	it('are of the groups that their kinds belong to, which may be left out', () => {
		const refs = [{ kind: 'Mesh', name: 'default' }, { kind: 'Namespace', name: 'default' }, cart]
		expect(parsed(to(...refs)).spec).toEqual({
			targetRefs: [
				{ group: 'selvedge.dev', kind: 'Mesh', name: 'default' },
				{ group: '', kind: 'Namespace', name: 'default' },
				{ group: '', kind: 'Service', name: 'cart' },
			],
			...panic,
		})
		const spelled = [
			{ group: 'core', ...cart },
			{ group: 'selvedge.dev', kind: 'Service', name: 'b' },
		]
		expect(told(to(...spelled))).toEqual([])
		expect(parsed(policy({ targetRefs: [{ ...shop, sectionName: 'pay' }, shop], retry: {} })).spec).toMatchObject({
			targetRefs: [{ group: 'gateway.networking.k8s.io', sectionName: 'pay' }, { name: 'shop' }],
		})
	})

	it.each<[object, string[]]>([
		[policy(panic), ['targetRefs: is required']],
		[to(), ['targetRefs: must have at least 1 entry']],
		[to(...times(17, (i) => ({ ...cart, name: `s${i}` }))), ['targetRefs: must have at most 16 entries']],
		[to({ name: 'cart' }), ['targetRefs[0].kind: is required']],
		[
			to({ kind: 'Gateway', name: 'g' }),
			['targetRefs[0].kind: must be one of Mesh, Namespace, Service, HTTPRoute [UnsupportedValue]'],
		],
		[
			to({ ...cart, group: 'gateway.networking.k8s.io' }),
			["targetRefs[0].group: must be '', core or selvedge.dev [UnsupportedValue]"],
		],
		[
			to({ kind: 'Namespace', name: 'default', group: 'v1' }),
			["targetRefs[0].group: must be '' or core [UnsupportedValue]"],
		],
		[to({ ...shop, group: '' }), ['targetRefs[0].group: must be gateway.networking.k8s.io']],
		[
			to({ ...cart, namespace: 'other' }),
			['targetRefs[0].namespace: is not a field here; must be one of group, kind, name'],
		],
		[
			to({ ...cart, sectionName: 'x' }),
			['targetRefs[0].sectionName: is not a field here; must be one of group, kind, name'],
		],
		[
			to({ ...cart, name: 'a/b' }),
			[
				"targetRefs[0].name: must be lower-case letters, digits and '-', beginning and ending with a letter or digit (RFC 1123 label)",
			],
		],
		[to(cart, cart), ['targetRefs[1]: must be unique: targetRef 0 names this target']],
		[to(cart, { ...cart, group: 'selvedge.dev' }), ['targetRefs[1]: must be unique: targetRef 0 names this target']],
		[
			policy({
				targetRefs: [
					{ ...shop, sectionName: 'a' },
					{ ...shop, sectionName: 'a' },
				],
				retry: {},
			}),
			['targetRefs[1]: must be unique: targetRef 0 names this target'],
		],
		[to({ kind: 'Mesh', name: 'other' }), ['targetRefs[0].name: must be default']],
		[
			policy({ targetRefs: [cart, { kind: 'Mesh', name: 'default' }], ...panic }, { name: 'p', namespace: 'shop' }),
			[
				'targetRefs[1].kind: must not be Mesh outside namespace default or istio-system: others may not speak for the mesh',
			],
		],
		[
			policy({ targetRefs: [{ kind: 'Namespace', name: 'default' }], ...panic }, { name: 'p', namespace: 'shop' }),
			["targetRefs[0].name: must be 'shop': a policy speaks for no namespace but its own"],
		],
	])('judges %j', (document, expected) => {
		expect(told(document)).toEqual(expected)
	})
})

describe('sections', () => {
	const all =
		'loadBalancer, warmup, locality, panicThresholdPercent, outlierDetection, circuitBreaker, adaptiveConcurrency, retryBudget, hedging, timeouts, retry, pushback, healthCheck'
	const ofServices = {
		warmup: { duration: '10s' },
		locality: {},
		panicThresholdPercent: 50,
		outlierDetection: {},
		circuitBreaker: { maxRequests: 1 },
		adaptiveConcurrency: {},
		pushback: {},
	}
	const ofRoutes = {
		loadBalancer: { type: 'Random' },
		retryBudget: {},
		hedging: { delay: '1s' },
		timeouts: { request: '1s' },
		retry: {},
	}

	it('are needed, one at least', () => {
		expect(problems(on({}))).toEqual([`spec: must have at least one of ${all}`])
		expect(told(on({ retry: {}, breaker: {} }))).toEqual([
			`breaker: is not a field here; must be one of targetRefs, ${all}`,
		])
	})

	it('may all stand on a Service, and all but a health check on a namespace or the mesh', () => {
		expect(told(on({ ...ofServices, ...ofRoutes, healthCheck: {} }))).toEqual([])
		for (const target of [
			{ kind: 'Namespace', name: 'default' },
			{ kind: 'Mesh', name: 'default' },
		])
			expect(told(policy({ targetRefs: [target], ...ofServices, ...ofRoutes }))).toEqual([])
	})

	it('of a route are those that choose for a request and repeat it', () => {
		expect(told(policy({ targetRefs: [shop], ...ofRoutes }))).toEqual([])
	})

	it.each(Object.entries(ofServices))('of services are refused for a route: %s', (name, value) => {
		expect(told(policy({ targetRefs: [cart, shop], [name]: value }))).toEqual([
			`${name}: must be left out: it belongs to services, and targetRef 1 is an HTTPRoute`,
		])
	})

	it.each(['Mesh', 'Namespace', 'HTTPRoute'])('with a health check are refused for a %s', (kind) => {
		const document = policy({ targetRefs: [cart, { kind, name: 'default' }], healthCheck: {} })
		expect(told(document)).toEqual([
			'healthCheck: must be left out: its path belongs to a Service, and targetRef 1 is none',
		])
	})
})

test.each<[string, unknown, unknown]>([
	['loadBalancer', { type: 'LeastRequest' }, { type: 'LeastRequest', leastRequest: { choices: 2 } }],
	['loadBalancer', { type: 'PeakEwma' }, { type: 'PeakEwma', peakEwma: { decay: '10s', choices: 2 } }],
	[
		'loadBalancer',
		{ type: 'RingHash', hashOn: { header: 'X-User' } },
		{
			type: 'RingHash',
			ringHash: { minimumRingSize: 1_024, maximumRingSize: 65_536 },
			hashOn: { header: 'X-User' },
		},
	],
	[
		'loadBalancer',
		{ type: 'RingHash', ringHash: { maximumRingSize: 64 }, hashOn: { source: 'ClientIP' } },
		{ type: 'RingHash', ringHash: { minimumRingSize: 64, maximumRingSize: 64 }, hashOn: { source: 'ClientIP' } },
	],
	[
		'loadBalancer',
		{ type: 'Maglev', hashOn: { cookie: 'sid' } },
		{ type: 'Maglev', maglev: { tableSize: 65_537 }, hashOn: { cookie: 'sid' } },
	],
	['warmup', { duration: '1m' }, { duration: '1m', minimumPercent: 10, aggression: 1 }],
	['locality', {}, { failover: [], others: 'Last', overflowThresholdPercent: 71.43 }],
	[
		'outlierDetection',
		{},
		{
			consecutive5xxErrors: 5,
			consecutiveGatewayErrors: 0,
			consecutiveLocalOriginFailures: 5,
			interval: '10s',
			baseEjectionTime: '30s',
			maxEjectionTime: '300s',
			maxEjectionPercent: 10,
		},
	],
	['outlierDetection', { baseEjectionTime: '10m' }, expect.objectContaining({ maxEjectionTime: '10m' })],
	[
		'outlierDetection',
		{ successRate: {}, failurePercentage: {} },
		expect.objectContaining({
			successRate: { minimumHosts: 5, minimumRequests: 100, stdevFactor: 1.9 },
			failurePercentage: { thresholdPercent: 85, minimumHosts: 5, minimumRequests: 50 },
		}),
	],
	[
		'adaptiveConcurrency',
		{},
		{ initialLimit: 20, minimumLimit: 20, maximumLimit: 200, tolerance: 1.5, smoothing: 0.2 },
	],
	[
		'adaptiveConcurrency',
		{ minimumLimit: 500 },
		expect.objectContaining({ initialLimit: 500, minimumLimit: 500, maximumLimit: 500 }),
	],
	[
		'adaptiveConcurrency',
		{ maximumLimit: 5 },
		expect.objectContaining({ initialLimit: 5, minimumLimit: 5, maximumLimit: 5 }),
	],
	[
		'adaptiveConcurrency',
		{ initialLimit: 300 },
		expect.objectContaining({ initialLimit: 300, minimumLimit: 20, maximumLimit: 300 }),
	],
	['retryBudget', {}, { percent: 20 }],
	['retryBudget', { minRetryRate: { count: 5 } }, { percent: 20, minRetryRate: { count: 5, interval: '1s' } }],
	['hedging', { percentile: 95 }, { percentile: 95, maxExtraRequests: 1 }],
	['retry', {}, { codes: [], attempts: 1 }],
	['pushback', {}, { default: '1s', max: '300s' }],
	[
		'healthCheck',
		{},
		{
			path: '/',
			method: 'GET',
			interval: '10s',
			timeout: '1s',
			healthyThreshold: 2,
			unhealthyThreshold: 3,
			expectedStatuses: ['200-299'],
			jitterPercent: 10,
		},
	],
])('%s %j means %j', (name, given, expected) => {
	expect(section(name, given)).toEqual(expected)
})

test('a policy can be sent back as it is answered', () => {
	const answered = parsed(
		on({
			loadBalancer: { type: 'RingHash', hashOn: { query: 'user' } },
			outlierDetection: { baseEjectionTime: '10m' },
			adaptiveConcurrency: {},
			healthCheck: { expectedStatuses: ['204', '300-399'] },
		}),
	)
	expect(parsed(answered)).toEqual(answered)
})
