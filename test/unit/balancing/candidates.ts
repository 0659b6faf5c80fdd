/** Endpoints as balancers see them, with the load that a test wants. */
import { type Candidate, newLoad } from '../../../src/balancing/endpointLoad.ts'

export const candidate = (inFlight = 0, ewmaMs = 0, ewmaAt = 0, weight = 1): Candidate => ({
	weight,
	load: Object.assign(newLoad(), { inFlight, ewmaMs, ewmaAt }),
})

/** The numbers given, one after the other, for whatever asks for random ones. */
export function scripted(...numbers: readonly number[]): () => number {
	let next = 0
	return () => {
		const number = numbers[next++]
		if (number === undefined) throw new Error(`asked for more than ${numbers.length} random numbers`)
		return number
	}
}
