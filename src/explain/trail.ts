/** What explanations have told so far of one way: its stages, and the outcomes that they lead to. */
import type { Exchange } from '../proxy/exchange.ts'
import { type Outcome, percentOf, type Stage, type Verdict } from './explanation.ts'
import type { End } from './filters.ts'

export interface Trail {
	readonly stages: Stage[]
	readonly outcomes: Outcome[]
}

/** `asks`: the authorizers that must have allowed a request before it ends so. */
export function endings(
	{ rule }: Exchange,
	ends: readonly End[],
	odds: number,
	asks: readonly string[] = [],
): Outcome[] {
	return ends.map((end): Outcome => {
		const of = {
			percent: percentOf(odds * end.odds),
			...(rule!.name === '' ? {} : { rule: rule!.name }),
			...asking(asks),
		}
		return 'answer' in end
			? { ...of, outcome: 'answered', answer: end.answer }
			: { ...of, outcome: 'refused', refusal: end.refusal }
	})
}

export const asking = (asks: readonly string[]): Pick<Outcome, 'asks'> => (asks.length === 0 ? {} : { asks })

/** The verdict on all requests from those on the requests of each backend. */
export function togetherOf(verdicts: readonly Verdict[]): Verdict {
	const each = new Set(verdicts)
	if (each.size === 1) return verdicts[0]!
	return [...each].every((verdict) => verdict === 'passed' || verdict === 'skipped') ? 'passed' : 'divided'
}
