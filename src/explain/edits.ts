/** What the mesh changes in a request and in its response: what the data path makes of both, compared with what there was. */

import type { Plan } from '../proxy/compile/compileRule.ts'
import type { Exchange } from '../proxy/exchange.ts'
import { decorated } from '../proxy/sending/decorate.ts'
import { backendFilters } from '../proxy/sending/outgoing.ts'
import type { Filters } from '../snapshot/filters.ts'
import type { HeaderChanges, RequestEdits, ResponseEdits } from './explanation.ts'
import { clockless } from './filters.ts'

/** Stands for whatever a service says in a field that the mesh may change. */
const OF_SERVICE = 'as-the-service-says'
const CORS_FIELDS = [
	'access-control-allow-origin',
	'access-control-allow-credentials',
	'access-control-expose-headers',
	'vary',
]

/** `sent` is what an endpoint of the service would get. */
export function requestEdits({ request, service }: Exchange, sent: Request): RequestEdits {
	const forwardedHost = sent.headers.get('x-forwarded-host')
	return {
		service: service!.name,
		url: sent.url,
		...(forwardedHost === null ? {} : { forwardedHost }),
		...headerChanges(request.headers, sent.headers),
	}
}

/** Made of a response that has each field which the rule or its backend names. */
export function responseEdits(exchange: Exchange, plan: Plan): ResponseEdits {
	const { rule, service, backend } = exchange
	const ofBackend = rule!.source?.backends.find((_, i) => rule!.backends()[i] === backend)
	const names = new Set([
		...namesIn(rule!.source?.filters),
		...(ofBackend !== undefined && 'filters' in ofBackend ? namesIn(ofBackend.filters) : []),
		...(plan.filters.cors === undefined ? [] : CORS_FIELDS),
	])
	const before = new Response(null, { headers: Array.from(names, (name): [string, string] => [name, OF_SERVICE]) })
	const after = decorated(exchange, plan, before, false, clockless(exchange.startedAt))
	return { service: service!.name, ...headerChanges(before.headers, after.headers) }
}

/** Whether there is anything that could be done to a response. */
export const editsResponses = ({ filters, session }: Plan, exchange: Exchange): boolean =>
	filters.cors !== undefined ||
	session !== undefined ||
	filters.editResponse !== undefined ||
	backendFilters(exchange)?.editResponse !== undefined

const namesIn = ({ responseHeaders: { set = [], add = [], remove = [] } = {} }: Filters = {}): string[] => [
	...[...set, ...add].map(([name]) => name),
	...remove,
]

function headerChanges(before: Headers, after: Headers): HeaderChanges {
	const headersSet: Record<string, string> = {}
	const headersAdded: Record<string, string> = {}
	const lines = linesOf(before)
	for (const [name, value] of linesOf(after)) {
		const was = lines.get(name)
		if (was === value) continue
		if (was === undefined) headersAdded[name] = value
		else if (value.startsWith(`${OF_SERVICE}, `)) headersAdded[name] = value.slice(OF_SERVICE.length + 2)
		else headersSet[name] = value
	}
	const headersRemoved = [...lines.keys()].filter((name) => !after.has(name))
	return { headersSet, headersAdded, headersRemoved }
}

/** Each field once: iterating gives every Set-Cookie by itself. */
const linesOf = (headers: Headers): Map<string, string> =>
	new Map([...headers].map(([name]) => [name, headers.get(name)!]))
