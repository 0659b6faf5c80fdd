/** Features that choose where a request goes, or where else. */
import type { Document } from '../documents.ts'
import { wish } from '../wishes.ts'
import {
	BACKEND,
	type Evidence,
	EXTERNAL,
	extended,
	extension,
	type Feature,
	filtered,
	first,
	OTHER,
	shown,
	to,
} from './feature.ts'

/** Without a single copy among them: three times in ten million runs. */
const LONG_SAMPLE = 1_500
const mirror = (percent: number): Document => ({
	type: 'RequestMirror',
	requestMirror: { backendRef: { name: BACKEND, port: 80 }, percent },
})
/** Without an idle timeout, a client that names its session need not be told anything. */
const session = { sessionPersistence: { sessionName: 'bench' }, ...to(BACKEND) }

/** Both letters, each at least this often. */
const spreadOver =
	(least: number) =>
	({ answers }: Evidence): boolean =>
		['a', 'b'].every((letter) => answers.filter(({ body }) => body[0] === letter).length >= least)
const setsCookie = (evidence: Evidence): boolean => first(evidence).headers['set-cookie'] !== undefined

export const placement: readonly Feature[] = [
	{
		title: 'session persistence, first request',
		name: 'session-first',
		rules: [session],
		proof: { holds: setsCookie },
	},
	{
		title: 'session persistence, later request',
		name: 'session',
		rules: [session],
		learn: ({ headers }) => ({ cookie: headers['set-cookie']?.[0]?.split(';')[0] ?? '' }),
		proof: { holds: (evidence) => evidence.learned.cookie !== '' && !setsCookie(evidence) },
	},
	{
		title: 'weighted backends, three',
		name: 'weighted',
		rules: [to(BACKEND, OTHER, BACKEND)],
		proof: { times: 60, holds: spreadOver(5) },
	},
	{
		title: 'TrafficMatch, 50 %',
		name: 'traffic-match',
		rules: [{ filters: [extension('TrafficMatch', 'half')], ...to(OTHER) }, to(BACKEND)],
		documents: [extended('TrafficMatch', 'half', { percent: 50 })],
		proof: { times: 60, holds: spreadOver(10) },
	},
	{
		title: 'mirror, 100 %',
		name: 'mirror-all',
		rules: [filtered(mirror(100))],
		proof: { times: 10, holds: ({ received }) => received === 20 },
	},
	{
		title: 'mirror, 1 %',
		name: 'mirror-some',
		rules: [filtered(mirror(1))],
		proof: {
			times: LONG_SAMPLE,
			holds: ({ received }) => received > LONG_SAMPLE && received < 1.04 * LONG_SAMPLE,
		},
	},
	{
		title: 'external service with a bearer token',
		name: 'external',
		rules: [to(EXTERNAL)],
		documents: [
			{
				apiVersion: 'v1',
				kind: 'Secret',
				metadata: { name: 'token' },
				stringData: { token: 'a-token-that-opens-nothing' },
			},
		],
		proof: {
			headers: wish('show'),
			holds: (evidence) =>
				shown(evidence).includes('authorization: bearer a-token-that-opens-nothing') &&
				!shown(evidence).includes('x-forwarded-host'),
		},
	},
]
