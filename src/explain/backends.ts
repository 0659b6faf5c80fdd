/** Where a rule's requests go: every backend that may be drawn, with its odds, its service and that service's endpoints. */

import { judge } from '../proxy/callers/peers.ts'
import type { CompiledBackend, Plan } from '../proxy/compile/compileRule.ts'
import type { CompiledService } from '../proxy/compile/compileService.ts'
import type { Exchange } from '../proxy/exchange.ts'
import type { Knowledge } from '../proxy/knowledge/knowledge.ts'
import type { Scope } from '../proxy/ports.ts'
import type { Refusal } from '../proxy/refusal.ts'
import { draw, resumeOrDraw, settleEndpoint } from '../proxy/stages/placing.ts'
import type { Endpoint } from '../snapshot/snapshot.ts'
import {
	type ExplainedBackend,
	type ExplainedEndpoint,
	type ExplainedRefusal,
	percentOf,
	type Stage,
	type Verdict,
} from './explanation.ts'
import { type Delay, explainedRefusal } from './filters.ts'

/** A service may have 10,000. */
const MAX_ENDPOINTS_SHOWN = 20

/** The requests for one backend. */
export interface Branch {
	readonly exchange: Exchange
	/** 0–1, of the requests that come to be picked for. */
	readonly odds: number
	/** With the endpoint of the request's session. */
	readonly isResumed: boolean
	/** What may hold its requests up. */
	readonly delays: readonly Delay[]
	/** Authorizers that have to allow its requests. */
	readonly asks: readonly string[]
	readonly refusal: ExplainedRefusal | undefined
	/** Why it has no endpoint, of which requests hear that are not refused or answered before. */
	readonly stranded: ExplainedRefusal | undefined
}

interface Picked {
	readonly stage: Stage & { readonly stage: 'pick' }
	/** Those that requests go to. */
	readonly branches: readonly Branch[]
}

/** The endpoint that the request's session holds on to; undefined where it has none. A session that goes on draws no backend. */
export async function explainSession(
	exchange: Exchange,
	plan: Plan,
	knowledge: Knowledge,
	scope: Scope,
): Promise<{ readonly stage: Stage; readonly branch: Branch | undefined }> {
	const { session } = plan
	if (session === undefined) return { stage: { stage: 'session', verdict: 'skipped' }, branch: undefined }
	let isDrawn = false
	const rule = exchange.rule!
	const backend = (random: number): CompiledBackend => {
		isDrawn = true
		return rule.backend(random)
	}
	const resumed: Exchange = { ...exchange, rule: { ...rule, backend } }
	const refusal = await resumeOrDraw(knowledge, resumed, plan, scope)
	// A service that cannot be asked for is the pick's to tell.
	if (isDrawn || refusal !== undefined)
		return { stage: { stage: 'session', verdict: 'passed', persistence: session }, branch: undefined }
	const { service, endpoint } = resumed
	const held = { service: service!.name, endpoint: endpoint!.id }
	return {
		stage: { stage: 'session', verdict: 'passed', persistence: session, ...held },
		branch: {
			exchange: { ...resumed, rule },
			odds: 1,
			isResumed: true,
			delays: [],
			asks: [],
			refusal: await denial(resumed, knowledge),
			stranded: undefined,
		},
	}
}

/** Goes each way that the draw may go. `resumed` is the only one when the request's session holds on to an endpoint. */
export async function explainPick(
	exchange: Exchange,
	resumed: Branch | undefined,
	knowledge: Knowledge,
	scope: Scope,
): Promise<Picked> {
	const backends = exchange.rule!.backends()
	const odds = oddsOf(backends)
	const branches: Branch[] = []
	const explained: ExplainedBackend[] = []
	for (const [i, backend] of backends.entries()) {
		const drawn = resumed === undefined ? odds[i]! : backend === resumed.exchange.backend ? 1 : 0
		if (drawn === 0) {
			explained.push({ ...nameOf(backend), weight: backend.weight, percent: 0 })
			continue
		}
		const branch = resumed ?? (await drawnBranch(exchange, backend, drawn, knowledge, scope))
		branches.push(branch)
		explained.push(explainedBackend(backend, branch))
	}
	return { stage: { stage: 'pick', verdict: verdictOf(branches), backends: explained }, branches }
}

/** The pick stage with a draw that is no longer one. */
async function drawnBranch(
	exchange: Exchange,
	backend: CompiledBackend,
	odds: number,
	knowledge: Knowledge,
	scope: Scope,
): Promise<Branch> {
	const rule = exchange.rule!
	const drawn: Exchange = { ...exchange, rule: { ...rule, backend: () => backend } }
	const explain = (refused: Refusal) => explainedRefusal(refused, exchange, knowledge.table.revision)
	const refusal = await draw(knowledge, drawn, scope)
	const stranded = refusal === undefined ? settleEndpoint(drawn, exchange.startedAt) : undefined
	return {
		exchange: { ...drawn, rule },
		odds,
		isResumed: false,
		delays: [],
		asks: [],
		refusal: refusal ? await explain(refusal) : await denial(drawn, knowledge),
		stranded: stranded && (await explain(stranded)),
	}
}

/** Why the service does not take this caller. */
async function denial(exchange: Exchange, { table }: Knowledge): Promise<ExplainedRefusal | undefined> {
	const verdict = judge(exchange)
	return typeof verdict === 'object' ? explainedRefusal(verdict, exchange, table.revision) : undefined
}

/** In proportion to the weights; the only one is drawn whatever its weight. */
function oddsOf(backends: readonly CompiledBackend[]): number[] {
	if (backends.length === 1) return [1]
	const total = backends.reduce((sum, { weight }) => sum + weight, 0)
	return backends.map(({ weight }) => weight / total)
}

const verdictOf = (branches: readonly Branch[]): Verdict => {
	const refused = branches.filter(({ refusal, stranded }) => (refusal ?? stranded) !== undefined).length
	return refused === 0 ? 'passed' : refused === branches.length ? 'refused' : 'divided'
}

const nameOf = (backend: CompiledBackend) => ('invalid' in backend ? {} : { service: backend.service })

function explainedBackend(backend: CompiledBackend, { exchange, odds, ...branch }: Branch): ExplainedBackend {
	const { service } = exchange
	const refusal = branch.refusal ?? branch.stranded
	return {
		...nameOf(backend),
		weight: backend.weight,
		percent: percentOf(odds),
		...(service === undefined ? {} : explainedEndpoints(service)),
		...(refusal === undefined ? {} : { refusal }),
	}
}

/** Those that take traffic. Equal weights take turns, which comes to the same share. */
export const takingTraffic = ({ endpoints }: CompiledService): readonly Endpoint[] =>
	endpoints.filter(({ weight }) => weight > 0)

function explainedEndpoints(service: CompiledService) {
	const taking = takingTraffic(service)
	const total = taking.reduce((sum, { weight }) => sum + weight, 0)
	const shown = taking
		.slice(0, MAX_ENDPOINTS_SHOWN)
		.map(({ id, url, weight }): ExplainedEndpoint => ({ id, url, percent: percentOf(weight / total) }))
	return { endpointCount: taking.length, endpoints: shown }
}
