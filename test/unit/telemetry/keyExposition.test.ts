/** The keys' metrics, as Prometheus reads them. */
import { expect, it } from 'vitest'
import type { FetchedInfo, KeyRingInfo } from '../../../src/ports.ts'
import { keyExposition } from '../../../src/telemetry/keyExposition.ts'

const info: KeyRingInfo = {
	trustDomain: 'mesh.test',
	issuer: 'https://admin.mesh.test',
	version: 7,
	publishedVersion: 6,
	sealedUnder: [],
	purposes: [{ purpose: 'wit-svid', active: 'a', pending: 'b', nextRotationAt: '2026-01-02T00:00:00Z', failures: 3 }],
	keys: [
		{
			kid: 'a',
			purpose: 'wit-svid',
			state: 'active',
			algorithm: 'ES256',
			createdAt: '',
			signedUntil: '2026-01-01T00:00:00Z',
		},
		{ kid: 'b', purpose: 'wit-svid', state: 'pending', algorithm: 'ES256', createdAt: '' },
		{
			kid: 'c',
			purpose: 'x509-root',
			state: 'revoked',
			algorithm: 'ES256',
			createdAt: '',
			expiresAt: '2026-01-01T00:00:00Z',
		},
		{
			kid: 'd',
			purpose: 'x509-root',
			state: 'retired',
			algorithm: 'ES256',
			createdAt: '',
			expiresAt: '2027-01-01T00:00:00Z',
			signedUntil: '2026-01-01T00:00:00Z',
		},
	],
}

const NOW = 1_000_000
const more: Partial<KeyRingInfo> = {
	delegations: [
		{ region: 'enam', certified: 7, refused: 2, lastAt: '2026-01-01T00:00:00Z' },
		{ region: 'weur', certified: 0, refused: 1 },
	],
	revocations: { inForce: 12, limit: 100, refused: 3 },
}
const fetched: FetchedInfo[] = [
	{ name: 'https://ci.example/"x"', kind: 'issuer', url: '', fetchedAt: NOW - 12_500, triedAt: NOW },
	{ name: 'https://new.example', kind: 'issuer', url: '', fetchedAt: 0, triedAt: NOW },
	{ name: 'https://id.example', kind: 'issuer', url: '', fetchedAt: NOW, triedAt: NOW },
	{ name: 'https://id.example', kind: 'userIssuer', url: '', fetchedAt: 1_000, triedAt: NOW, failure: 'HTTP 500' },
	{ name: 'https://gone.example', kind: 'userIssuer', url: '', fetchedAt: 0, triedAt: NOW, failure: 'HTTP 404' },
	{ name: 'other.example', kind: 'trustDomain', url: '', fetchedAt: NOW, triedAt: NOW },
]

it('keys that end, rotations that are due or fail, what is not published, how old the keys of others are, and whose cannot be fetched', () => {
	const lines = keyExposition(info, fetched, NOW).split('\n')
	expect(lines.filter((line) => line !== '' && !line.startsWith('#'))).toEqual([
		'selvedge_key_expiry_timestamp_seconds{purpose="wit-svid",kid="a",state="active"} 1767225600',
		'selvedge_key_expiry_timestamp_seconds{purpose="x509-root",kid="d",state="retired"} 1798761600',
		'selvedge_key_next_rotation_timestamp_seconds{purpose="wit-svid"} 1767312000',
		'selvedge_key_rotation_failures{purpose="wit-svid"} 3',
		'selvedge_trust_unpublished{} 1',
		'selvedge_issuer_keys_age_seconds{issuer="https://ci.example/\\"x\\"",kind="issuer"} 12.5',
		'selvedge_issuer_keys_age_seconds{issuer="https://id.example",kind="issuer"} 0',
		'selvedge_issuer_keys_age_seconds{issuer="https://id.example",kind="userIssuer"} 999',
		'selvedge_issuer_keys_age_seconds{issuer="other.example",kind="trustDomain"} 0',
		'selvedge_issuer_keys_failing{issuer="https://ci.example/\\"x\\"",kind="issuer"} 0',
		'selvedge_issuer_keys_failing{issuer="https://new.example",kind="issuer"} 1',
		'selvedge_issuer_keys_failing{issuer="https://id.example",kind="issuer"} 0',
		'selvedge_issuer_keys_failing{issuer="https://id.example",kind="userIssuer"} 1',
		'selvedge_issuer_keys_failing{issuer="https://gone.example",kind="userIssuer"} 1',
		'selvedge_issuer_keys_failing{issuer="other.example",kind="trustDomain"} 0',
	])
	expect(lines).toContain('# TYPE selvedge_delegations_total counter')
	expect(keyExposition({ ...info, publishedVersion: 7 }, [], NOW)).toContain('selvedge_trust_unpublished{} 0')
})

it('isolates that were certified, by region, and how much of what may be revoked is', () => {
	const lines = keyExposition({ ...info, ...more, keys: [], purposes: [] }, [], NOW).split('\n')
	expect(lines.filter((line) => line !== '' && !line.startsWith('#'))).toEqual([
		'selvedge_trust_unpublished{} 1',
		'selvedge_delegations_total{region="enam"} 7',
		'selvedge_delegations_total{region="weur"} 0',
		'selvedge_delegations_refused_total{region="enam"} 2',
		'selvedge_delegations_refused_total{region="weur"} 1',
		'selvedge_delegation_last_timestamp_seconds{region="enam"} 1767225600',
		'selvedge_revocations_in_force{} 12',
		'selvedge_revocations_limit{} 100',
		'selvedge_revocations_refused_total{} 3',
	])
})
