/** A share of the requests, as a percentage or as a fraction; all of them when neither is given. */
import { z } from 'zod'

/** https://gateway-api.sigs.k8s.io/reference/spec/#fraction */
const Fraction = z
	.strictObject({ numerator: z.int().min(0), denominator: z.int().min(1).default(100) })
	.refine(({ numerator, denominator }) => numerator <= denominator, {
		path: ['numerator'],
		error: 'must be at most the denominator',
	})

/** For Gateway API's own filters: whole percentages. */
export const share = { percent: z.int().min(0).max(100).exactOptional(), fraction: Fraction.exactOptional() }

const MAX_DECIMALS = 4
/** 0.0001 has no exact binary form: what is asked is whether the number is the one nearest to so many decimals. */
const hasFewDecimals = (percent: number) => Number(percent.toFixed(MAX_DECIMALS)) === percent

/** For the mesh's own kinds: percentages with up to four decimals. */
export const fineShare = {
	percent: z
		.number()
		.min(0)
		.max(100)
		.refine(hasFewDecimals, { error: `must have at most ${MAX_DECIMALS} decimals` })
		.exactOptional(),
	fraction: Fraction.exactOptional(),
}

export function checkShare(given: { percent?: number; fraction?: unknown }, context: z.RefinementCtx): void {
	if (given.percent === undefined || given.fraction === undefined) return
	context.addIssue({ code: 'custom', path: ['fraction'], message: 'must be left out beside percent' })
}
