/** The mesh's keys as Prometheus metrics: long before a key ends without a successor, somebody can be called. */
import type { FetchedInfo, KeyInfo, KeyRingInfo } from '../ports.ts'
import { add, type Metric, metric, renderMetric } from './exposition.ts'

const seconds = (time: string): number => Date.parse(time) / 1000

/** `now` in ms since the epoch. `fetched`: by the names of issuers and trust domains. To be put below the page of `exposition`. */
export function keyExposition(info: KeyRingInfo, fetched: readonly FetchedInfo[], now: number): string {
	const expiry = metric(
		'selvedge_key_expiry_timestamp_seconds',
		'gauge',
		'When a certificate authority ends, or the last thing that a key signed.',
	)
	for (const key of info.keys) {
		const ends = endOf(key)
		if (ends !== undefined) add(expiry, { purpose: key.purpose, kid: key.kid, state: key.state }, seconds(ends))
	}
	const rotation = metric('selvedge_key_next_rotation_timestamp_seconds', 'gauge', 'When the pending key takes over.')
	const failures = metric('selvedge_key_rotation_failures', 'gauge', 'Rotations in a row that failed.')
	for (const one of info.purposes) {
		add(rotation, { purpose: one.purpose }, seconds(one.nextRotationAt))
		add(failures, { purpose: one.purpose }, one.failures)
	}
	const unpublished = metric('selvedge_trust_unpublished', 'gauge', 'Whether the data plane lacks keys or revocations.')
	add(unpublished, {}, info.publishedVersion < info.version ? 1 : 0)
	const metrics = [
		expiry,
		rotation,
		failures,
		unpublished,
		...fetchedMetrics(fetched, now),
		...delegationMetrics(info),
		...revocationMetrics(info),
	]
	return `${metrics.map(renderMetric).join('\n')}\n`
}

/** Of one whose keys were never fetched there is no age. */
function fetchedMetrics(fetched: readonly FetchedInfo[], now: number): Metric[] {
	const ages = metric('selvedge_issuer_keys_age_seconds', 'gauge', 'Since the keys of an issuer outside were fetched.')
	const failing = metric(
		'selvedge_issuer_keys_failing',
		'gauge',
		'Whether the keys of an issuer outside could not be fetched when last tried, or never were.',
	)
	for (const { kind, name, fetchedAt, failure } of fetched) {
		const labels = { issuer: name, kind }
		if (fetchedAt > 0) add(ages, labels, Math.max(0, now - fetchedAt) / 1000)
		add(failing, labels, failure === undefined && fetchedAt > 0 ? 0 : 1)
	}
	return [ages, failing]
}

function delegationMetrics({ delegations = [] }: KeyRingInfo): Metric[] {
	const certified = metric(
		'selvedge_delegations_total',
		'counter',
		'Isolates of the proxy that had their key certified.',
	)
	const refused = metric(
		'selvedge_delegations_refused_total',
		'counter',
		'Isolates that asked for it too fast together.',
	)
	const last = metric(
		'selvedge_delegation_last_timestamp_seconds',
		'gauge',
		'When an isolate had its key certified last.',
	)
	for (const { region, lastAt, ...counts } of delegations) {
		add(certified, { region }, counts.certified)
		add(refused, { region }, counts.refused)
		if (lastAt !== undefined) add(last, { region }, seconds(lastAt))
	}
	return [certified, refused, last]
}

function revocationMetrics({ revocations }: KeyRingInfo): Metric[] {
	const inForce = metric('selvedge_revocations_in_force', 'gauge', 'Revocations that count, long ones several times.')
	const limit = metric(
		'selvedge_revocations_limit',
		'gauge',
		'How many may be in force; one operator alone may have half.',
	)
	const refused = metric('selvedge_revocations_refused_total', 'counter', 'Revocations that found no room.')
	if (revocations !== undefined) {
		add(inForce, {}, revocations.inForce)
		add(limit, {}, revocations.limit)
		add(refused, {}, revocations.refused)
	}
	return [inForce, limit, refused]
}

/** Of keys that verify something, or will. */
function endOf({ state, expiresAt, signedUntil }: KeyInfo): string | undefined {
	return state === 'removed' || state === 'revoked' ? undefined : (expiresAt ?? signedUntil)
}
