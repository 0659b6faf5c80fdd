/** Samples of requests for trying out policies: what policies look at, of which private values leave as keyed digests only. */
import type { AccessSample, Digest, RefusedUser, SampledUser } from '../ports.ts'

/** Everything that a sample is made of, as the request had it. */
export interface SampledFacts extends Omit<AccessSample, 'headers' | 'user' | 'workloadIssuer' | 'refusedUser'> {
	/** Lower case. Null: nothing may be said of its value. */
	readonly headers: readonly (readonly [name: string, value: string | null])[]
	readonly user?: UserFacts
	/** As the tokens claim it. */
	readonly workloadIssuer?: string
	readonly refusedUser?: { readonly issuer?: string }
}

export interface UserFacts {
	readonly issuer: string
	readonly principal: string
	readonly audiences: readonly string[]
	readonly presenter?: string
	readonly isOfSeveral?: true
	readonly claims: Readonly<Record<string, unknown>>
	readonly spaceDelimitedClaims: readonly string[]
}

/** What a digest is of: equal texts in other places have other digests. */
export const LABELS = {
	issuer: 'issuer',
	principal: 'principal',
	audience: 'audience',
	presenter: 'presenter',
	header: (name: string) => `header ${name}`,
	claim: (path: readonly string[]) => `claim ${JSON.stringify(path)}`,
}

export type MakeDigest = (label: string, value: string) => Promise<Digest>

const MAX_HEADERS = 32
const MAX_AUDIENCES = 16
const MAX_CLAIMS = 64
/** Of all claims together. */
const MAX_CLAIM_TEXTS = 128
/** Names of claims that are longer are left out, and so is what lies deeper. */
const MAX_NAME = 128
const MAX_DEPTH = 5
const MAX_TEXT = 1_024

const HMAC = { name: 'HMAC', hash: 'SHA-256' }
const encoder = new TextEncoder()

/** A key of 32 random bytes, as a batch carries it. */
export async function newSampleKey(): Promise<string> {
	const key = await crypto.subtle.generateKey({ ...HMAC, length: 256 }, true, ['sign'])
	return hexOf(new Uint8Array((await crypto.subtle.exportKey('raw', key as CryptoKey)) as ArrayBuffer))
}

