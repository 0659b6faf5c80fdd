/** What is wrong with the sections of a TrafficPolicy, each told by the field. */
import { expect, test } from 'vitest'
import { parseDocuments } from '../../../src/resources/documents.ts'
import { context, problems, times } from './fixtures.ts'

/** What is said about the sections of a policy on a Service; paths begin inside the spec. */
const told = (sections: object) =>
	problems({
		apiVersion: 'selvedge.dev/v1',
		kind: 'TrafficPolicy',
		metadata: { name: 'calm' },
		spec: { targetRefs: [{ kind: 'Service', name: 'cart' }], ...sections },
	}).map((problem) => problem.replace(/^spec\./, ''))

const duration = 'must be a duration: one to four whole numbers, each with h, m, s or ms, e.g. 1m30s'
const byHeader = { hashOn: { header: 'x' } }
const oneKey = 'loadBalancer.hashOn: must have exactly one of header, cookie, query, source'

test.each<[object, string[]]>([
	[
		{ loadBalancer: { type: 'Fastest' } },
		[
			'loadBalancer.type: must be one of RoundRobin, Random, LeastRequest, PeakEwma, RingHash, Maglev [UnsupportedValue]',
		],
	],
	[{ loadBalancer: { type: 'RingHash' } }, ['loadBalancer.hashOn: is required']],
	[{ loadBalancer: { type: 'Maglev' } }, ['loadBalancer.hashOn: is required']],
	...['RoundRobin', 'Random', 'LeastRequest', 'PeakEwma'].map((type): [object, string[]] => [
		{ loadBalancer: { type, ...byHeader } },
		['loadBalancer.hashOn: must be left out: only RingHash and Maglev choose by a key'],
	]),
	[{ loadBalancer: { type: 'Maglev', hashOn: {} } }, [oneKey]],
	[{ loadBalancer: { type: 'Maglev', hashOn: { header: 'x', cookie: 'y' } } }, [oneKey]],
	[
		{ loadBalancer: { type: 'Maglev', hashOn: { header: 'x y' } } },
		['loadBalancer.hashOn.header: must be an HTTP field name (RFC 9110 token)'],
	],
	[
		{ loadBalancer: { type: 'Maglev', hashOn: { source: 'Moon' } } },
		['loadBalancer.hashOn.source: must be one of Workload, ClientIP [UnsupportedValue]'],
	],
	[
		{ loadBalancer: { type: 'LeastRequest', leastRequest: { choices: 1 } } },
		['loadBalancer.leastRequest.choices: must be at least 2'],
	],
	[
		{ loadBalancer: { type: 'PeakEwma', peakEwma: { choices: 11, decay: '0s' } } },
		['loadBalancer.peakEwma.decay: must be at least 100ms', 'loadBalancer.peakEwma.choices: must be at most 10'],
	],
	[
		{ loadBalancer: { type: 'PeakEwma', leastRequest: {} } },
		['loadBalancer.leastRequest: is not a field here; must be one of type, peakEwma'],
	],
	[
		{ loadBalancer: { type: 'RingHash', ...byHeader, ringHash: { minimumRingSize: 0, maximumRingSize: 65_537 } } },
		[
			'loadBalancer.ringHash.minimumRingSize: must be at least 1',
			'loadBalancer.ringHash.maximumRingSize: must be at most 65,536',
		],
	],
	[
		{ loadBalancer: { type: 'RingHash', ...byHeader, ringHash: { minimumRingSize: 9, maximumRingSize: 8 } } },
		['loadBalancer.ringHash.minimumRingSize: must be at most maximumRingSize, which is 8'],
	],
	...[102, 65_536, 121].map((tableSize): [object, string[]] => [
		{ loadBalancer: { type: 'Maglev', ...byHeader, maglev: { tableSize } } },
		['loadBalancer.maglev.tableSize: must be a prime number, e.g. 65537'],
	]),
	[
		{ loadBalancer: { type: 'Maglev', ...byHeader, maglev: { tableSize: 5_000_011 } } },
		['loadBalancer.maglev.tableSize: must be at most 655,373'],
	],
	[{ loadBalancer: { type: 'Maglev', ...byHeader, maglev: { tableSize: 655_373 } } }, []],
	[{ warmup: {} }, ['warmup.duration: is required']],
	[{ warmup: { duration: '-1s' } }, [`warmup.duration: ${duration}`]],
	[
		{ warmup: { duration: '0s', minimumPercent: 101, aggression: 0 } },
		[
			'warmup.duration: must be at least 1s',
			'warmup.minimumPercent: must be at most 100',
			'warmup.aggression: must be at least 0.1',
		],
	],
	[
		{ locality: { failover: ['weur', 'eeur', 'weur'], others: 'First', overflowThresholdPercent: 0 } },
		[
			'locality.failover[2]: must be unique: entry 0 is this locality',
			'locality.others: must be one of Last, Never [UnsupportedValue]',
			'locality.overflowThresholdPercent: must be at least 1',
		],
	],
	[{ locality: { failover: times(65, (i) => `l${i}`) } }, ['locality.failover: must have at most 64 entries']],
	[{ panicThresholdPercent: 100.1 }, ['panicThresholdPercent: must be at most 100']],
	[{ panicThresholdPercent: -1 }, ['panicThresholdPercent: must be at least 0']],
	[{ panicThresholdPercent: 'NaN' }, ['panicThresholdPercent: must be a number']],
	[
		{ outlierDetection: { interval: '0s', baseEjectionTime: '0s', maxEjectionPercent: 101, consecutive5xxErrors: -1 } },
		[
			'outlierDetection.consecutive5xxErrors: must be at least 0',
			'outlierDetection.interval: must be at least 100ms',
			'outlierDetection.baseEjectionTime: must be at least 100ms',
			'outlierDetection.maxEjectionPercent: must be at most 100',
		],
	],
	[
		{ outlierDetection: { baseEjectionTime: '2m', maxEjectionTime: '1m' } },
		['outlierDetection.baseEjectionTime: must be at most maxEjectionTime, which is 1m'],
	],
	[
		{ outlierDetection: { maxEjectionTime: '1s' } },
		['outlierDetection.baseEjectionTime: must be at most maxEjectionTime, which is 1s'],
	],
	[
		{
			outlierDetection: {
				successRate: { minimumHosts: 1, minimumRequests: 0, stdevFactor: 0 },
				failurePercentage: { thresholdPercent: 0 },
			},
		},
		[
			'outlierDetection.successRate.minimumHosts: must be at least 2',
			'outlierDetection.successRate.minimumRequests: must be at least 1',
			'outlierDetection.successRate.stdevFactor: must be at least 0.1',
			'outlierDetection.failurePercentage.thresholdPercent: must be at least 1',
		],
	],
	[{ circuitBreaker: {} }, ['circuitBreaker: must have at least one of maxRequests and maxPendingRequests']],
	[{ circuitBreaker: { maxRequests: 0 } }, ['circuitBreaker.maxRequests: must be at least 1']],
	[
		{ circuitBreaker: { maxRequests: 1, maxWait: '1s' } },
		['circuitBreaker.maxWait: must be left out unless maxPendingRequests lets requests wait'],
	],
	[
		{ circuitBreaker: { maxRequests: 1, maxPendingRequests: 10_001, maxWait: '2m' } },
		['circuitBreaker.maxPendingRequests: must be at most 10,000', 'circuitBreaker.maxWait: must be at most 1m'],
	],
	[
		{ adaptiveConcurrency: { minimumLimit: 9, maximumLimit: 8 } },
		['adaptiveConcurrency.minimumLimit: must be at most maximumLimit, which is 8'],
	],
	[
		{ adaptiveConcurrency: { initialLimit: 8, minimumLimit: 9 } },
		['adaptiveConcurrency.initialLimit: must be at least minimumLimit, which is 9'],
	],
	[
		{ adaptiveConcurrency: { initialLimit: 9, maximumLimit: 8 } },
		['adaptiveConcurrency.initialLimit: must be at most maximumLimit, which is 8'],
	],
	[
		{ adaptiveConcurrency: { tolerance: 0.9, smoothing: 0 } },
		['adaptiveConcurrency.tolerance: must be at least 1', 'adaptiveConcurrency.smoothing: must be at least 0.01'],
	],
	[{ retryBudget: { percent: 100.5 } }, ['retryBudget.percent: must be at most 100']],
	[
		{ retryBudget: { minRetryConcurrency: 1, interval: '10s' } },
		['retryBudget.minRetryConcurrency: must be left out beside interval: it is for budgets of active requests'],
	],
	[
		{ retryBudget: { minRetryConcurrency: 1, minRetryRate: { count: 1 } } },
		['retryBudget.minRetryConcurrency: must be left out beside minRetryRate: it is for budgets of active requests'],
	],
	[
		{ retryBudget: { interval: '0s', minRetryRate: { interval: '0s' } } },
		[
			'retryBudget.interval: must be at least 1s',
			'retryBudget.minRetryRate.count: is required',
			'retryBudget.minRetryRate.interval: must be at least 1s',
		],
	],
	[{ hedging: {} }, ['hedging: must have exactly one of delay and percentile']],
	[{ hedging: { delay: '1s', percentile: 95 } }, ['hedging: must have exactly one of delay and percentile']],
	[
		{ hedging: { percentile: 100, maxExtraRequests: 4 } },
		['hedging.percentile: must be at most 99.9', 'hedging.maxExtraRequests: must be at most 3'],
	],
	[{ hedging: { delay: '0s' } }, ['hedging.delay: must be at least 1ms']],
	[{ timeouts: {} }, ['timeouts: must have at least one of request and backendRequest']],
	[
		{ timeouts: { request: '1s', backendRequest: '2s' } },
		['timeouts.backendRequest: must be at most request, which is 1s'],
	],
	[{ timeouts: { request: '0s' } }, []],
	[{ retry: { attempts: 11 } }, ['retry.attempts: must be at most 10']],
	[{ pushback: { default: '10s', max: '5s' } }, ['pushback.default: must be at most max, which is 5s']],
	[
		{ healthCheck: { path: 'healthz', method: 'POST', interval: '0s', jitterPercent: 101 } },
		[
			"healthCheck.path: must begin with '/'",
			'healthCheck.method: must be one of GET, HEAD [UnsupportedValue]',
			'healthCheck.interval: must be at least 1s',
			'healthCheck.jitterPercent: must be at most 100',
		],
	],
	[{ healthCheck: { interval: '1s', timeout: '2s' } }, ['healthCheck.timeout: must be at most interval, which is 1s']],
	[{ healthCheck: { healthyThreshold: 0 } }, ['healthCheck.healthyThreshold: must be at least 1']],
	[{ healthCheck: { expectedStatuses: [] } }, ['healthCheck.expectedStatuses: must have at least 1 entry']],
	[{ healthCheck: { expectedStatuses: [200] } }, ['healthCheck.expectedStatuses[0]: must be a string, in quotes']],
	...['199', '299-200', '200-', '2xx', '200-600', ' 200'].map((text): [object, string[]] => [
		{ healthCheck: { expectedStatuses: [text] } },
		['healthCheck.expectedStatuses[0]: must be a status from 200 to 599, or a range of them such as 200-299'],
	]),
])('judges %j', (sections, expected) => {
	expect(told(sections)).toEqual(expected)
})

test('no number that YAML can write, and JSON cannot, gets through', () => {
	const yaml = (value: string) => `
apiVersion: selvedge.dev/v1
kind: TrafficPolicy
metadata: { name: p }
spec: { targetRefs: [{ kind: Service, name: s }], panicThresholdPercent: ${value} }
`
	for (const value of ['.nan', '.inf', '-.inf']) {
		const result = parseDocuments(yaml(value), 'yaml', context)
		expect(!result.ok && result.error.map(({ path }) => path), value).toEqual(['spec.panicThresholdPercent'])
	}
	expect(parseDocuments(yaml('0'), 'yaml', context).ok).toBe(true)
})
