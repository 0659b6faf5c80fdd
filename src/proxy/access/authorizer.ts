/**
 * The services that CUSTOM policies ask: Envoy's ext_authz over HTTP, as Istio's `envoyExtAuthzHttp` has it.
 *
 * What is asked is the mesh's own request, to which no policy applies: an authorizer is never made to wait for itself. 200 allows;
 * what else is below 500 is its refusal, which the client gets; all others, and silence, are an authorizer that cannot be asked.
 */
import type { Authorizer } from '../../snapshot/authorization.ts'
import { NO_FILTERS } from '../compile/compileFilters.ts'
import type { Plan } from '../compile/compileRule.ts'
import { LOST_CONNECTION } from '../compile/defaultTraffic.ts'
import { admit, type Exchange } from '../exchange.ts'
import type { Knowledge } from '../knowledge/knowledge.ts'
import type { ProxyPorts, Scope } from '../ports.ts'
import type { Refusal, RefusalReason } from '../refusal.ts'
import { dispatch } from '../sending/attempts.ts'
import type { BodyBudget } from '../sending/bodyBudget.ts'
import { BODILESS } from '../sending/copyResponse.ts'
import type { Forward } from '../sending/forward.ts'
import type { Destination } from '../sending/outgoing.ts'
import { showsWorkloadToken } from '../sending/upstreamRequest.ts'
import { serviceFor } from '../stages/placing.ts'
import { beginningOf, firstBytes } from './bodyBeginning.ts'
import { fieldsOf, isFraming, names, spelling } from './checkedFields.ts'

export interface Means {
	readonly knowledge: Knowledge
	readonly forward: Forward
	readonly budget: BodyBudget
	readonly ports: ProxyPorts
	readonly scope: Scope
}

/** A request as authorizers are asked about it. */
export interface Question {
	readonly exchange: Exchange
	readonly destination: Destination
	/** In which the service hears of users: the client's own are not theirs to read. */
	readonly userFields: readonly string[]
}

/** Of a refusal, the client gets no more of the body than this. */
const MAX_REFUSAL_BYTES = 65_536
/** What is between the client and the mesh. A deadline of the client's must not make one that fails open fail. */
const NOT_TOLD: ReadonlySet<string> = new Set(['accept-encoding', 'authorization', 'expect', 'selvedge-deadline'])
/** Always told, so that the authorizer's work is part of the trace. */
const TRACE: readonly string[] = ['traceparent', 'tracestate']
/** Of a refusal, that without which its status and its body mean nothing. */
const OF_REFUSAL: ReadonlySet<string> = new Set(['content-encoding', 'content-type', 'location', 'www-authenticate'])
/** What the client has chosen, which must not get it past an authorizer that fails open. */
const OF_CLIENT: ReadonlySet<RefusalReason> = new Set<RefusalReason>(['method_refused', 'native_grpc'])

/** Undefined: it allows. What it says to the service and to the client is in the exchange then. */
export async function askAuthorizer(
	authorizer: Authorizer,
	question: Question,
	means: Means,
): Promise<Refusal | undefined> {
	const { name, invalid, failOpen, statusOnError: status, timeoutMs, bodyBytes } = authorizer
	const { exchange } = question
	exchange.checked ??= { owned: [], toService: [], toClient: [] }
	exchange.checked.owned.push(...authorizer.headersToUpstreamOnAllow)
	const unavailable = (detail: string, mayPass: boolean): Refusal | undefined =>
		mayPass ? undefined : { reason: 'authorizer_unavailable', authorizer: name, status, detail }
	if (invalid !== undefined) return unavailable(invalid, false)
	if (bodyBytes !== undefined && hidesBody(exchange))
		return unavailable('the body of a GET cannot be shown to it', false)
	const limits = { bytes: bodyBytes ?? 0, isWhole: authorizer.wholeBody === true, timeoutMs }
	const beginning = bodyBytes === undefined ? undefined : await beginningOf(exchange, limits, means.budget, means.ports)
	if (beginning === 'no_room') return unavailable('too many other bodies are held', false)
	if (beginning !== undefined && 'reason' in beginning) return beginning
	try {
		const answer = await ask(authorizer, question, beginning?.bytes, means)
		if ('reason' in answer) return unavailable(answer.reason, failOpen && !OF_CLIENT.has(answer.reason))
		const { status: said } = answer
		if (said !== 200 && said >= 200 && said < 500) {
			const refusal = await refusalOf(authorizer, answer)
			return refusal ?? unavailable('its answer broke off', failOpen)
		}
		await answer.body?.cancel()
		if (said !== 200) return unavailable(`it answered ${said}`, failOpen)
		exchange.checked.toService.push(...fieldsOf(answer.headers, authorizer.headersToUpstreamOnAllow))
		exchange.checked.toClient.push(...fieldsOf(answer.headers, authorizer.headersToDownstreamOnAllow))
		return undefined
	} finally {
		beginning?.giveBack()
	}
}

