/** What comes of a request, in a sentence. */
import type { ExplainedAnswer, Outcome } from './explanation.ts'

/** Whom it is sent to is told first, and who is refused last. */
const ORDER: readonly Outcome['outcome'][] = ['sent', 'passedThrough', 'answered', 'refused']

/** `80 % go to default/web (3 endpoints), 20 % are refused with 500: …`. Outcomes that read the same are added up. */
export function sentence(outcomes: readonly Outcome[]): string {
	const shares = new Map<string, { percent: number; outcome: Outcome }>()
	for (const outcome of outcomes.toSorted((a, b) => ORDER.indexOf(a.outcome) - ORDER.indexOf(b.outcome))) {
		const text = clause(outcome, false)
		shares.set(text, { percent: (shares.get(text)?.percent ?? 0) + outcome.percent, outcome })
	}
	if (shares.size === 1) return `The request ${[...shares.keys()][0]}`
	return [...shares.values()]
		.map(({ percent, outcome }) => `${Math.round(percent * 1e4) / 1e4} % ${clause(outcome, true)}`)
		.join(', ')
}

function clause(outcome: Outcome, isPlural: boolean): string {
	const [go, are, stay] = isPlural ? ['go', 'are', 'stay'] : ['goes', 'is', 'stays']
	const ifAllowed = conditionOf(outcome)
	switch (outcome.outcome) {
		case 'sent': {
			const { service, endpoint, endpoints } = outcome
			if (endpoint !== undefined)
				return `${stay} with endpoint ${endpoint} of ${service}, as its session says${ifAllowed}`
			if (endpoints === undefined) return `${go} to ${service}${ifAllowed}`
			return `${go} to ${service} (${endpoints} ${endpoints === 1 ? 'endpoint' : 'endpoints'})${ifAllowed}`
		}
		case 'passedThrough':
			return `${go} to ${outcome.to}, which nobody registered and Mesh.spec.egress allows`
		case 'answered':
			return `${are} ${answered(outcome.answer)}${ifAllowed}`
		case 'refused': {
			const { status, detail, hint } = outcome.refusal
			return `${are} refused with ${status}${ifAllowed}: ${detail}${hint === undefined ? '' : `; ${hint}`}`
		}
	}
}

/** Others may refuse it before: who is refused by them hears so from them. */
const conditionOf = ({ asks = [] }: Outcome): string =>
	asks.length === 0 ? '' : `, if ${asks.join(' and ')} ${asks.length === 1 ? 'allows' : 'allow'} it`

function answered({ by, status, headers }: ExplainedAnswer): string {
	if (by === 'redirect') return `redirected to ${headers.location} with ${status}`
	return `answered by the mesh with ${status}${by === 'preflight' ? ', as a CORS preflight' : ''}`
}
