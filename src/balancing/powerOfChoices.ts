/**
 * The power of choices: the least costly of a few endpoints drawn at random is nearly as good as the least costly of all, and
 * isolates that cannot see each other's requests do not all run to the same one.
 *
 * M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (2001).
 */
import { type Candidate, type Choose, firstAvailable } from './endpointLoad.ts'
import { weightedChoice } from './weighted.ts'

/** Draws that may meet endpoints to avoid, for each choice. Where half of all are to be avoided, one choice in 256 is lost. */
const DRAWS = 8

/**
 * Draws `choices` candidates (2–10) and takes the least costly, of equals the first one drawn.
 *
 * Equal weights: no choice is wasted on the best so far. Unequal ones: each draw is in proportion to the weights and may repeat
 * another, as in Envoy; that, and only that, keeps shares to the weights while costs differ by chance alone: of two different ones
 * drawn, either is then the less costly as often, and an endpoint's share is w² + w(1 − w) = w. `cost` must compare load per weight.
 *
 * A choice takes a time that does not depend on the number of candidates, unless nearly all are to be avoided: then they are looked
 * through, from a random one on.
 */
export function powerOfChoices(
	candidates: readonly Candidate[],
	choices: number,
	cost: (candidate: Candidate, now: number) => number,
): Choose {
	const count = candidates.length
	const draw = drawing(candidates)
	return (now, random, avoid) => {
		if (count <= 1) return count === 0 || avoid?.(0) ? undefined : 0
		let best = -1
		let least = Number.POSITIVE_INFINITY
		for (let choice = 0; choice < choices; choice++) {
			let index = draw(random(), best)
			for (let i = 1; i < DRAWS && avoid?.(index); i++) index = draw(random(), best)
			if (index === best || avoid?.(index)) continue
			const costs = cost(candidates[index]!, now)
			if (best >= 0 && !(costs < least)) continue
			best = index
			least = costs
		}
		return best < 0 ? firstAvailable(count, Math.floor(random() * count), avoid!) : best
	}
}

/** From a random number in [0, 1), and the best so far or −1, to an index. */
function drawing(candidates: readonly Candidate[]): (random: number, best: number) => number {
	const weighted = candidates.some(({ weight }) => weight !== candidates[0]!.weight)
		? weightedChoice(candidates.map(({ weight }) => weight))
		: undefined
	if (weighted !== undefined) return weighted
	const count = candidates.length
	return (random, best) => {
		if (best < 0) return Math.floor(random * count)
		const other = Math.floor(random * (count - 1))
		return other < best ? other : other + 1
	}
}
