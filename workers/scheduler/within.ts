/** A promise with a time limit, by the clock of the platform. */
import { timeLimit } from '../../src/timeLimit.ts'

export const within = timeLimit(
	(ring, ms) => setTimeout(ring, ms),
	(timer) => clearTimeout(timer),
)
