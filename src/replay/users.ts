/** Who the user of a sample would be under other rules of end users: the samples have no tokens, but most changes need none to be judged. */
import type { AccessSample, RefusedUser, SampledUser } from '../ports.ts'
import type { JwtRule, TokenPlace } from '../snapshot/requestAuthentication.ts'
import { LABELS } from '../telemetry/accessSample.ts'
import type { Recognise } from './recall.ts'

/** `refused`: its token is found, and not believed. `open`: whether it has another token, or this one is believed, cannot be told. */
export type UserThen = { readonly user: SampledUser | undefined } | 'refused' | 'open'

/** Under the rules in force, which are taken for those under which the sample was taken wherever they can be. */
export function userNow(sample: AccessSample, rules: readonly JwtRule[]): UserThen {
	if (sample.refusedUser === undefined) return { user: sample.user }
	return placesIn(rules, sample).length === 0 ? { user: undefined } : 'refused'
}

/** `before` are the rules under which the sample was taken, so that what they found is all that there is where they look. */
export function userThen(
	sample: AccessSample,
	before: readonly JwtRule[],
	after: readonly JwtRule[],
	recognise: Recognise,
): UserThen {
	if (JSON.stringify(before) === JSON.stringify(after)) return userNow(sample, after)
	const { user, refusedUser } = sample
	const looked = placesIn(before, sample)
	const looks = placesIn(after, sample)
	if (looks.length === 0) return { user: undefined }
	// One more token may make a good request a bad one, but not the other way round.
	if (
		refusedUser === undefined &&
		(!isWithin(looks, looked) || findsWorkloads(sample, before, after, looks, recognise))
	)
		return 'open'
	if (refusedUser === undefined && user === undefined) return { user: undefined }
	if (looked.length === 0 || !isWithin(looked, looks)) return 'open'
	return user === undefined
		? refusedThen(sample, refusedUser!, before, after, recognise)
		: believedThen(sample, user, before, after, recognise)
}

/**
 * Whether a route that asks who the user is may see another one by the rules `after` than by those `before`, or refuse another.
 * `known` are the rules that have found what the sample says of its user: those of the service, which may be others.
 */
export function maySeeAnother(
	sample: AccessSample,
	known: readonly JwtRule[],
	before: readonly JwtRule[],
	after: readonly JwtRule[],
	recognise: Recognise,
): boolean {
	const text = JSON.stringify(before)
	if (text === JSON.stringify(after)) return false
	// Who shows no token is nobody to either.
	if (placesIn([...before, ...after], sample).length === 0) return false
	if (text !== JSON.stringify(known)) return true
	const [now, then] = [userNow(sample, before), userThen(sample, before, after, recognise)]
	if (typeof now === 'string' || typeof then === 'string') return now !== then
	return now.user !== then.user
}

/** Of a token that was believed, and is found again. */
function believedThen(
	sample: AccessSample,
	user: SampledUser,
	before: readonly JwtRule[],
	after: readonly JwtRule[],
	recognise: Recognise,
): UserThen {
	const [were, are] = [ofIssuer(user.issuer, before), ofIssuer(user.issuer, after)]
	if (were.length === 0 || !isWithin(longerThan(user.issuer, after), longerThan(user.issuer, before))) return 'open'
	// The one that believes it first says which claims are lists.
	const lists = new Set([...were, ...are].map(({ spaceDelimitedClaims }) => JSON.stringify(spaceDelimitedClaims)))
	const kept = lists.size === 1 || JSON.stringify(were) === JSON.stringify(are) ? { user } : 'open'
	if (isWithin(were, are)) return kept
	if (user.isOfSeveral) return 'open'
	const audiences = new Set(user.audiences.map((one) => recognise(LABELS.audience, one)))
	const takes = ({ audiences: wanted }: JwtRule) => wanted === undefined || wanted.some((one) => audiences.has(one))
	// Which of several rules has believed it is not known: each must be there still, but for its audiences.
	const staying = are.filter((rule) => were.some((known) => withoutAudiences(known) === withoutAudiences(rule)))
	if (were.every((known) => staying.some((rule) => withoutAudiences(rule) === withoutAudiences(known) && takes(rule))))
		return kept
	if (user.claimsCut || are.some((rule) => !staying.includes(rule) || takes(rule))) return 'open'
	return are.length === 0 && isWorkloads(sample, user.issuer, recognise) ? 'open' : 'refused'
}

/** Of a token that was not believed, and is found again: it must be held against no rule that has not refused it already. */
function refusedThen(
	sample: AccessSample,
	{ issuer }: RefusedUser,
	before: readonly JwtRule[],
	after: readonly JwtRule[],
	recognise: Recognise,
): UserThen {
	if (issuer === undefined) return 'open'
	const claimed = recognise(LABELS.issuer, issuer)
	const [were, are] = [ofIssuer(claimed, before), ofIssuer(claimed, after)]
	if (!isWithin(are.map(withoutPlaces), were.map(withoutPlaces))) return 'open'
	if (!isWithin(longerThan(claimed, before), longerThan(claimed, after))) return 'open'
	return were.length > 0 && are.length === 0 && isWorkloads(sample, claimed, recognise) ? 'open' : 'refused'
}

const ofIssuer = (issuer: string, rules: readonly JwtRule[]): readonly JwtRule[] =>
	rules.filter((rule) => rule.issuer === issuer)

/** Issuers to whose users an issuer may give no name: `a` not to `a/b/c`, where `a/b` is one. */
const longerThan = (issuer: string, rules: readonly JwtRule[]): readonly string[] =>
	rules.map((rule) => rule.issuer).filter((other) => other.startsWith(`${issuer}/`))

/** Whether its JWT-SVID is of that issuer, and so passed over where no rule is. */
const isWorkloads = ({ workloadIssuer }: AccessSample, issuer: string, recognise: Recognise): boolean =>
	workloadIssuer !== undefined && recognise(LABELS.issuer, workloadIssuer) === issuer

/** Whether rules that look at `Authorization` are of the issuer of a JWT-SVID there that was passed over. */
const findsWorkloads = (
	sample: AccessSample,
	before: readonly JwtRule[],
	after: readonly JwtRule[],
	looks: readonly TokenPlace[],
	recognise: Recognise,
): boolean =>
	looks.some((place) => place.in === 'header' && place.name === 'authorization') &&
	after.some(({ issuer }) => isWorkloads(sample, issuer, recognise) && ofIssuer(issuer, before).length === 0)

const isWithin = (some: readonly unknown[], others: readonly unknown[]): boolean => {
	const texts = new Set(others.map((one) => JSON.stringify(one)))
	return some.every((one) => texts.has(JSON.stringify(one)))
}

const withoutAudiences = ({ audiences: _, ...rule }: JwtRule): string => JSON.stringify(rule)
const withoutPlaces = ({ from: _, ...rule }: JwtRule): string => JSON.stringify(rule)

/** Where rules look and the request may have shown a token, each once. */
function placesIn(rules: readonly JwtRule[], sample: AccessSample): readonly TokenPlace[] {
	const places = rules.flatMap(({ from }) => from).filter((place) => mayShow(sample, place))
	return [...new Map(places.map((place) => [JSON.stringify(place), place])).values()]
}

function mayShow({ headers, headersCut, query }: AccessSample, place: TokenPlace): boolean {
	if (place.in === 'param') return query === true
	const name = place.in === 'cookie' ? 'cookie' : place.name
	return headersCut === true || headers.some(([field]) => field === name)
}
