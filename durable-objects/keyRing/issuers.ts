/** Keys of issuers of end users' tokens: published with `trust`, and fetched when an isolate meets one that nobody knows. */
import { readUserKey } from '../../src/identity/userKeys.ts'
import { keysName, readKeySet } from '../../src/joining/issuerDocuments.ts'
import { createQuestions, mayAsk, noteAbsent, type Questions } from '../../src/keys/issuerQuestions.ts'
import { usersRow } from '../../src/keys/userIssuers.ts'
import type { Fetch } from '../../src/outside/fetchDocument.ts'
import { fetchIssuerKeys } from '../../src/outside/issuerKeys.ts'
import type { FetchedKeys, IssuerSource } from '../../src/ports.ts'
import type { EndpointPolicy } from '../../src/resources/endpointUrl.ts'
import { checkKeysUrl } from '../../src/resources/identityUrl.ts'
import { err, ok, type Result } from '../../src/result.ts'
import type { IssuerKeys } from '../../src/snapshot/trust.ts'
import { readLongText } from '../longTexts.ts'

/** `kind` of the long texts that hold what a document becomes in `trust`. */
export const PUBLISHED = 'bundles'
const MAX_ISSUERS = 256
/** In characters: there is room for so much of each issuer, some eight RSA keys, whatever others have. */
const RESERVED_LENGTH = 4_000
/** Of what issuers have beyond that, together: every isolate holds it. */
const MAX_LENGTH = 1_000_000
/** A stranger's text: longer ones name no key (`readUserKey`). */
const MAX_KEY_ID = 256
/** Isolates wait for 2 s. */
const PATIENCE_MS = 1_500

// === what is published ===

/** `name`: of the row. The error says why it is none that may be taken. */
export function readIssuerKeys(sql: SqlStorage, name: string, body: string): Result<IssuerKeys, string> {
	const set = readKeySet(body)
	if (!set.ok) return set
	const keys = set.value.flatMap((key) => readUserKey(key) ?? [])
	if (keys.length === 0) return err('the key set has no key that verifies signatures')
	const issuer: IssuerKeys = { name: usersRow.issuerOf(name), keys }
	const [others] = sql.exec<{ count: number; length: number }>(
		`SELECT COUNT(*) AS count, COALESCE(SUM(MAX(0, LENGTH(bundle) - ?)), 0) AS length FROM fetched
			WHERE kind = 'userIssuer' AND bundle IS NOT NULL AND name <> ?`,
		RESERVED_LENGTH,
		name,
	)
	if (others!.count >= MAX_ISSUERS) return err(`the keys of ${MAX_ISSUERS} issuers are held already`)
	const length = Math.max(0, JSON.stringify(issuer).length - RESERVED_LENGTH)
	return length > 0 && others!.length + length > MAX_LENGTH
		? err(
				`the keys of all issuers have together more than ${MAX_LENGTH} characters with these, beside ${RESERVED_LENGTH} of each`,
			)
		: ok(issuer)
}

/** In order of name; undefined: none. */
export function readIssuers(sql: SqlStorage): readonly IssuerKeys[] | undefined {
	const rows = sql.exec<{ name: string; bundle: string }>(
		"SELECT name, bundle FROM fetched WHERE kind = 'userIssuer' AND bundle IS NOT NULL ORDER BY name",
	)
	const issuers = Array.from(rows, (row) => issuerOf(sql, row))
	return issuers.length === 0 ? undefined : issuers
}

function readIssuer(sql: SqlStorage, name: string): IssuerKeys | undefined {
	const [row] = sql.exec<{ name: string; bundle: string }>(
		"SELECT name, bundle FROM fetched WHERE name = ? AND kind = 'userIssuer' AND bundle IS NOT NULL",
		name,
	)
	return row && issuerOf(sql, row)
}

const issuerOf = (sql: SqlStorage, { name, bundle }: { name: string; bundle: string }): IssuerKeys =>
	JSON.parse(readLongText(sql, PUBLISHED, name, bundle)!) as IssuerKeys

// === what is asked for ===

export interface Inquiry {
	readonly context: DurableObjectState
	readonly put: (name: string, fetched: FetchedKeys) => Promise<void>
	readonly questions: Questions
	/** Under way, by the name of the row: whether the issuer answers. */
	readonly flights: Map<string, Promise<boolean>>
}

export const openInquiry = (context: DurableObjectState, put: Inquiry['put']): Inquiry => ({
	context,
	put,
	questions: createQuestions(),
	flights: new Map(),
})

/** Which URLs may be asked. `ENDPOINT_ADDRESSES`: as the admin Worker's. */
export interface InquiryEnv {
	readonly MESH_DOMAIN: string
	readonly ENDPOINT_ADDRESSES?: string
}

/** All keys that there are, once the one that is asked for was looked for where the issuer publishes them, if that may be. */
export async function issuerKeys(
	inquiry: Inquiry,
	env: InquiryEnv,
	source: IssuerSource,
	kid: string | undefined,
): Promise<IssuerKeys | null> {
	const { context, questions, flights } = inquiry
	const name = usersRow.of(keysName(source))
	const answer = () => readIssuer(context.storage.sql, name) ?? null
	if (isKnown(answer(), kid) || (kid?.length ?? 0) > MAX_KEY_ID) return answer()
	if (!flights.has(name)) {
		if (!mayAsk(questions, name, kid, Date.now())) return answer()
		const flight = inquire(inquiry, env, name, source).finally(() => flights.delete(name))
		flights.set(name, flight)
		context.waitUntil(flight)
	}
	const flight = flights.get(name)
	// Those that are here may do: who has none yet need not miss them because the issuer is slow.
	const isAnswered = await (answer() === null ? flight : Promise.race([flight, scheduler.wait(PATIENCE_MS)]))
	const found = answer()
	if (isAnswered && kid !== undefined && found?.keys.every((key) => key.kid !== kid && key.kid !== undefined))
		noteAbsent(questions, name, kid, Date.now())
	return found
}

/** Without `kid` those that have names are known by then: only keys without one change unseen. */
const isKnown = (issuer: IssuerKeys | null, kid: string | undefined): boolean =>
	issuer !== null &&
	(kid === undefined ? issuer.keys.every((key) => key.kid !== undefined) : issuer.keys.some((key) => key.kid === kid))

/** Never rejects: what went wrong is noted beside the keys that there are. */
async function inquire(
	{ context, put }: Inquiry,
	env: InquiryEnv,
	name: string,
	source: IssuerSource,
): Promise<boolean> {
	const policy: EndpointPolicy = {
		addresses: env.ENDPOINT_ADDRESSES === 'any' ? 'any' : 'names',
		meshDomain: env.MESH_DOMAIN,
	}
	const wrong = source.jwksUri === undefined ? checkKeysUrl(source.issuer, policy) : undefined
	const got = wrong === undefined ? await fetchIssuerKeys(ask, source, policy) : err(`the issuer's URL ${wrong}`)
	const fetched = got.ok ? got.value : { url: source.jwksUri ?? source.issuer, body: '', failure: got.error }
	// Stored at once; who waits for the keys does not wait until all others have been told.
	context.waitUntil(put(name, { ...fetched, fetchedAt: Date.now() }).catch(() => {}))
	return got.ok
}

const ask: Fetch = (url, init) => fetch(url, init)
