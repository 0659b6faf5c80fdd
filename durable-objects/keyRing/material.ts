/** What a transition needs that takes time: pairs and certificates, made before its transaction. */
import { type Authority, activeKey, PURPOSES, pendingKey, type Ring, type RingKey } from '../../src/keys/ring.ts'
import type { Material } from '../../src/keys/transitions.ts'
import type { KeyPurpose } from '../../src/ports.ts'
import { err, ok, type Result } from '../../src/result.ts'
import { certified, crossCertified, type Names, type Root, rootAuthority, standbyAuthority } from './certificates.ts'
import type { NewPair, Vault } from './vault.ts'

export interface Workshop {
	readonly vault: Vault
	readonly names: Names
	/** ms since the epoch. */
	readonly now: number
}

/** `sealed`: private keys to store, by kid. */
export interface Made<T> {
	readonly materials: T
	readonly sealed: ReadonlyMap<string, string>
}

interface NewKey {
	readonly key: RingKey
	readonly pair: NewPair
}

async function newKey({ vault, names, now }: Workshop, purpose: KeyPurpose): Promise<Result<NewKey, string>> {
	const pair = await vault.createPair()
	if (!pair.ok) return pair
	const { kid, jwk, keys } = pair.value
	const authority =
		purpose === 'x509-root'
			? await rootAuthority(names.trustDomain, keys, now)
			: purpose === 'x509-intermediate' && (await standbyAuthority(keys.publicKey))
	const key: RingKey = { kid, purpose, state: 'pending', jwk, createdAt: now, ...(authority && { authority }) }
	return ok({ key, pair: pair.value })
}

const sealedOf = (...keys: readonly (NewKey | undefined)[]): Map<string, string> =>
	new Map(keys.flatMap((each) => (each === undefined ? [] : [[each.key.kid, each.pair.sealed]])))

const rootOf = ({ key, pair }: NewKey): Root => ({
	kid: key.kid,
	authority: key.authority!,
	privateKey: pair.keys.privateKey,
})

/** Two keys for each purpose: the one that signs, and the standby. */
export async function makeFirst(workshop: Workshop): Promise<Result<Made<readonly Material[]>, string>> {
	const materials: Material[] = []
	const sealed = new Map<string, string>()
	let root: Root | undefined
	for (const purpose of PURPOSES) {
		const [first, standby] = [await newKey(workshop, purpose), await newKey(workshop, purpose)]
		if (!first.ok) return first
		if (!standby.ok) return standby
		if (purpose === 'x509-root') root = rootOf(first.value)
		const authority = await authorityOf(workshop, first.value.key, root!)
		materials.push({ standby: standby.value.key, successor: { ...first.value.key, ...(authority && { authority }) } })
		for (const [kid, text] of sealedOf(first.value, standby.value)) sealed.set(kid, text)
	}
	return ok({ materials, sealed })
}

/** Of a key that takes over. */
const authorityOf = async ({ names, now }: Workshop, key: RingKey, root: Root): Promise<Authority | undefined> =>
	key.purpose === 'x509-intermediate' ? certified(names, key, root, now) : key.authority

/** For a rotation in good order. */
export async function makeNext(
	workshop: Workshop,
	ring: Ring,
	purpose: KeyPurpose,
): Promise<Result<Made<Material>, string>> {
	const standby = await newKey(workshop, purpose)
	if (!standby.ok) return standby
	const next = await workshop.vault.signingKey(pendingKey(ring, purpose)!.kid)
	if (!next.ok) return next
	const authorities = await renewed(workshop, ring, purpose, next.value)
	if (!authorities.ok) return authorities
	const material = { standby: standby.value.key, certified: authorities.value }
	return ok({ materials: material, sealed: sealedOf(standby.value) })
}

/** Certificates that change when the standby takes over. */
async function renewed(
	{ vault, names, now }: Workshop,
	ring: Ring,
	purpose: KeyPurpose,
	nextKey: CryptoKey,
): Promise<Result<Record<string, Authority>, string>> {
	if (purpose !== 'x509-root' && purpose !== 'x509-intermediate') return ok({})
	const before = await activeRoot(vault, ring)
	if (!before.ok) return before
	const next = pendingKey(ring, purpose)!
	if (purpose === 'x509-intermediate') return ok({ [next.kid]: await certified(names, next, before.value, now) })
	const root: Root = { kid: next.kid, authority: next.authority!, privateKey: nextKey }
	const intermediate = activeKey(ring, 'x509-intermediate')!
	return ok({
		[next.kid]: await crossCertified(names, root.authority, before.value, now),
		// The same key, below the new root from now on: leaves of before and after verify by the same authority.
		[intermediate.kid]: await certified(names, intermediate, root, now),
	})
}

async function activeRoot(vault: Vault, ring: Ring): Promise<Result<Root, string>> {
	const { kid, authority } = activeKey(ring, 'x509-root')!
	const privateKey = await vault.signingKey(kid)
	return privateKey.ok ? ok({ kid, authority: authority!, privateKey: privateKey.value }) : privateKey
}

/** For a rotation because the active key is not to be trusted. A standby that nobody can open gives way to a new key. */
export async function makeSubstitute(
	workshop: Workshop,
	ring: Ring,
	purpose: KeyPurpose,
	newRoot?: Root,
): Promise<Result<Made<Material> & { readonly root?: Root }, string>> {
	const standby = await newKey(workshop, purpose)
	if (!standby.ok) return standby
	const pending = pendingKey(ring, purpose)!
	const opened = await workshop.vault.signingKey(pending.kid)
	const fresh = opened.ok ? undefined : await newKey(workshop, purpose)
	if (fresh?.ok === false) return fresh
	const next = fresh === undefined ? pending : fresh.value.key
	const sealed = sealedOf(standby.value, fresh?.value)
	if (purpose === 'x509-root') {
		const privateKey = fresh === undefined ? opened : ok(fresh.value.pair.keys.privateKey)
		if (!privateKey.ok) return privateKey
		const root: Root = { kid: next.kid, authority: next.authority!, privateKey: privateKey.value }
		return ok({ materials: materialOf(standby.value, next, fresh), sealed, root })
	}
	if (purpose !== 'x509-intermediate') return ok({ materials: materialOf(standby.value, next, fresh), sealed })
	const root = newRoot === undefined ? await activeRoot(workshop.vault, ring) : ok(newRoot)
	if (!root.ok) return err(`${root.error}. Rotate x509-root as compromised too`)
	const authority = await certified(workshop.names, next, root.value, workshop.now)
	return ok({ materials: materialOf(standby.value, { ...next, authority }, fresh), sealed })
}

const materialOf = (standby: NewKey, next: RingKey, fresh: unknown): Material => ({
	standby: standby.key,
	...(fresh === undefined ? {} : { successor: next }),
	...(next.authority === undefined ? {} : { certified: { [next.kid]: next.authority } }),
})
