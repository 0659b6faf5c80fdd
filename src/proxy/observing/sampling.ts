/**
 * Which requests an isolate remembers for trying out policies. The path pays for a choice, and for a copy of the few that are chosen; their
 * digests are made beside it.
 */
import { canonicalPath } from '../../authorization/canonicalPath.ts'
import { parseAddress } from '../../authorization/ipBlock.ts'
import { looksLikeJwtSvid } from '../../identity/jwtSvid.ts'
import { claimedIssuer } from '../../identity/userToken.ts'
import type { Caller } from '../../matching/source.ts'
import type { SampleBatch } from '../../ports.ts'
import type { TokenPlace } from '../../snapshot/requestAuthentication.ts'
import {
	digester,
	newSampleKey,
	type SampledFacts,
	sampledFields,
	sampleOf,
	type UserFacts,
} from '../../telemetry/accessSample.ts'
import { judgedFields, judgedHost, portOf } from '../access/access.ts'
import { countingCaller } from '../callers/peers.ts'
import type { Exchange } from '../exchange.ts'
import type { RoutingTable } from '../knowledge/routingTable.ts'
import type { Refusal, RefusalReason } from '../refusal.ts'
import { destinationOf } from '../sending/outgoing.ts'
import { shownTokens } from '../users/tokenPlaces.ts'
import { createChoice, type Verdict } from './sampleChoice.ts'

export interface Sampler {
	/** Called once for each exchange, at its end. */
	readonly consider: (exchange: Exchange, refusal: Refusal | undefined, now: number) => void
	/** What was taken since the last time; undefined when nothing was. */
	readonly take: (now: number) => Promise<SampleBatch | undefined>
}

const DAY_MS = 86_400_000
const MAX_PATH = 256
/** Longer ones are nobody's honest request. */
const MAX_METHOD = 32
const MAX_HOST = 255

/** Refusals of requests that policies let through, or that they refuse: the others never came so far. */
const AFTER_ACCESS: ReadonlySet<RefusalReason> = new Set<RefusalReason>([
	'authorizer_denied',
	'authorizer_unavailable',
	'content_too_large',
	'no_endpoint',
	'overloaded',
	'upstream_failed',
	'upstream_timeout',
	'request_timeout',
	'request_aborted',
	'credential_unavailable',
	'fault_injected',
])
const REFUSED: ReadonlySet<string> = new Set(['access_denied', 'ambiguous_path'])

export function createSampler(table: RoutingTable): Sampler {
	const choice = createChoice(table)
	let taken: SampledFacts[] = []
	let key: { readonly text: string; readonly day: number } | undefined
	return {
		consider: (exchange, refusal, now) => {
			if (table.sampleShare === 0) return
			const verdict = verdictOf(exchange, refusal)
			if (verdict === undefined || !choice.isChosen(exchange, verdict, now)) return
			const facts = factsOf(exchange, table, verdict)
			if (facts === undefined) return
			choice.spend(verdict)
			taken.push(facts)
		},
		take: async (now) => {
			if (taken.length === 0) return undefined
			const all = taken
			taken = []
			choice.begin()
			const day = Math.floor(now / DAY_MS)
			if (key?.day !== day) key = { text: await newSampleKey(), day }
			const { text } = key
			const digest = await digester(text)
			return { key: text, samples: await Promise.all(all.map((facts) => sampleOf(facts, digest))) }
		},
	}
}

/** Of requests to services that policies were asked about, or would have been, had a user's token been believed. */
function verdictOf({ service, distrust }: Exchange, refusal: Refusal | undefined): Verdict | undefined {
	if (service === undefined || service.name === '') return undefined
	if (refusal === undefined || AFTER_ACCESS.has(refusal.reason)) return 'allowed'
	if (REFUSED.has(refusal.reason)) return 'refused'
	// The token that is not believed may also be a workload's.
	return refusal.reason === 'invalid_token' && refusal !== distrust ? 'unasked' : undefined
}

