/** The isolate's own key, with which it signs what it tells services, and the ring's word for it. */
import { parseJws } from '../../identity/jws.ts'
import type { PublicJwk } from '../../snapshot/trust.ts'
import type { Knowledge } from '../knowledge/knowledge.ts'
import type { Trusted } from '../knowledge/trusting.ts'
import type { ProxyPorts, Scope } from '../ports.ts'

export interface Signer {
	readonly key: CryptoKey
	readonly delegation: string
	/** Of the ring's key that signed the delegation. */
	readonly keyId: string
	readonly issuer: string
	/** ms since the epoch. */
	readonly expiresAt: number
	/** From then on another delegation is asked for, beside the path. */
	readonly renewAt: number
}

export interface Signing {
	/** Made when it is first needed; it cannot leave the isolate. */
	pair: CryptoKeyPair | undefined
	signer: Signer | undefined
	/** What the signer's key was last looked for in. */
	checkedWith: Trusted | undefined
	asking: Promise<void> | undefined
	askedAt: number
	/** Whether the ring answered, in the time that requests wait for it. */
	reachable: boolean
}

/** What a request waits for the first delegation at most. */
const PATIENCE_MS = 1_000
const ASK_AGAIN_MS = 1_000
/** Asking for longer belonged to a request that was cancelled. */
const STUCK_AFTER_MS = 10_000

export const createSigning = (): Signing => ({
	pair: undefined,
	signer: undefined,
	checkedWith: undefined,
	asking: undefined,
	askedAt: Number.NEGATIVE_INFINITY,
	reachable: true,
})

/**
 * The signer, if its delegation holds. A new one is asked for beside the path, and waited for only where there is none; nobody waits
 * while the ring does not answer. Undefined: it cannot be had.
 */
export function signerFor(
	signing: Signing,
	knowledge: Knowledge,
	ports: Pick<ProxyPorts, 'delegate'>,
	now: number,
	scope: Scope,
): Signer | undefined | Promise<Signer | undefined> {
	dropRevoked(signing, knowledge.table.trust)
	const { signer } = signing
	const holds = signer !== undefined && now < signer.expiresAt
	if (!holds || now >= signer.renewAt) ask(signing, knowledge, ports, now, scope)
	if (holds) return signer
	const { asking } = signing
	return asking === undefined || !signing.reachable ? undefined : askedInTime(signing, knowledge, asking)
}

/** The ring's key was compromised: nobody believes what it signed any more. */
function dropRevoked(signing: Signing, trusted: Trusted | undefined): void {
	const { signer, checkedWith } = signing
	if (checkedWith === trusted) return
	signing.checkedWith = trusted
	if (signer === undefined || trusted === undefined) return
	const { bundles, trustDomain } = trusted.store
	if (bundles.get(trustDomain)?.keys.has(`delegation ${signer.keyId}`)) return
	signing.signer = undefined
	signing.askedAt = Number.NEGATIVE_INFINITY
}

function ask(
	signing: Signing,
	knowledge: Knowledge,
	ports: Pick<ProxyPorts, 'delegate'>,
	now: number,
	scope: Scope,
): void {
	const elapsed = now - signing.askedAt
	if (elapsed < (signing.asking === undefined ? ASK_AGAIN_MS : STUCK_AFTER_MS)) return
	signing.askedAt = now
	const asking = renew(signing, ports, now)
		.then((signer) => {
			signing.signer = signer
			signing.reachable = true
		})
		.catch(() => {
			signing.reachable = false
			knowledge.syncFailures++
		})
		.finally(() => {
			if (signing.asking === asking) signing.asking = undefined
		})
	signing.asking = asking
	scope.waitUntil(asking)
}

async function renew(signing: Signing, { delegate }: Pick<ProxyPorts, 'delegate'>, now: number): Promise<Signer> {
	signing.pair ??= await newPair()
	const { privateKey, publicKey } = signing.pair
	const { x, y } = (await crypto.subtle.exportKey('jwk', publicKey)) as { x: string; y: string }
	const jwk: PublicJwk = { kty: 'EC', alg: 'ES256', crv: 'P-256', x, y }
	const { token, issuer, expiresAt } = await delegate(jwk)
	const parsed = parseJws(token)
	const keyId = parsed.ok ? parsed.value.header.kid : undefined
	if (keyId === undefined) throw new Error('a delegation without the id of its key')
	return { key: privateKey, delegation: token, keyId, issuer, expiresAt, renewAt: now + (expiresAt - now) / 2 }
}

const newPair = async (): Promise<CryptoKeyPair> =>
	(await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify'])) as CryptoKeyPair

/** One wait in vain is enough, as for syncs. What another request asked for may never come: it may have been cancelled. */
async function askedInTime(
	signing: Signing,
	{ controlPlane }: Knowledge,
	asking: Promise<void>,
): Promise<Signer | undefined> {
	const late = controlPlane.patience(PATIENCE_MS).then(() => {
		if (signing.asking === asking) signing.reachable = false
	})
	await Promise.race([asking, late])
	return signing.signer
}
