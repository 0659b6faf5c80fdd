/** Features with which the mesh answers itself. What they save is the subrequest. */
import { corsFilter } from './edits.ts'
import { extended, extension, type Feature, filtered, first } from './feature.ts'

const PREFLIGHT = {
	origin: 'https://shop.example.com',
	'access-control-request-method': 'PUT',
	'access-control-request-headers': 'content-type,x-trace',
}

export const ownReplies: readonly Feature[] = [
	{
		title: 'CORS, preflight',
		name: 'preflight',
		rules: [filtered(corsFilter)],
		request: { method: 'OPTIONS', headers: PREFLIGHT },
		status: 204,
		proof: {
			holds: (evidence) =>
				evidence.received === 0 && first(evidence).headers['access-control-allow-methods'] !== undefined,
		},
	},
	{
		title: 'redirect',
		name: 'redirect',
		rules: [{ filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https' } }] }],
		status: 302,
		proof: {
			holds: (evidence) => evidence.received === 0 && first(evidence).headers.location?.startsWith('https://') === true,
		},
	},
	{
		title: 'direct response',
		name: 'direct-response',
		rules: [filtered(extension('DirectResponse', 'direct-response'))],
		documents: [extended('DirectResponse', 'direct-response', { statusCode: 200, body: 'd'.repeat(100) })],
		proof: { holds: (evidence) => evidence.received === 0 && first(evidence).body === 'd'.repeat(100) },
	},
]
