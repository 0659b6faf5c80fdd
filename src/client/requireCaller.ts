/** Middleware that lets nobody in whom the mesh does not vouch for: for Hono, for fetch handlers and for Node's `http`. */
import {
	type Caller,
	createVerifier,
	type IncomingRequest,
	type VerifierOptions,
	type VerifyCaller,
} from './verifier.ts'

export type RequireCallerOptions = (VerifierOptions | { readonly verifyCaller: VerifyCaller }) & {
	/** SPIFFE IDs of those who may call, or what tells; by default every workload that the mesh vouches for. */
	readonly allow?: readonly string[] | ((caller: Caller) => boolean)
}

export interface CallerRequired {
	/** For code of your own: the caller, or the reply to send instead. */
	readonly check: (request: IncomingRequest) => Promise<Caller | Response>
	/** Wraps a fetch handler, such as that of a Worker, Bun or Deno. The caller is its second argument. */
	readonly handler: <Rest extends unknown[]>(
		handle: (request: Request, caller: Caller, ...rest: Rest) => Response | Promise<Response>,
	) => (request: Request, ...rest: Rest) => Promise<Response>
	/** Hono's middleware. The caller is `c.get('caller')`. */
	readonly hono: (context: HonoContext, next: () => Promise<void>) => Promise<Response | undefined>
	/** Node's, Connect's and Express's. The caller is `request.caller`. */
	readonly node: (request: IncomingRequest, response: NodeResponse, next: (error?: unknown) => void) => Promise<void>
}

/** As much of Hono's context as is needed. */
interface HonoContext {
	readonly req: { readonly raw: Request }
	set(key: 'caller', caller: Caller): void
}

/** As much of Node's ServerResponse as is needed. */
interface NodeResponse {
	writeHead(status: number, headers: Record<string, string>): { end(body: string): unknown }
}

export function requireCaller(options: RequireCallerOptions): CallerRequired {
	const { allow } = options
	const { verifyCaller } = 'verifyCaller' in options ? options : createVerifier(options)
	const allowed = Array.isArray(allow) ? new Set<string>(allow) : undefined
	const mayCall = typeof allow === 'function' ? allow : ({ spiffeId }: Caller) => allowed?.has(spiffeId) ?? true
	const judge = async (request: IncomingRequest): Promise<Caller | Refusal> => {
		const result = await verifyCaller(request)
		if (!result.ok) return result.error
		if (result.value === undefined) return { reason: 'identity_required', detail: REQUIRED }
		return mayCall(result.value) ? result.value : { reason: 'caller_not_allowed', detail: 'this workload may not call' }
	}
	const check = async (request: IncomingRequest): Promise<Caller | Response> => {
		const outcome = await judge(request)
		return 'reason' in outcome ? replyTo(outcome) : outcome
	}
	return {
		check,
		handler:
			(handle) =>
			async (request, ...rest) => {
				const outcome = await check(request)
				return outcome instanceof Response ? outcome : handle(request, outcome, ...rest)
			},
		async hono(context, next) {
			const outcome = await check(context.req.raw)
			if (outcome instanceof Response) return outcome
			context.set('caller', outcome)
			await next()
			return undefined
		},
		async node(request, response, next) {
			const outcome = await judge(request).catch((bug: unknown) => ({ bug }))
			if ('bug' in outcome) return next(outcome.bug)
			if ('reason' in outcome)
				return void response.writeHead(STATUS[outcome.reason], HEADERS).end(JSON.stringify(problemOf(outcome)))
			Object.assign(request, { caller: outcome })
			next()
		},
	}
}

const REQUIRED = 'call through the mesh, and prove who you are: this request carries no caller assertion'

interface Refusal {
	readonly reason: keyof typeof STATUS
	readonly detail: string
}

/** 403 for a missing proof, 400 for a wrong one, as the mesh itself answers. */
const STATUS = { identity_required: 403, caller_not_allowed: 403, invalid_caller: 400, keys_unavailable: 503 } as const
const TITLE = {
	identity_required: 'Identity required',
	caller_not_allowed: 'Caller not allowed',
	invalid_caller: 'Invalid caller assertion',
	keys_unavailable: 'Keys unavailable',
} as const
const HEADERS = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' }

/** RFC 9457. */
const problemOf = ({ reason, detail }: Refusal) => ({
	type: `https://selvedge.dev/refusals/${reason}`,
	title: TITLE[reason],
	status: STATUS[reason],
	detail,
	reason,
})

const replyTo = (refusal: Refusal): Response =>
	new Response(JSON.stringify(problemOf(refusal)), { status: STATUS[refusal.reason], headers: HEADERS })
