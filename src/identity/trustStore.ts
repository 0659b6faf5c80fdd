/** `trust` in the form in which proofs are checked: keys by trust domain, use and id, each imported when it is first used. */
import type { KeyUse, PublicJwk, Trust, TrustBundle } from '../snapshot/trust.ts'
import { importPublicKey } from './publicKey.ts'

/** The imported key is kept, never the promise of one: a promise belongs to the request that made it. */
interface KeySlot {
	/** Undefined: several keys go by this name, and none is believed. */
	readonly jwk: PublicJwk | undefined
	imported: CryptoKey | 'unusable' | undefined
}

interface Bundle {
	/** By `<use> <kid>`. */
	readonly keys: ReadonlyMap<string, KeySlot>
	/** By subject key identifier. */
	readonly authorities: ReadonlyMap<string, KeySlot>
}

export interface TrustStore {
	/** Ours. */
	readonly trustDomain: string
	/** `iss` of JWT-SVIDs and caller assertions. */
	readonly issuer: string
	readonly bundles: ReadonlyMap<string, Bundle>
	readonly revoked: {
		readonly workloads: ReadonlyMap<string, number>
		readonly tokens: ReadonlySet<string>
		readonly keys: ReadonlySet<string>
		readonly certificates: ReadonlySet<string>
	}
}

/** A bundle for our own trust domain among the federated ones is not looked at; of two for the same one, the first counts. */
export function compileTrust(trust: Trust): TrustStore {
	const { workloads, tokens, keys, certificates } = trust.revocations
	const bundles = new Map<string, Bundle>()
	for (const bundle of [trust, ...trust.federated])
		if (!bundles.has(bundle.trustDomain)) bundles.set(bundle.trustDomain, compileBundle(bundle))
	return {
		trustDomain: trust.trustDomain,
		issuer: trust.issuer,
		bundles,
		revoked: {
			workloads: new Map(Object.entries(workloads)),
			tokens: new Set(tokens),
			keys: new Set(keys),
			certificates: new Set(certificates),
		},
	}
}

const compileBundle = ({ keys, authorities }: TrustBundle): Bundle => ({
	keys: slots(keys.map(({ use, kid, jwk }) => [`${use} ${kid}`, jwk])),
	authorities: slots(authorities.map(({ keyId, jwk }) => [keyId, jwk])),
})

function slots(named: readonly (readonly [string, PublicJwk])[]): Map<string, KeySlot> {
	const byName = new Map<string, KeySlot>()
	for (const [name, jwk] of named) {
		const other = byName.get(name)
		const isSame = other === undefined || JSON.stringify(other.jwk) === JSON.stringify(jwk)
		byName.set(name, { jwk: isSame ? jwk : undefined, imported: undefined })
	}
	return byName
}

export type KeyFault = 'unknown_trust_domain' | 'unknown_key' | 'unusable_key'

/** The key of that use and id of the trust domain, and of no other. */
export const keyOf = (
	trust: TrustStore,
	trustDomain: string,
	use: KeyUse,
	kid: string,
): CryptoKey | KeyFault | Promise<CryptoKey | KeyFault> => {
	const bundle = trust.bundles.get(trustDomain)
	return bundle === undefined ? 'unknown_trust_domain' : imported(bundle.keys.get(`${use} ${kid}`))
}

/** The key of a certificate authority of ours: certificates of other trust domains are not taken. */
export const authorityOf = (trust: TrustStore, keyId: string): CryptoKey | KeyFault | Promise<CryptoKey | KeyFault> =>
	imported(trust.bundles.get(trust.trustDomain)?.authorities.get(keyId))

function imported(slot: KeySlot | undefined): CryptoKey | KeyFault | Promise<CryptoKey | KeyFault> {
	if (slot === undefined) return 'unknown_key'
	if (slot.imported === 'unusable') return 'unusable_key'
	return slot.imported ?? importNow(slot)
}

async function importNow(slot: KeySlot): Promise<CryptoKey | KeyFault> {
	const result = slot.jwk && (await importPublicKey(slot.jwk))
	slot.imported = result?.ok ? result.value : 'unusable'
	return slot.imported === 'unusable' ? 'unusable_key' : slot.imported
}
