/** The KeyRing as tests reach it: with a master key, a link to the PolicyStore that can fail, and what strangers would send. */
import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import type { KeyRing } from '../../durable-objects/keyRing/keyRing.ts'
import { derOf } from '../../src/certificates/pem.ts'
import { verifyCertificate } from '../../src/identity/certificate.ts'
import { compileTrust, type TrustStore } from '../../src/identity/trustStore.ts'
import { verifyWit } from '../../src/identity/wit.ts'
import type { IssuedCertificate, JoinEvidence, KeyRingPort, PolicyStorePort, WorkloadName } from '../../src/ports.ts'
import type { PublicJwk, Trust } from '../../src/snapshot/trust.ts'
import { csrFor } from './csr.ts'
import { documents, root } from './meshObjects.ts'

export const MASTER_KEY = 'the-first-master-key-of-32-characters'
export const ORDERS: WorkloadName = { namespace: 'default', workload: 'orders' }
export const ORDERS_ID = 'spiffe://mesh.localhost/ns/default/sa/orders'
export const EVIDENCE: JoinEvidence = {
	method: 'joinToken',
	trust: 'default/orders',
	subject: 'a join token',
	clientAddress: '192.0.2.1',
}

const { KEY_RING } = env as unknown as { KEY_RING: DurableObjectNamespace<KeyRing> }
export const keyRingStub = () => KEY_RING.getByName('mesh')
/** The class declares that it is the port; RPC types cannot say so. */
export const keyRing = () => keyRingStub() as unknown as KeyRingPort

export const inKeyRing = <T>(work: (storage: DurableObjectStorage) => T | Promise<T>): Promise<T> =>
	runInDurableObject(keyRingStub(), (_: KeyRing, { storage }) => work(storage)) as Promise<T>

export interface RootLink {
	/** The call is lost, or only its answer. */
	failing: 'before' | 'after' | undefined
	/** Versions that were sent. */
	readonly sent: number[]
}

/** What the object has of its environment; lost with its memory. */
export async function equip(link: RootLink, masterKey: string | undefined = MASTER_KEY): Promise<void> {
	const store: Pick<PolicyStorePort, 'get' | 'putTrust' | 'trustVersion'> = {
		get: async (...key) => (await reach(link)).get(...key),
		trustVersion: async () => (await reach(link)).trustVersion(),
		putTrust: async (version: number, trust: Trust) => {
			link.sent.push(version)
			await (await reach(link)).putTrust(version, trust)
			if (link.failing === 'after') throw new Error('the answer of the root is lost')
		},
	}
	await runInDurableObject(keyRingStub(), (instance: KeyRing) => {
		Object.assign(instance, { env: { ...env, MASTER_KEY: masterKey, POLICY_STORE: { getByName: () => store } } })
	})
}

async function reach(link: RootLink): Promise<PolicyStorePort> {
	if (link.failing === 'before') throw new Error('the root is unreachable')
	return root()
}

export async function restart(link: RootLink, masterKey?: string): Promise<void> {
	await inKeyRing(() => {})
	await evictDurableObject(keyRingStub())
	await equip(link, masterKey)
}

/** The Mesh's settings, as operators write them. */
export const keySettings = (rotationInterval: string, publicationLead: string) =>
	documents({
		apiVersion: 'selvedge.dev/v1',
		kind: 'Mesh',
		metadata: { name: 'default' },
		spec: { keys: { rotationInterval, publicationLead } },
	})

/** What every isolate believes now. */
export const trustNow = async (): Promise<Trust> => (await keyRing().published()).trust
export const storeNow = async (): Promise<TrustStore> => compileTrust(await trustNow())

export async function workloadKey(): Promise<{ jwk: PublicJwk; keys: CryptoKeyPair }> {
	const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
	const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
	const { x, y } = (await crypto.subtle.exportKey('jwk', keys.publicKey)) as JsonWebKey
	return { keys, jwk: { kty: 'EC', crv: 'P-256', alg: 'ES256', x: x!, y: y! } }
}

/** The value of a Result that must have one. */
export function granted<T>(result: { ok: true; value: T } | { ok: false; error: unknown }): T {
	if (!result.ok) throw new Error(JSON.stringify(result.error))
	return result.value
}

/** Asks for a WIT for a day, for a new key unless one is given. */
export const askForWit = async (jwk?: PublicJwk) =>
	keyRing().issueWit({
		workload: ORDERS,
		jwk: jwk ?? (await workloadKey()).jwk,
		ttlSeconds: 86_400,
		evidence: EVIDENCE,
	})

/** Asks for a certificate for a day. */
export const askForCertificate = async (keys?: CryptoKeyPair) =>
	keyRing().issueCertificate({
		workload: ORDERS,
		csr: await csrFor(ORDERS_ID, keys),
		ttlSeconds: 86_400,
		evidence: EVIDENCE,
	})

/** What the data plane says of a WIT now. */
export async function verdict(token: string): Promise<string> {
	const verified = await verifyWit(await storeNow(), token, Date.now())
	return verified.ok ? 'good' : verified.error.code
}

/** What the data plane says of a client certificate now. */
export async function edgeVerdict({ chain }: IssuedCertificate): Promise<string> {
	const verified = await verifyCertificate(await storeNow(), derOf(chain[0]!), Date.now())
	return verified.ok ? 'good' : verified.error.code
}