/** The runtime lets nobody make a GET with a body: what an authorizer cannot be shown, nobody gets past it with. */
const hidesBody = ({ method, request }: Exchange): boolean =>
	request.body !== null && (method === 'GET' || method === 'HEAD')

/** To one of its endpoints, and to another where the connection is lost. */
async function ask(
	authorizer: Authorizer,
	question: Question,
	body: Uint8Array<ArrayBuffer> | undefined,
	{ knowledge, forward, budget, ports, scope }: Means,
): Promise<Response | Refusal> {
	const { exchange, destination } = question
	const { method, scheme, clientAddress, random } = exchange
	const service = await serviceFor(knowledge, exchange, authorizer.service, scope)
	if (service === undefined) return { reason: 'control_plane_unreachable', host: exchange.host }
	const { authority, path, query } = destination
	const url = `${scheme}://${authority}${authorizer.pathPrefix}${path}${query}`
	const headers = fieldsFor(authorizer, question)
	const request = new Request(url, { method, headers, ...(body && { body }) })
	const check = admit(request, ports.now(), random, clientAddress)
	const endpoint = service.pick(check, check.startedAt)
	if (endpoint === undefined) return { reason: 'no_endpoint', service: authorizer.service }
	return dispatch(
		Object.assign(check, { service, endpoint }),
		planFor(authorizer, method),
		forward,
		budget,
		ports,
		scope,
	)
}

/** Asking changes nothing, whatever the method of what is asked about. */
const planFor = ({ timeoutMs }: Authorizer, method: string): Plan => ({
	filters: NO_FILTERS,
	timeouts: { requestMs: timeoutMs },
	retry: { ...LOST_CONNECTION, methods: [method] },
	session: undefined,
	traffic: undefined,
	backends: [],
})

function fieldsFor(
	{ includeRequestHeaders, includeAdditionalHeaders }: Authorizer,
	{ exchange, userFields }: Question,
): Headers {
	const { request, userEdits } = exchange
	const fields = new Headers()
	const ofUser = new Set(userFields.map(spelling))
	const isTold = (name: string) => names(includeRequestHeaders, name) && !NOT_TOLD.has(name) && !isFraming(name)
	for (const [name, value] of request.headers)
		if ((isTold(name) && !ofUser.has(spelling(name))) || TRACE.includes(name)) fields.append(name, value)
	for (const [name, value] of userEdits?.said ?? []) if (isTold(name)) fields.set(name, value)
	const authorization = request.headers.get('authorization')
	if (authorization !== null && !showsWorkloadToken(exchange)) fields.set('authorization', authorization)
	for (const [name, value] of includeAdditionalHeaders) fields.set(name, value)
	return fields
}

/** Undefined: its body does not come to its end. */
async function refusalOf(
	{ name: authorizer, headersToDownstreamOnDeny: patterns }: Authorizer,
	{ status, statusText, headers, body }: Response,
): Promise<Refusal | undefined> {
	const isPassed = (name: string) => patterns.length === 0 || names(patterns, name) || OF_REFUSAL.has(name)
	const passed = new Headers()
	for (const [name, value] of headers) if (isPassed(name) && !isFraming(name)) passed.append(name, value)
	if (!passed.has('cache-control')) passed.set('cache-control', 'no-store')
	const said = { status, statusText, headers: passed, encodeBody: 'manual' } as ResponseInit
	if (body === null || BODILESS.has(status))
		return { reason: 'authorizer_denied', authorizer, status, answer: new Response(null, said) }
	const bytes = await firstBytes(body, MAX_REFUSAL_BYTES).catch(() => undefined)
	if (bytes === undefined) return undefined
	passed.set('content-length', String(bytes.length))
	return { reason: 'authorizer_denied', authorizer, status, answer: new Response(bytes, said) }
}