/** `key` is of a batch. What is asked for twice is worked out once. */
export async function digester(key: string): Promise<MakeDigest> {
	const bytes = Uint8Array.from(key.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
	const imported = await crypto.subtle.importKey('raw', bytes, HMAC, false, ['sign'])
	const made = new Map<string, Promise<Digest>>()
	return (label, value) => {
		const text = `${label}\n${value}`
		const digest = made.get(text) ?? sign(imported, text)
		made.set(text, digest)
		return digest
	}
}

async function sign(key: CryptoKey, text: string): Promise<Digest> {
	const signature = await crypto.subtle.sign('HMAC', key, encoder.encode(text))
	return hexOf(new Uint8Array(signature, 0, 8))
}

const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** The first 32 fields. `tokenFields` are those in which the service is shown tokens. */
export function sampledFields(
	headers: Iterable<readonly [name: string, value: string]>,
	tokenFields: readonly string[],
): Pick<SampledFacts, 'headers' | 'headersCut'> {
	const fields: [string, string | null][] = []
	for (const [name, value] of headers) {
		if (fields.length === MAX_HEADERS || name.length > MAX_NAME) return { headers: fields, headersCut: true }
		const isHidden = HIDDEN.has(name) || tokenFields.includes(name) || value.length > MAX_TEXT
		fields.push([name, isHidden ? null : value])
	}
	return { headers: fields }
}

/** These hold secrets, or addresses, which no digest hides: there are few enough of them to try them all. */
const HIDDEN: ReadonlySet<string> = new Set([
	'authorization',
	'proxy-authorization',
	'cookie',
	'x-api-key',
	'api-key',
	'x-auth-token',
	'x-csrf-token',
	'workload-identity-token',
	'workload-proof-token',
	'dpop',
	'cf-access-jwt-assertion',
	'cf-access-client-secret',
	'cf-connecting-ip',
	'cf-connecting-ipv6',
	'cf-pseudo-ipv4',
	'forwarded',
	'true-client-ip',
	'x-client-ip',
	'x-forwarded-for',
	'x-real-ip',
])

export async function sampleOf(
	{ headers, user, workloadIssuer, refusedUser, ...facts }: SampledFacts,
	digest: MakeDigest,
): Promise<AccessSample> {
	const fields = headers.map(async ([name, value]) => {
		return [name, value === null ? null : await digest(LABELS.header(name), value)] as const
	})
	return {
		...facts,
		headers: await Promise.all(fields),
		...(user === undefined ? {} : { user: await sampledUser(user, digest) }),
		...(workloadIssuer === undefined ? {} : { workloadIssuer: await digest(LABELS.issuer, workloadIssuer) }),
		...(refusedUser === undefined ? {} : { refusedUser: await sampledRefusal(refusedUser, digest) }),
	}
}

/** What a token that nobody believes says of its issuer is any stranger's text: none of it is kept. */
const sampledRefusal = async ({ issuer }: { readonly issuer?: string }, digest: MakeDigest): Promise<RefusedUser> =>
	issuer === undefined ? {} : { issuer: await digest(LABELS.issuer, issuer) }

async function sampledUser(user: UserFacts, digest: MakeDigest): Promise<SampledUser> {
	const { issuer, principal, presenter, audiences } = user
	const { texts, cut } = claimTexts(user)
	const claims = texts.map(async ([path, values]) => {
		return [path, await Promise.all(values.map((value) => digest(LABELS.claim(path), value)))] as const
	})
	return {
		issuer,
		principal: await digest(LABELS.principal, principal),
		audiences: await Promise.all(audiences.slice(0, MAX_AUDIENCES).map((one) => digest(LABELS.audience, one))),
		...(presenter === undefined ? {} : { presenter: await digest(LABELS.presenter, presenter) }),
		...(user.isOfSeveral ? { isOfSeveral: true as const } : {}),
		claims: await Promise.all(claims),
		...(cut || audiences.length > MAX_AUDIENCES ? { claimsCut: true as const } : {}),
	}
}

interface ClaimTexts {
	readonly texts: [path: readonly string[], values: string[]][]
	textsLeft: number
	cut: boolean
}

/** What conditions on claims compare (src/authorization/attribute.ts): texts, numbers and booleans, also as members of a list. */
function claimTexts({ claims, spaceDelimitedClaims }: UserFacts): ClaimTexts {
	const found: ClaimTexts = { texts: [], textsLeft: MAX_CLAIM_TEXTS, cut: false }
	collect(found, [], claims, spaceDelimitedClaims)
	return found
}

function collect(
	found: ClaimTexts,
	path: readonly string[],
	value: unknown,
	spaceDelimited: readonly string[] = [],
): void {
	if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
		if (path.length === MAX_DEPTH) found.cut ||= Object.keys(value).length > 0
		else for (const [name, member] of Object.entries(value)) collectMember(found, path, name, member, spaceDelimited)
		return
	}
	const isDelimited = typeof value === 'string' && path.length === 1 && spaceDelimited.includes(path[0]!)
	const members: readonly unknown[] = isDelimited ? value.split(' ') : Array.isArray(value) ? value : [value]
	const texts = members.flatMap((member) => (isText(member) && member !== '' ? [String(member)] : []))
	if (texts.length === 0) return
	if (found.texts.length === MAX_CLAIMS || texts.length > found.textsLeft) {
		found.cut = true
		return
	}
	found.texts.push([path, texts])
	found.textsLeft -= texts.length
}

function collectMember(
	found: ClaimTexts,
	path: readonly string[],
	name: string,
	member: unknown,
	spaceDelimited: readonly string[],
): void {
	if (name.length > MAX_NAME) found.cut = true
	else collect(found, [...path, name], member, spaceDelimited)
}

const isText = (value: unknown): value is string | number | boolean =>
	typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
