/**
 * Which requests an isolate remembers for trying out policies. The path pays for a choice, and for a copy of the few that are chosen; their
 * digests are made beside it.
 *
 * Taken is a share of all requests, and the first in a minute of each service, rule, caller and verdict, so that who calls seldom is
 * among them: five a second in all, of which the share cannot use up the last.
 */
import { canonicalPath } from '../authorization/canonicalPath.ts'
import { parseAddress } from '../authorization/ipBlock.ts'
import type { Caller } from '../matching/source.ts'
import type { SampleBatch } from '../ports.ts'
import {
	digester,
	newSampleKey,
	type SampledFacts,
	sampledFields,
	sampleOf,
	type UserFacts,
} from '../telemetry/accessSample.ts'
import { judgedFields, judgedHost, portOf } from './access.ts'
import type { Exchange } from './exchange.ts'
import { destinationOf } from './outgoing.ts'
import { countingCaller } from './peers.ts'
import type { Refusal, RefusalReason } from './refusal.ts'
import type { RoutingTable } from './routingTable.ts'

export interface Sampler {
	/** Called once for each exchange, at its end. */
	readonly consider: (exchange: Exchange, refusal: Refusal | undefined, now: number) => void
	/** What was taken since the last time; undefined when nothing was. */
	readonly take: (now: number) => Promise<SampleBatch | undefined>
}

const PER_SECOND = 5
/** What may be taken at once after a pause. */
export const SAMPLE_BURST = 100
/** Only those that are the first of their kind get what is left below this. */
const RESERVED = 20
const SEEN_MS = 60_000
const MAX_SEEN = 1_000
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
			if (table.sampleShare === 0 || taken.length >= SAMPLE_BURST || !isOfPolicies(exchange, refusal)) return
			const allowed = refusal === undefined || !REFUSED.has(refusal.reason)
			if (!choice.isChosen(exchange, allowed, now)) return
			const facts = factsOf(exchange, table, allowed)
			if (facts === undefined) return
			choice.left--
			taken.push(facts)
		},
		take: async (now) => {
			if (taken.length === 0) return undefined
			const all = taken
			taken = []
			const day = Math.floor(now / DAY_MS)
			if (key?.day !== day) key = { text: await newSampleKey(), day }
			const { text } = key
			const digest = await digester(text)
			return { key: text, samples: await Promise.all(all.map((facts) => sampleOf(facts, digest))) }
		},
	}
}

interface Choice {
	/** How many may be taken now. */
	left: number
	readonly isChosen: (exchange: Exchange, allowed: boolean, now: number) => boolean
}

function createChoice(table: RoutingTable): Choice {
	/** When the first of a kind was taken. */
	const seen = new Map<string, number>()
	let refilledAt = 0
	const isFirst = (kind: string, now: number): boolean => {
		const before = seen.get(kind)
		if (before !== undefined && now - before < SEEN_MS) return false
		if (seen.size >= MAX_SEEN) seen.clear()
		seen.set(kind, now)
		return true
	}
	const choice: Choice = {
		left: SAMPLE_BURST,
		isChosen: (exchange, allowed, now) => {
			choice.left = Math.min(SAMPLE_BURST, choice.left + (Math.max(0, now - refilledAt) / 1_000) * PER_SECOND)
			refilledAt = now
			if (choice.left < 1) return false
			const isDrawn = choice.left >= RESERVED && table.random() < table.sampleShare
			return isDrawn || isFirst(kindOf(exchange, allowed), now)
		},
	}
	return choice
}

/** Of requests to services that policies were asked about. */
function isOfPolicies({ service }: Exchange, refusal: Refusal | undefined): boolean {
	if (service === undefined || service.name === '') return false
	return refusal === undefined || AFTER_ACCESS.has(refusal.reason) || REFUSED.has(refusal.reason)
}

const kindOf = ({ service, rule, caller }: Exchange, allowed: boolean): string =>
	`${service!.name}\n${rule?.name}\n${caller?.spiffeId}\n${allowed}`

/** Undefined for requests that are too strange to tell anything of others. */
function factsOf(exchange: Exchange, table: RoutingTable, allowed: boolean): SampledFacts | undefined {
	const { method, rule, startedAt, user } = exchange
	const { path, query, authority } = destinationOf(exchange, rule?.plan?.())
	const host = judgedHost(authority, table)
	if (method.length > MAX_METHOD || host.length > MAX_HOST) return undefined
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
		...(user === undefined ? {} : { user: userFacts(user) }),
		...fieldFacts(exchange, authority),
		allowed,
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

const userFacts = (user: UserFacts): UserFacts => ({
	issuer: user.issuer,
	principal: user.principal,
	audiences: user.audiences,
	...(user.presenter === undefined ? {} : { presenter: user.presenter }),
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
