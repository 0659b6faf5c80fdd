/** Requests to one virtual host of 1 to 100,000 rules. */
import { gateway, ruleRequests, ruleRoutes, service, switchRoute } from '../documents.ts'
import type { Experiment } from './experiment.ts'
import { measureGrowth } from './growth.ts'

const DISTINCT_REQUESTS = 1_000

export const rules: Experiment = (bench) =>
	measureGrowth(bench, {
		what: 'rules',
		sizes: bench.options.quick ? [10, 1_000] : [1, 10, 1_000, 10_000, 100_000],
		documents: (size) => [
			gateway(),
			service('backend', bench.backends.a),
			service('other', bench.backends.b),
			...ruleRoutes(size, 'backend'),
		],
		requests: (size) => ruleRequests(size, DISTINCT_REQUESTS),
		change: (turn) => switchRoute(turn % 2 === 0 ? 'backend' : 'other'),
	})