/** Undefined for requests that are too strange to tell anything of others. */
function factsOf(exchange: Exchange, table: RoutingTable, verdict: Verdict): SampledFacts | undefined {
	const { method, rule, startedAt, user } = exchange
	const { path, query, authority } = destinationOf(exchange, rule?.plan?.())
	const host = judgedHost(authority, table)
	if (method.length > MAX_METHOD || host.length > MAX_HOST) return undefined
	const workloadIssuer = workloadIssuerOf(exchange)
	const tokens = tokensOf(exchange, workloadIssuer)
	const caller = countingCaller(exchange, table, '', false)
	return {
		at: startedAt,
		service: exchange.service!.name,
		rule: rule?.name ?? '',
		...{ method, host, port: portOf(exchange) },
		...pathFacts(path),
		...(query === '' ? {} : { query: true as const }),
		...(caller === undefined ? {} : { caller: callerFacts(caller) }),
		network: networkOf(exchange.clientAddress),
		...(user === undefined ? {} : { user: userFacts(user, tokens.length > 1) }),
		...(workloadIssuer === undefined ? {} : { workloadIssuer }),
		...(verdict === 'unasked' ? { refusedUser: refusedFacts(tokens) } : {}),
		...fieldFacts(exchange, authority),
		allowed: verdict === 'allowed',
	}
}

/** Fields that the mesh writes, whether the client has them or not, are there too. */
function fieldFacts(exchange: Exchange, authority: string): Pick<SampledFacts, 'headers' | 'headersCut'> {
	const { userFields, tokenPlaces } = exchange.service!
	const judged = judgedFields(exchange, authority, userFields)
	const names = new Set([...WRITTEN, ...userFields, ...exchange.request.headers.keys()])
	const fields = [...names].flatMap((name): [string, string][] => {
		const value = judged(name)
		return value === null ? [] : [[name, value]]
	})
	return sampledFields(
		fields,
		tokenPlaces.flatMap((place) => (place.in === 'header' ? [place.name] : [])),
	)
}

const WRITTEN = ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto']

function pathFacts(path: string): Pick<SampledFacts, 'path' | 'pathCut' | 'ambiguous'> {
	const spelled = canonicalPath(path)
	const whole = 'path' in spelled ? spelled.path : path
	return {
		path: whole.slice(0, MAX_PATH),
		...(whole.length > MAX_PATH ? { pathCut: true as const } : {}),
		...('ambiguous' in spelled ? { ambiguous: spelled.ambiguous } : {}),
	}
}

const callerFacts = ({ spiffeId, namespace, workload }: Caller): NonNullable<SampledFacts['caller']> => ({
	spiffeId,
	...(namespace === undefined ? {} : { namespace }),
	...(workload === undefined ? {} : { workload }),
})

/** After whatever scheme; '' of one that names none. */
function workloadIssuerOf({ request }: Exchange): string | undefined {
	const token = request.headers.get('authorization')?.split(' ').at(-1)
	return token !== undefined && looksLikeJwtSvid(token) ? (claimedIssuer(token) ?? '') : undefined
}

/** Each of the tokens that its service's rules have looked at, as the client showed them. */
function tokensOf({ request, path, service }: Exchange, workloadIssuer: string | undefined): string[] {
	const { users, tokenPlaces } = service!
	if (users.length === 0) return []
	const isWorkloads = workloadIssuer !== undefined && users.every(({ issuer }) => issuer !== workloadIssuer)
	const target = path + new URL(request.url).search
	const tokens = shownTokens({ request, path, target }, tokenPlaces)
	return [...new Set(tokens.flatMap(({ token, place }) => (isWorkloads && isAuthorization(place) ? [] : [token])))]
}

const isAuthorization = (place: TokenPlace): boolean => place.in === 'header' && place.name === 'authorization'

/** Which of several tokens was not believed cannot be told. */
const refusedFacts = ([token = '', ...others]: readonly string[]): NonNullable<SampledFacts['refusedUser']> =>
	others.length > 0 ? {} : { issuer: claimedIssuer(token) ?? '' }

const userFacts = (user: UserFacts, isOfSeveral: boolean): UserFacts => ({
	issuer: user.issuer,
	principal: user.principal,
	audiences: user.audiences,
	...(user.presenter === undefined ? {} : { presenter: user.presenter }),
	...(isOfSeveral ? { isOfSeveral } : {}),
	claims: user.claims,
	spaceDelimitedClaims: user.spaceDelimitedClaims,
})

/** A /24 of IPv4, a /48 of IPv6: what one client's neighbours share. */
function networkOf(address: string): string {
	const [first, second] = parseAddress(address) ?? []
	if (first === undefined) return ''
	if (second === undefined) return `${[first >>> 24, (first >>> 16) & 255, (first >>> 8) & 255].join('.')}.0/24`
	return `${[first >>> 16, first & 0xffff, second >>> 16].map((group) => group.toString(16)).join(':')}::/48`
}
