/** What a rule's or a backend's filters do to a request: the filter stage itself, run with nothing left to chance, and the odds. */
import type { CompiledFault, CompiledFilters } from '../proxy/compile/compileFilters.ts'
import type { Plan } from '../proxy/compile/compileRule.ts'
import type { Exchange } from '../proxy/exchange.ts'
import type { Refusal } from '../proxy/refusal.ts'
import { rescue } from '../proxy/rescue.ts'
import { decorated } from '../proxy/sending/decorate.ts'
import { filter } from '../proxy/stages/filter.ts'
import {
	type ExplainedAnswer,
	type ExplainedFault,
	type ExplainedRefusal,
	type FilterEvidence,
	percentOf,
	type Verdict,
} from './explanation.ts'
import { UNLUCKY } from './rules.ts'

/** A reply in place of the service's. `odds` are of the requests that came to the stage. */
export type End = { readonly odds: number } & (
	| { readonly answer: ExplainedAnswer }
	| { readonly refusal: ExplainedRefusal }
)

export interface Filtered {
	readonly evidence: FilterEvidence
	readonly ends: readonly End[]
	/** The odds that a request goes on. */
	readonly passing: number
	/** What may hold it up before it does. */
	readonly delays: readonly Delay[]
}

/** `share` is 0–1. */
export interface Delay {
	readonly ms: number
	readonly share: number
}

/** With more delays than this, their sums are told apart only to a thousandth of the time in question. */
const MAX_EXACT_DELAYS = 12

/** The odds that delays, each drawn by itself, come to `limitMs` or more. */
export function lateOdds(delays: readonly Delay[], limitMs: number): number {
	const grainMs = delays.length > MAX_EXACT_DELAYS ? limitMs / 1_000 : 1
	let odds = new Map([[0, 1]])
	for (const { ms, share } of delays) {
		const next = new Map<number, number>()
		const add = (sum: number, odd: number) => next.set(sum, (next.get(sum) ?? 0) + odd)
		for (const [sum, odd] of odds) {
			add(sum, odd * (1 - share))
			add(Math.min(limitMs, Math.round((sum + ms) / grainMs) * grainMs), odd * share)
		}
		odds = next
	}
	const late = odds.get(limitMs) ?? 0
	// Halves that make a whole add up to a hair less.
	return late > 1 - 1e-9 ? 1 : late
}

/** A clock that stands still: nothing takes time, and nothing is waited for. */
export const clockless = (now: number) => ({ now: () => now, wait: async () => {} })

/** `plan` is the rule's: it also acts on what the mesh answers itself. */
export async function explainFilters(
	exchange: Exchange,
	filters: CompiledFilters | undefined,
	plan: Plan | undefined,
	revision: number,
): Promise<Filtered> {
	if (filters === undefined || plan === undefined)
		return { evidence: { verdict: 'skipped' }, ends: [], passing: 1, delays: [] }
	const certain: Exchange = { ...exchange, random: () => UNLUCKY }
	const ports = clockless(exchange.startedAt)
	const reply = await filter(certain, filters, revision, ports)
	if (isInvalid(reply)) {
		const refusal = await explainedRefusal(reply, exchange, revision)
		return filtered({ refusals: [{ percent: 100, refusal }] }, [{ odds: 1, refusal }], 0)
	}
	if (certain.isPreflight) {
		const answer = explainedAnswer('preflight', reply as Response)
		return filtered({ ...corsEvidence(exchange, filters), answer }, [{ odds: 1, answer }], 0)
	}
	const faults = filters.faults?.filter(({ applies }) => applies === undefined || applies(exchange)) ?? []
	const { refused, left } = await aborts(exchange, faults, revision)
	const by = filters.directResponse === undefined ? 'redirect' : 'directResponse'
	const answer =
		reply instanceof Response ? explainedAnswer(by, decorated(certain, plan, reply, false, ports)) : undefined
	const evidence = {
		...corsEvidence(exchange, filters),
		...(faults.length === 0 ? {} : { faults: faults.map(explainedFault) }),
		...(answer === undefined ? {} : { answer }),
		...(refused.length === 0
			? {}
			: { refusals: refused.map(({ odds, refusal }) => ({ percent: percentOf(odds), refusal })) }),
	}
	const ends = [...refused, ...(answer === undefined || left === 0 ? [] : [{ odds: left, answer }])]
	const delays = faults.flatMap(({ delay }) => delay ?? [])
	return filtered(evidence, ends, answer === undefined ? left : 0, delays)
}

function filtered(
	evidence: Omit<FilterEvidence, 'verdict'>,
	ends: readonly End[],
	passing: number,
	delays: readonly Delay[] = [],
): Filtered {
	return { evidence: { verdict: verdictOf(evidence, ends, passing), ...evidence }, ends, passing, delays }
}

function verdictOf(evidence: object, ends: readonly End[], passing: number): Verdict {
	if (ends.length === 0) return Object.keys(evidence).length === 0 ? 'skipped' : 'passed'
	if (passing > 0) return 'divided'
	const answered = ends.filter((end) => 'answer' in end).length
	return answered === ends.length ? 'answered' : answered === 0 ? 'refused' : 'divided'
}

const isInvalid = (reply: Response | Refusal | undefined): reply is Refusal =>
	reply !== undefined && !(reply instanceof Response) && reply.reason === 'invalid_filter'

/** Of several aborts the first one drawn answers. */
async function aborts(exchange: Exchange, faults: readonly CompiledFault[], revision: number) {
	const refused: { odds: number; refusal: ExplainedRefusal }[] = []
	let left = 1
	for (const { abort } of faults) {
		if (abort === undefined || abort.share === 0 || left === 0) continue
		const refusal = await explainedRefusal({ reason: 'fault_injected', status: abort.status }, exchange, revision)
		refused.push({ odds: left * abort.share, refusal })
		left *= 1 - abort.share
	}
	return { refused, left }
}

function explainedFault({ delay, abort, bandwidth }: CompiledFault): ExplainedFault {
	return {
		...(delay && { delay: { ms: delay.ms, percent: percentOf(delay.share) } }),
		...(abort && { abort: { status: abort.status, percent: percentOf(abort.share) } }),
		...(bandwidth && {
			bandwidth: { bytesPerSecond: bandwidth.bytesPerSecond, percent: percentOf(bandwidth.share) },
		}),
	}
}

function corsEvidence(exchange: Exchange, { cors }: CompiledFilters): Pick<FilterEvidence, 'cors'> {
	if (cors === undefined) return {}
	const origin = exchange.header('origin')
	return { cors: { origin, allowed: cors.actual(origin).some(([name]) => name === 'access-control-allow-origin') } }
}

function explainedAnswer(by: ExplainedAnswer['by'], { status, headers }: Response): ExplainedAnswer {
	return { by, status, headers: Object.fromEntries(headers) }
}

/** What rescue would answer, read back from its answer. */
export async function explainedRefusal(
	refusal: Refusal,
	exchange: Exchange,
	revision: number,
	hint?: string,
): Promise<ExplainedRefusal> {
	// The answer to a HEAD has no body to read.
	const request = new Request('http://refused.invalid/')
	const reply = await rescue(refusal, { ...exchange, request }, revision).json()
	const { reason, status, detail, owner } = reply as ExplainedRefusal
	return { reason, status, detail, owner, ...(hint === undefined ? {} : { hint }) }
}
