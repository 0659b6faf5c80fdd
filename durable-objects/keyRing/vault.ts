/** Private keys: made, sealed where they lie, and open only in this object's memory, where nobody can take them out. */
import { importPublicKey, thumbprint } from '../../src/identity/publicKey.ts'
import { err, ok, type Result } from '../../src/result.ts'
import { createKeyring, type Keyring, open, seal } from '../../src/secrets/sealing.ts'
import type { PublicJwk } from '../../src/snapshot/trust.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' }

/** A pair that is not stored yet. */
export interface NewPair {
	/** RFC 7638 thumbprint. */
	readonly kid: string
	readonly jwk: PublicJwk
	/** The private key as it may be stored. */
	readonly sealed: string
	readonly keys: CryptoKeyPair
}

/** Errors are sentences that say what to set, for whoever runs the mesh. */
export interface Vault {
	createPair(): Promise<Result<NewPair, string>>
	/** The private key of a key that is stored. It cannot be exported. */
	signingKey(kid: string): Promise<Result<CryptoKey, string>>
	/** Seals anew whatever lies under another master key than the first, and answers how many that were. */
	reseal(): Promise<Result<number, string>>
	/** Ids of the master keys that private keys lie under. */
	sealedUnder(): readonly string[]
}

const NO_MASTER_KEY =
	'the admin Worker has no MASTER_KEY, under which signing keys are kept: set this secret to at least 32 random characters (`wrangler secret put MASTER_KEY`)'

const WHY = {
	malformed: 'it is not sealed',
	unknown_key: 'the MASTER_KEY that sealed it is not in the list any more: add it behind the first one',
	altered: 'it was altered',
}

const entryOf = (kid: string): string => `KeyRing/${kid}`

export function createVault(sql: SqlStorage, masterKey: string | undefined): Vault {
	const keyring = openKeyring(masterKey)
	const opened = new Map<string, CryptoKey>()

	async function signingKey(kid: string): Promise<Result<CryptoKey, string>> {
		const known = opened.get(kid)
		if (known !== undefined) return ok(known)
		const jwk = await openPrivate(await keyring, sql, kid)
		if (!jwk.ok) return jwk
		const key = await crypto.subtle.importKey('jwk', JSON.parse(jwk.value), ALGORITHM, false, ['sign'])
		for (const old of opened.keys()) if (sealedOf(sql, old) === undefined) opened.delete(old)
		opened.set(kid, key)
		return ok(key)
	}

	async function reseal(): Promise<Result<number, string>> {
		const ring = await keyring
		if (!ring.ok) return ring
		let count = 0
		for (const { kid, sealed } of sql.exec<Sealed>('SELECT kid, sealed FROM private_keys ORDER BY kid').toArray()) {
			if (masterKeyOf(sealed) === ring.value.sealing.id) continue
			const jwk = await openPrivate(ring, sql, kid)
			if (!jwk.ok) return jwk
			const text = await seal(ring.value, entryOf(kid), jwk.value)
			// Unless the key was destroyed meanwhile.
			sql.exec('UPDATE private_keys SET sealed = ? WHERE kid = ? AND sealed = ?', text, kid, sealed)
			count++
		}
		return ok(count)
	}

	return {
		createPair: async () => {
			const ring = await keyring
			return ring.ok ? ok(await newPair(ring.value)) : ring
		},
		signingKey,
		reseal,
		sealedUnder: () => [
			...new Set(Array.from(sql.exec<Sealed>('SELECT * FROM private_keys'), ({ sealed }) => masterKeyOf(sealed))),
		],
	}
}

type Sealed = { kid: string; sealed: string }

const sealedOf = (sql: SqlStorage, kid: string): string | undefined =>
	sql.exec<Sealed>('SELECT kid, sealed FROM private_keys WHERE kid = ?', kid).toArray()[0]?.sealed

/** `sealed:v1:<id>:…` */
const masterKeyOf = (sealed: string): string => sealed.split(':')[2] ?? ''

async function openKeyring(masterKey: string | undefined): Promise<Result<Keyring, string>> {
	if (masterKey === undefined || masterKey === '') return err(NO_MASTER_KEY)
	const made = await createKeyring(masterKey)
	return made.ok ? made : err(`MASTER_KEY cannot be used: ${made.error}`)
}

async function openPrivate(
	keyring: Result<Keyring, string>,
	sql: SqlStorage,
	kid: string,
): Promise<Result<string, string>> {
	if (!keyring.ok) return keyring
	const sealed = sealedOf(sql, kid)
	if (sealed === undefined) return err(`the private key of ${kid} is gone`)
	const jwk = await open(keyring.value, entryOf(kid), sealed)
	return jwk.ok ? jwk : err(`the private key of ${kid} cannot be opened: ${WHY[jwk.error]}`)
}

/** The one moment at which a private key can be exported is that of its birth. */
async function newPair(keyring: Keyring): Promise<NewPair> {
	const { subtle } = crypto
	const born = (await subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as CryptoKeyPair
	const { kty, crv, x, y, d } = (await subtle.exportKey('jwk', born.privateKey)) as JsonWebKey
	const jwk = { kty: kty as 'EC', crv: crv!, x: x!, y: y!, alg: 'ES256' }
	const kid = await thumbprint(jwk)
	const sealed = await seal(keyring, entryOf(kid), JSON.stringify({ kty, crv, x, y, d }))
	const privateKey = await subtle.importKey('jwk', { kty, crv, x, y, d } as JsonWebKey, ALGORITHM, false, ['sign'])
	const publicKey = await importPublicKey(jwk)
	if (!publicKey.ok) throw new Error(publicKey.error)
	return { kid, jwk, sealed, keys: { privateKey, publicKey: publicKey.value } }
}
