/** The mesh's keys as Prometheus metrics: long before a key ends without a successor, somebody can be called. */
import type { FetchedInfo, KeyInfo, KeyRingInfo } from '../ports.ts'
import { add, metric, renderMetric } from './exposition.ts'

const seconds = (time: string): number => Date.parse(time) / 1000

/** `now` in ms since the epoch. To be put below the page of `exposition`. */
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
	const ages = metric('selvedge_issuer_keys_age_seconds', 'gauge', 'Since the keys of an issuer outside were fetched.')
	for (const { kind, name, fetchedAt } of fetched)
		if (kind === 'issuer' && fetchedAt > 0) add(ages, { issuer: name }, Math.max(0, now - fetchedAt) / 1000)
	return `${[expiry, rotation, failures, unpublished, ages].map(renderMetric).join('\n')}\n`
}

/** Of keys that verify something, or will. */
function endOf({ state, expiresAt, signedUntil }: KeyInfo): string | undefined {
	return state === 'removed' || state === 'revoked' ? undefined : (expiresAt ?? signedUntil)
}
