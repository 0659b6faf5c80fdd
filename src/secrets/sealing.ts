/**
 * Sealing: how the mesh keeps secrets, so that who reads its storage learns none.
 *
 * AES-256-GCM under keys that HKDF (RFC 5869) derives from the master key. The IV is synthetic: the first 96 bits of an HMAC
 * over what is sealed and what it is bound to (the idea of SIV, RFC 5297, and of AES-GCM-SIV, RFC 8452). Equal secrets of the
 * same entry therefore seal to equal text, so that applying a document again changes nothing; and an IV comes twice for
 * different secrets with a probability below 2^-32 in 2^32 of them, the bound of NIST SP 800-38D §8.3. What equality tells a
 * reader of the storage is that the same entry got the same value again, and a text's length is its value's: no more.
 */
import { fromBase64Url, toBase64Url } from '../base64url.ts'
import { err, ok, type Result } from '../result.ts'

interface SealingKey {
	/** 8 hex digits: which key sealed a text. Says nothing about the key. */
	readonly id: string
	readonly encryption: CryptoKey
	readonly synthesis: CryptoKey
}

/** Every key opens what it sealed; the first one seals. */
export interface Keyring {
	readonly sealing: SealingKey
	readonly byId: ReadonlyMap<string, SealingKey>
}

/** `unknown_key`: sealed with a master key that is not in the list. `altered`: not what was sealed, or not for this entry. */
export type OpenFailure = 'malformed' | 'unknown_key' | 'altered'

const MIN_CHARACTERS = 32
/** Two are needed while keys are rotated. */
const MAX_KEYS = 8
const IV_BYTES = 12
const SEALED = /^sealed:v1:([0-9a-f]{8}):([\w-]{16}):([\w-]{22,})$/

const encoder = new TextEncoder()

/** Keys from the text of `MASTER_KEY`: a comma-separated list. The error says what is wrong, and nothing of the keys. */
export async function createKeyring(masterKeys: string): Promise<Result<Keyring, string>> {
	const keys = masterKeys.split(',').map((key) => key.trim())
	const short = keys.findIndex((key) => key.length < MIN_CHARACTERS)
	if (short >= 0) {
		const which = keys.length === 1 ? 'the key' : `key ${short + 1} of ${keys.length}`
		return err(`${which} has ${keys[short]!.length} characters; it must have at least ${MIN_CHARACTERS}`)
	}
	if (keys.length > MAX_KEYS) return err(`there are ${keys.length} keys; there may be at most ${MAX_KEYS}`)
	const [sealing, ...others] = await Promise.all(keys.map(sealingKey))
	return ok({ sealing: sealing!, byId: new Map([sealing!, ...others].map((key) => [key.id, key])) })
}

async function sealingKey(masterKey: string): Promise<SealingKey> {
	const { subtle } = crypto
	const master = await subtle.importKey('raw', encoder.encode(masterKey), 'HKDF', false, ['deriveBits'])
	// No salt: the master key is random, and the same everywhere (RFC 5869 §3.1). `info` keeps the derived keys apart.
	const derived = (purpose: string) => {
		const info = encoder.encode(`selvedge sealing v1: ${purpose}`)
		return subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info }, master, 256)
	}
	const [encryption, synthesis, name] = await Promise.all(['encryption', 'synthetic IV', 'key id'].map(derived))
	const hmac = { name: 'HMAC', hash: 'SHA-256' }
	return {
		id: hex(await subtle.digest('SHA-256', name!)).slice(0, 8),
		encryption: await subtle.importKey('raw', encryption!, 'AES-GCM', false, ['encrypt', 'decrypt']),
		synthesis: await subtle.importKey('raw', synthesis!, hmac, false, ['sign']),
	}
}

/** Seals a text for one entry, a name such as `Secret/<namespace>/<name>/<key>`: it opens for no other. */
export async function seal({ sealing }: Keyring, entry: string, text: string): Promise<string> {
	const additionalData = encoder.encode(entry)
	const plain = encoder.encode(text)
	const iv = await syntheticIv(sealing, additionalData, plain)
	const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, sealing.encryption, plain)
	return `sealed:v1:${sealing.id}:${toBase64Url(iv)}:${toBase64Url(new Uint8Array(sealed))}`
}

/** The text that was sealed for this entry, if nobody altered it and its key is still in the list. */
export async function open(keyring: Keyring, entry: string, sealed: string): Promise<Result<string, OpenFailure>> {
	const [, id, ivText, cipherText] = SEALED.exec(sealed) ?? []
	const iv = fromBase64Url(ivText ?? '')
	const cipher = fromBase64Url(cipherText ?? '')
	if (id === undefined || iv === undefined || cipher === undefined) return err('malformed')
	const key = keyring.byId.get(id)
	if (key === undefined) return err('unknown_key')
	const algorithm = { name: 'AES-GCM', iv, additionalData: encoder.encode(entry) }
	try {
		return ok(
			new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
				await crypto.subtle.decrypt(algorithm, key.encryption, cipher),
			),
		)
	} catch {
		// An OperationError, whatever is wrong: GCM does not tell, and must not.
		return err('altered')
	}
}

/** Whether a text has the form of a sealed one. Whether it opens, only its key can tell. */
export const isSealed = (text: string): boolean => SEALED.test(text)

/** The length goes before: no other entry and text make the same input. */
async function syntheticIv(
	{ synthesis }: SealingKey,
	entry: Uint8Array,
	text: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
	const input = new Uint8Array(4 + entry.length + text.length)
	new DataView(input.buffer).setUint32(0, entry.length)
	input.set(entry, 4)
	input.set(text, 4 + entry.length)
	return new Uint8Array(await crypto.subtle.sign('HMAC', synthesis, input)).slice(0, IV_BYTES)
}

const hex = (bytes: ArrayBuffer): string =>
	Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('')
