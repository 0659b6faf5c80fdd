/** Who the user of a sample would be under other rules of end users: the samples have no tokens, but most changes need none to be judged. */
import type { AccessSample, SampledUser } from '../ports.ts'
import type { JwtRule, TokenPlace } from '../snapshot/requestAuthentication.ts'
import { LABELS } from '../telemetry/accessSample.ts'
import type { Recognise } from './recall.ts'

/** `refused`: its token is found, and not believed. `open`: whether it has another token, or this one is believed, cannot be told. */
export type UserThen = { readonly user: SampledUser | undefined } | 'refused' | 'open'

/** `before` are the rules under which the sample was taken, so that what they found is all that there is where they look. */
export function userThen(
	sample: AccessSample,
	before: readonly JwtRule[],
	after: readonly JwtRule[],
	recognise: Recognise,
): UserThen {
	const { user } = sample
	if (JSON.stringify(before) === JSON.stringify(after)) return { user }
	const looked = new Set(before.flatMap(({ from }) => from.map(textOf)))
	const places = after.flatMap(({ from }) => from)
	if (places.some((place) => !looked.has(textOf(place)) && mayShow(sample, place))) return 'open'
	if (user === undefined || after.length === 0) return { user: undefined }
	return believedThen(user, before, after, recognise)
}

function believedThen(
	user: SampledUser,
	before: readonly JwtRule[],
	after: readonly JwtRule[],
	recognise: Recognise,
): UserThen {
	const ofIssuer = (rules: readonly JwtRule[]) => rules.filter(({ issuer }) => issuer === user.issuer)
	const [were, are] = [ofIssuer(before), ofIssuer(after)]
	const audiences = new Set(user.audiences.map((one) => recognise(LABELS.audience, one)))
	const takes = ({ audiences: wanted }: JwtRule) => wanted === undefined || wanted.some((one) => audiences.has(one))
	// Which of several rules has believed it is not known: each must be there still, but for its audiences.
	const staying = are.filter((rule) => were.some((known) => withoutAudiences(known) === withoutAudiences(rule)))
	if (were.every((known) => staying.some((rule) => withoutAudiences(rule) === withoutAudiences(known) && takes(rule))))
		return were.length === 0 ? 'open' : { user }
	if (user.claimsCut || are.some((rule) => !staying.includes(rule) || takes(rule))) return 'open'
	const looks = new Set(after.flatMap(({ from }) => from.map(textOf)))
	return were.every(({ from }) => from.every((place) => looks.has(textOf(place)))) ? 'refused' : 'open'
}

const textOf = (place: TokenPlace): string => JSON.stringify(place)

const withoutAudiences = ({ audiences: _, ...rule }: JwtRule): string => JSON.stringify(rule)

/** Whether the request may have shown a token there. */
function mayShow({ headers, headersCut, query }: AccessSample, place: TokenPlace): boolean {
	if (place.in === 'param') return query === true
	const name = place.in === 'cookie' ? 'cookie' : place.name
	return headersCut === true || headers.some(([field]) => field === name)
}
