/** The admin API: every request is authenticated, allowed, checked and handled by the row of the table it falls on. */
import { Hono } from 'hono'
import { createSeen, firstTime, type Seen } from '../../src/identity/replay.ts'
import { networkOf } from '../../src/keys/limits.ts'
import type { Principal } from '../../src/ports.ts'
import { err, ok, type Result } from '../../src/result.ts'
import { clientAddressOf } from './api/identityToken.ts'
import { type Admitted, type Authenticator, createAuthenticator } from './authenticate.ts'
import { signIn } from './dashboard/dashboard.ts'
import { parseInput } from './input.ts'
import { type ProvenWorkload, proveWorkload, showsProof } from './joining/workloadProof.ts'
import type { Mesh } from './mesh.ts'
import { invalidRequest, type ProblemError, problem } from './problem.ts'
import { type Access, type Call, mayDo, type Route } from './route.ts'
import { routes } from './routes.ts'
import { refusedByScope } from './scope.ts'
import { createTally, type Tally } from './tally.ts'
import { unauthenticated } from './unauthenticated.ts'
import { isUnavailable } from './unavailable.ts'

const nobody: Principal = { token: '', name: '', role: 'viewer' }

/** `{name}` as OpenAPI writes it, `:name` as the router does. */
const routerPath = (path: string): string => path.replace(/\{(\w+)\}/g, ':$1')

export function createApp(mesh: Mesh): Hono {
	const app = new Hono()
	const tally = createTally(mesh)
	const authenticator = createAuthenticator(mesh, tally)
	const gate: Gate = { mesh, authenticator, tally, seen: createSeen() }
	// RFC 9110 §6.6.1; at the edge it is there already. Clients whose clocks are wrong go by it.
	app.use(async (context, next) => {
		await next()
		context.res.headers.set('date', new Date(mesh.now()).toUTCString())
	})
	for (const route of routes) {
		app.on(route.method, routerPath(route.path), (context) =>
			serve(route, { request: context.req.raw, params: context.req.param() }, gate),
		)
	}
	for (const path of new Set(routes.map((route) => route.path))) {
		app.all(routerPath(path), (context) => refuseMethod(path, context.req.raw, authenticator))
	}
	app.notFound((context) => refuseUnknown(context.req.raw, authenticator))
	app.onError((error, context) => sealed(failed(error, context.req.raw, mesh)))
	return app
}

interface Asked {
	readonly request: Request
	readonly params: Record<string, string>
}

/** What it takes to tell who asks. */
interface Gate {
	readonly mesh: Mesh
	readonly authenticator: Authenticator
	readonly tally: Tally
	/** Proofs that were shown to this isolate. */
	readonly seen: Seen
}

type Who = Pick<Call<unknown, unknown>, 'principal' | 'byLogin' | 'workload'>

async function admit(route: Route, asked: Asked, gate: Gate): Promise<Result<Who, Response>> {
	const { mesh, authenticator, seen } = gate
	const { headers } = asked.request
	if (route.role === 'anyone') return ok({ principal: nobody })
	if (route.workloads !== undefined && (route.role === 'workload' || showsProof(headers)))
		return admitWorkload(route, asked, mesh, seen)
	const who = await authenticator.authenticate(asked.request)
	if (!who.ok) return err(route.path === '/' ? await signIn(who.error) : unauthenticated(who.error))
	const refused = refusedTo(who.value, route, asked)
	if (refused === undefined) return ok(who.value)
	noteRefused(route, asked, who.value.principal, gate)
	return err(refused)
}

/** The role first: what it does not allow, is not asked further about. */
function refusedTo({ principal }: Admitted, route: Route, { params }: Asked): Response | undefined {
	if (!mayDo(principal.role, route.role)) return forbidden(principal, route.role)
	return refusedByScope(route.scope, params, principal)
}

/** Changes that somebody may not make are for the audit log; what is only looked at is not. */
function noteRefused({ method, role }: Route, { request }: Asked, { name }: Principal, { tally }: Gate): void {
	if (method === 'GET' || role === 'viewer' || role === 'anyone') return
	tally({ what: 'change', network: networkOf(clientAddressOf(request)), actor: name })
}

