/** X509-SVIDs in the name of a workload: for TLS between workloads that reach each other directly. */
import type { Address } from './address.ts'
import type { Timed } from './clock.ts'
import { ES256 } from './credential.ts'
import { createCsr, privateKeyPem } from './csr.ts'
import { asMeshError, meshError } from './meshError.ts'
import type { MeshFetch } from './meshFetch.ts'
import { within } from './runtime.ts'
import { PATIENCE_MS, parseObject, refusalOf } from './tokenEndpoint.ts'

export interface CertificateOptions {
	/** PKCS #10, PEM, for a P-256 key. By default a key is made here, for each certificate another one. */
	readonly csr?: string
	/** 300–86,400, by default 3,600, and at most what the WorkloadTrust allows. */
	readonly ttlSeconds?: number
}

/** All PEM. Another one is to be asked for before this one expires. */
export interface WorkloadCertificate {
	readonly spiffeId: string
	/** Of the key that was made here. A secret. */
	readonly privateKey?: string
	/** The leaf, then what leads to a root. */
	readonly chain: readonly string[]
	/** The roots to verify peers with. */
	readonly bundle: readonly string[]
	/** Lower-case hex. */
	readonly serialNumber: string
	/** When it was asked for, by the mesh's clock: ms since the epoch. */
	readonly issuedAt: number
	readonly expiresAt: number
}

export type AskForCertificate = (options?: CertificateOptions) => Promise<WorkloadCertificate>

export const createCertificates =
	(runtime: Timed, { admin }: Address, send: MeshFetch): AskForCertificate =>
	async ({ csr, ttlSeconds } = {}) => {
		const pair =
			csr === undefined
				? ((await crypto.subtle.generateKey(ES256, true, ['sign', 'verify'])) as CryptoKeyPair)
				: undefined
		const body = JSON.stringify({ csr: csr ?? (await createCsr(pair!)), ttlSeconds })
		const askedAt = runtime.now()
		const issued = await ask(runtime, `${admin}/v1/identity/certificates`, send, body)
		const { spiffeId, serialNumber, expiresIn, bundle } = issued as unknown as Issued
		// The clock may have been corrected while it was asked for.
		const issuedAt = askedAt + runtime.clock.aheadMs()
		return {
			spiffeId,
			...(pair === undefined ? {} : { privateKey: await privateKeyPem(pair.privateKey) }),
			chain: chainOf(issued as unknown as Issued),
			bundle,
			serialNumber,
			issuedAt,
			expiresAt: issuedAt + expiresIn * 1_000,
		}
	}

interface Issued {
	readonly spiffeId: string
	readonly certificate: string
	readonly chain: readonly string[]
	readonly bundle: readonly string[]
	readonly serialNumber: string
	readonly expiresIn: number
}

/** With the leaf in front, whether or not the reply has it there. */
const chainOf = ({ certificate, chain }: Issued): readonly string[] =>
	chain[0] === certificate ? chain : [certificate, ...chain]

async function ask(runtime: Timed, url: string, send: MeshFetch, body: string) {
	try {
		return await within(runtime, PATIENCE_MS, async (signal) => {
			const headers = { 'content-type': 'application/json' }
			const response = await send(url, { method: 'POST', headers, body, signal })
			const reply = parseObject(await response.text())
			if (!response.ok) throw refusalOf(response, reply, runtime.now())
			const { certificate, chain, bundle, expiresIn } = reply
			if (typeof certificate === 'string' && Array.isArray(chain) && Array.isArray(bundle) && Number(expiresIn) > 0)
				return reply
			throw meshError('unreachable', `${url} answered something else than a certificate`)
		})
	} catch (error) {
		throw asMeshError(error, url)
	}
}
