/** Least request: of a few endpoints drawn, the one with the fewest requests in flight for its weight. */
import type { Candidate, Choose } from './endpointLoad.ts'
import { powerOfChoices } from './powerOfChoices.ts'

/**
 * `choices` is 2–10. Unequal weights: the draws follow them, and what is compared is in-flight / weight. Envoy instead weighs by
 * weight / (in-flight + 1), which on idle endpoints is the same. Adding 1 to what is compared here would count weights twice:
 * of idle endpoints the heaviest one drawn would win, where by equality the first one drawn does.
 */
export const leastRequest = (candidates: readonly Candidate[], choices: number): Choose =>
	powerOfChoices(candidates, choices, inFlightPerWeight)

const inFlightPerWeight = ({ load, weight }: Candidate): number => load.inFlight / weight