/** Workloads may do what their rows say, and nothing else: less than any token. */
async function admitWorkload(route: Route, asked: Asked, mesh: Mesh, seen: Seen): Promise<Result<Who, Response>> {
	if (!showsProof(asked.request.headers))
		return err(problem('forbidden', 'Send Workload-Identity-Token and Workload-Proof-Token'))
	const proof = await proveWorkload(mesh, asked.request)
	if (!proof.ok) return err(problem('invalid-proof', proof.error.detail, { members: { code: proof.error.code } }))
	const workload = proof.value
	const { proven, tokenId, expiresAt } = workload
	const first = firstTime(seen, proven.keyThumbprint ?? proven.spiffeId, tokenId, expiresAt, mesh.now())
	if (first !== 'first') {
		const detail = 'The WPT was shown before, or too many were: make one for each request, and let it live for seconds'
		return err(problem('invalid-proof', detail, { members: { code: 'proof_replayed' } }))
	}
	if (route.workloads === 'own service' && !isOwn(workload, asked.params))
		return err(problem('forbidden', 'A workload may do this for the service of its own namespace and name'))
	return ok({ workload, principal: { ...nobody, name: proven.spiffeId } })
}

const isOwn = ({ name }: ProvenWorkload, { namespace, name: service }: Record<string, string>): boolean =>
	namespace === name.namespace && service === name.workload

async function serve(route: Route, asked: Asked, gate: Gate): Promise<Response> {
	const { request } = asked
	const { mesh, authenticator } = gate
	const who = await admit(route, asked, gate)
	if (!who.ok) return sealed(who.error)
	const params = parseInput<unknown>(route.params, asked.params, 'path')
	const query = parseQuery(route, new URL(request.url).searchParams)
	if (!params.ok || !query.ok)
		return sealed(invalidRequest([...(params.ok ? [] : params.error), ...(query.ok ? [] : query.error)]))
	const forgetTokens = (): void => authenticator.forget()
	const call: Call<unknown, unknown> = {
		request,
		params: params.value,
		query: query.value,
		...who.value,
		mesh,
		forgetTokens,
	}
	const response = await route.handle(call as Call<never, never>)
	if (response.status === 403) noteRefused(route, asked, who.value.principal, gate)
	return sealed(response)
}

function parseQuery(route: Route, search: URLSearchParams): Result<unknown, ProblemError[]> {
	const errors: ProblemError[] = []
	const accepted = Object.keys(route.query.shape).join(', ') || 'none'
	for (const key of new Set(search.keys())) {
		const path = `query.${key.slice(0, 100)}`
		if (!Object.hasOwn(route.query.shape, key))
			errors.push({ path, message: `is not known here; accepted: ${accepted}` })
		else if (search.getAll(key).length > 1) errors.push({ path, message: 'must be given once' })
	}
	if (errors.length > 0) return err(errors.slice(0, 100))
	return parseInput<unknown>(route.query, Object.fromEntries(search), 'query')
}

/** Strangers learn nothing of which paths exist: they are asked for a token first. */
async function refuseMethod(path: string, request: Request, authenticator: Authenticator): Promise<Response> {
	const rows = routes.filter((route) => route.path === path)
	if (rows.some((row) => row.role !== 'anyone')) {
		const who = await authenticator.authenticate(request)
		if (!who.ok) return sealed(unauthenticated(who.error))
	}
	const methods = rows.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ')
	return sealed(problem('method-not-allowed', `The method must be one of ${methods}`, { headers: { allow: methods } }))
}

async function refuseUnknown(request: Request, authenticator: Authenticator): Promise<Response> {
	const who = await authenticator.authenticate(request)
	if (!who.ok) return sealed(unauthenticated(who.error))
	return sealed(problem('not-found', 'There is no such path; GET /openapi.json lists them'))
}

const forbidden = (principal: Principal, needed: Access): Response =>
	problem('forbidden', `This needs the role ${needed}; the token ${principal.name} has ${principal.role}`, {
		headers: { 'www-authenticate': `Bearer realm="selvedge", error="insufficient_scope", scope="${needed}"` },
		members: { neededRole: needed },
	})

function failed(error: unknown, request: Request, mesh: Mesh): Response {
	if (isUnavailable(error)) {
		return problem('unavailable', 'Try again soon; nothing is known to have changed', {
			headers: { 'retry-after': '1' },
		})
	}
	const id = crypto.randomUUID()
	mesh.report(error, request, id)
	return problem('internal', `It has been reported as ${id}`, { members: { id } })
}

/** What every answer says: nobody keeps it, unless it says for how long; nobody guesses its type, nobody frames it. */
function sealed(response: Response): Response {
	if (!response.headers.has('cache-control')) response.headers.set('cache-control', 'no-store')
	response.headers.set('x-content-type-options', 'nosniff')
	response.headers.set('referrer-policy', 'no-referrer')
	response.headers.set('x-frame-options', 'DENY')
	if (!response.headers.has('content-security-policy')) {
		response.headers.set('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
	}
	return response
}
