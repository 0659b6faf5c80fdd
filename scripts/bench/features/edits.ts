/** Features that edit what passes: fields, paths, and what browsers may read. */
import { wish } from '../wishes.ts'
import { BACKEND, type Evidence, type Feature, filtered, first, shown } from './feature.ts'

const ORIGIN = 'https://shop.example.com'
const EDITS = { set: [{ name: 'x-set', value: 'one' }], add: [{ name: 'x-added', value: 'two' }] }

const requestHeaders = { type: 'RequestHeaderModifier', requestHeaderModifier: { ...EDITS, remove: ['x-removed'] } }
const responseHeaders = {
	type: 'ResponseHeaderModifier',
	responseHeaderModifier: { ...EDITS, remove: ['content-type'] },
}
/** What is removed must be there: then it costs what it costs. */
const REMOVED = { 'x-removed': 'three' }

const isEdited = (text: string): boolean => text.includes('x-set: one') && text.includes('x-added: two')
const answerIsEdited = (evidence: Evidence): boolean => {
	const { headers } = first(evidence)
	return headers['x-set'] === 'one' && headers['x-added'] === 'two' && headers['content-type'] === undefined
}
const requestIsEdited = (evidence: Evidence): boolean =>
	isEdited(shown(evidence)) && !shown(evidence).includes('x-removed')

export const corsFilter = {
	type: 'CORS',
	cors: {
		allowOrigins: ['https://*.example.com'],
		allowCredentials: true,
		allowMethods: ['GET', 'PUT'],
		allowHeaders: ['content-type', 'x-trace'],
		exposeHeaders: ['x-trace'],
		maxAge: 600,
	},
}

export const edits: readonly Feature[] = [
	{
		title: 'request header modifier',
		name: 'request-headers',
		rules: [filtered(requestHeaders)],
		request: { headers: REMOVED },
		proof: { headers: wish('show'), holds: requestIsEdited },
	},
	{
		title: 'response header modifier',
		name: 'response-headers',
		rules: [filtered(responseHeaders)],
		proof: { holds: answerIsEdited },
	},
	{
		title: 'both header modifiers',
		name: 'both-headers',
		rules: [filtered(requestHeaders, responseHeaders)],
		request: { headers: REMOVED },
		proof: {
			headers: wish('show'),
			holds: (evidence) => requestIsEdited(evidence) && answerIsEdited(evidence),
		},
	},
	{
		title: 'header modifier of a backendRef',
		name: 'backend-headers',
		rules: [{ backendRefs: [{ name: BACKEND, port: 80, filters: [requestHeaders] }] }],
		request: { headers: REMOVED },
		proof: { headers: wish('show'), holds: requestIsEdited },
	},
	{
		title: 'URL rewrite, prefix',
		name: 'rewrite',
		rules: [
			filtered({
				type: 'URLRewrite',
				urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/elsewhere' } },
			}),
		],
		proof: { headers: wish('show'), holds: (evidence) => shown(evidence).startsWith('get /elsewhere/item ') },
	},
	{
		title: 'CORS, actual request',
		name: 'cors',
		rules: [filtered(corsFilter)],
		request: { headers: { origin: ORIGIN } },
		proof: { holds: (evidence) => first(evidence).headers['access-control-allow-origin'] === ORIGIN },
	},
]
