/** Features that say how long a request may take and how often it is tried, and the faults that put them to the test. */

import type { Document } from '../documents.ts'
import { wish } from '../wishes.ts'
import { BACKEND, type Evidence, extended, extension, type Feature, filtered, first, to } from './feature.ts'

const ONE_KILOBYTE = 'k'.repeat(1_024)
const retry = { retry: { codes: [503], attempts: 2, backoff: '1ms' }, ...to(BACKEND) }
const abort = (percent: number): Document => ({ abort: { httpStatus: 418, percent } })

const refusedFor = (reason: string) => (evidence: Evidence) =>
	first(evidence).status === 504 && first(evidence).body.includes(reason)

export const timing: readonly Feature[] = [
	{
		title: 'timeouts.request',
		name: 'request-timeout',
		rules: [{ timeouts: { request: '3s' }, ...to(BACKEND) }],
		proof: { headers: wish('silence'), holds: refusedFor('request_timeout') },
	},
	{
		title: 'both timeouts',
		name: 'both-timeouts',
		rules: [{ timeouts: { request: '4s', backendRequest: '3s' }, ...to(BACKEND) }],
		proof: { headers: wish('silence'), holds: refusedFor('upstream_timeout') },
	},
	{
		title: 'retry, GET that does not fail',
		name: 'retry',
		rules: [retry],
		proof: { headers: wish('failure'), holds: ({ received }) => received === 3 },
	},
	{
		title: 'retry, PUT of 1 KB that does not fail',
		name: 'retry-put',
		rules: [retry],
		request: { method: 'PUT', body: ONE_KILOBYTE },
		proof: { headers: wish('failure'), holds: ({ received }) => received === 3 },
	},
	{
		title: 'fault injection, 0 %',
		name: 'fault-none',
		rules: [filtered(extension('FaultInjection', 'none'))],
		documents: [extended('FaultInjection', 'none', abort(0))],
		proof: {
			documents: [extended('FaultInjection', 'none', abort(100))],
			holds: (evidence) => first(evidence).status === 418,
		},
	},
	{
		title: 'fault injection that does not match',
		name: 'fault-unmatched',
		rules: [filtered(extension('FaultInjection', 'unmatched'))],
		documents: [
			extended('FaultInjection', 'unmatched', {
				matches: [{ headers: [{ name: 'x-fault', value: 'yes' }] }],
				delay: { fixedDelay: '1s' },
				...abort(100),
			}),
		],
		proof: { headers: { 'x-fault': 'yes' }, holds: (evidence) => first(evidence).status === 418 },
	},
]
