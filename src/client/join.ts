/** Joining the mesh: a service shows what it has, and gets an identity that renews itself, a `fetch`, a place, and its callers' names. */
import { parseSpiffeId, workloadOf } from '../identity/spiffeId.ts'
import { type Address, addressOf, originsOf, readService, type Service } from './address.ts'
import { backoffMs } from './backoff.ts'
import { type CertificateOptions, createCertificates, type WorkloadCertificate } from './certificates.ts'
import { retimed, type Timed, timed } from './clock.ts'
import { type Credential, createKey, credentialOf, readCredential, writeCredential } from './credential.ts'
import { forWit, type JoinWith, ownGrant, type Source, sourceOf } from './joining.ts'
import { createKeeper } from './keeper.ts'
import { type KeptCertificate, type KeptCertificateOptions, keepCertificate } from './keptCertificate.ts'
import { asMeshError, type MeshError, meshError, quietly } from './meshError.ts'
import { createMeshFetch, type MeshFetch, type Proofs } from './meshFetch.ts'
import { createRegistration, type EndpointOptions, type Registration } from './registration.ts'
import { type Platform, runtimeOf } from './runtime.ts'
import { askForToken, type Grant, TOKEN_PATH } from './tokenEndpoint.ts'
import { createTokens } from './tokens.ts'
import { createVerifyCaller, type VerifierOptions, type VerifyCaller } from './verifier.ts'

/** Where an identity outlives the process, e.g. a file of mode 600. What is saved is a secret. */
export interface State {
	/** What was saved last, if anything. */
	readonly load: () => string | undefined | Promise<string | undefined>
	readonly save: (state: string) => void | Promise<void>
}

export interface JoinOptions extends JoinWith, Platform, Pick<VerifierOptions, 'issuer' | 'jwksUrl'> {
	/** The admin API: `https://admin.<mesh domain>`. */
	readonly mesh: string | URL
	/** The mesh domain, where the admin API has another name. */
	readonly domain?: string
	/** Who this is: `<namespace>/<name>`, or a name in `default`. A WorkloadTrust must say that it may join. */
	readonly service: string
	readonly state?: State
	/** Of the mesh, too, beside those below its domain: hosts of its Gateways. */
	readonly hosts?: readonly string[]
	/** By default `each`. */
	readonly proofs?: Proofs
	/** The origins by which this service is called; by default its mesh host's. */
	readonly audience?: string | readonly string[]
	/** For how long a mesh that does not answer is waited for: by default 30,000. */
	readonly joinTimeoutMs?: number
	/** What goes wrong in the background: a renewal, a heartbeat. Each is tried again. */
	readonly onError?: (error: MeshError) => void
}

export interface Membership {
	readonly spiffeId: string
	readonly fetch: MeshFetch
	/** A JWT-SVID for one audience, or up to eight. */
	readonly token: (audience: string | readonly string[]) => Promise<string>
	/** An X509-SVID of at most 24 hours. */
	readonly certificate: (options?: CertificateOptions) => Promise<WorkloadCertificate>
	/**
	 * An X509-SVID that renews itself at half of its life. For Node:
	 *
	 *     const server = createServer({ requestCert: true }, serve)
	 *     const onCertificate = ({ privateKey, chain, bundle }) =>
	 *       server.setSecureContext({ key: privateKey, cert: chain.join(''), ca: bundle.join('') })
	 *     await mesh.keepCertificate({ onCertificate })
	 *
	 * Connections that are open go on; each new one is met with the latest.
	 */
	readonly keepCertificate: (options?: KeptCertificateOptions) => Promise<KeptCertificate>
	/** Makes this process an endpoint of the service. */
	readonly register: (endpoint: EndpointOptions) => Promise<Registration>
	readonly verifyCaller: VerifyCaller
	/** Gives up its endpoints, and stops every timer. What is left of the identity ends by itself. */
	readonly close: (options?: { readonly drainMs?: number }) => Promise<void>
}

interface Joining {
	readonly runtime: Timed
	readonly address: Address
	readonly service: Service
	readonly source: Source
	readonly state: State | undefined
	readonly onError: (error: MeshError) => void
}

/** Rejects with a MeshError when the mesh refuses, or does not answer for `joinTimeoutMs`. */
export async function join(options: JoinOptions): Promise<Membership> {
	const address = addressOf(options.mesh, options.domain)
	const runtime = timed(runtimeOf(options), address.admin + TOKEN_PATH)
	const service = readService(options.service)
	const source = sourceOf(runtime, options, nameOf(service), address.admin + TOKEN_PATH)
	const { state, hosts = [], proofs = 'each' } = options
	const onError = quietly(options.onError)
	const joining: Joining = { runtime, address, service, source, state, onError }
	const first = (await restore(joining)) ?? (await joinPatiently(joining, options.joinTimeoutMs ?? JOIN_TIMEOUT_MS))
	const keeper = createKeeper({ runtime, what: 'the identity', onError, obtain: (held) => renew(joining, held) }, first)
	const send = createMeshFetch({ runtime, keeper, address, hosts, proofs })
	const audiences = options.audience === undefined ? originsOf(address, service) : [options.audience].flat()
	const ask = createCertificates(runtime, address, send)
	const registrations = new Set<Registration>()
	const certificates = new Set<KeptCertificate>()
	return {
		spiffeId: first.spiffeId,
		fetch: send,
		token: createTokens(runtime, keeper, address.admin + TOKEN_PATH, nameOf(service)),
		certificate: ask,
		async keepCertificate(asked = {}) {
			const kept = await keepCertificate({ runtime, ask, onError }, asked)
			certificates.add(kept)
			return kept
		},
		async register(endpoint) {
			const registration = await createRegistration({ runtime, address, service, send, onError }, endpoint)
			registrations.add(registration)
			return registration
		},
		verifyCaller: createVerifyCaller({ ...options, runtime, address, audiences, onError }),
		async close(closing) {
			await Promise.all(Array.from(registrations, (registration) => registration.close(closing)))
			for (const kept of certificates) kept.close()
			keeper.close()
		},
	}
}

const JOIN_TIMEOUT_MS = 30_000
const nameOf = ({ namespace, name }: Service): string => `${namespace}/${name}`

/** What an earlier process of this workload saved, if it still holds. */
async function restore({ runtime: { clock }, service, state, onError }: Joining): Promise<Credential | undefined> {
	try {
		const saved = await state?.load()
		const credential = saved === undefined ? undefined : await readCredential(saved)
		if (credential === undefined || !isOf(credential.spiffeId, service)) return undefined
		// Before a one-time token is looked for that has long been used: it may be the clock.
		if (clock.now() >= credential.expiresAt) await clock.ask()
		return clock.now() < credential.expiresAt ? credential : undefined
	} catch (error) {
		onError(asMeshError(error, 'loading the state'))
		return undefined
	}
}

async function joinPatiently(joining: Joining, patienceMs: number): Promise<Credential> {
	const { runtime, onError } = joining
	const deadline = runtime.now() + patienceMs
	for (let failures = 1; ; failures++) {
		try {
			return await retimed(runtime.clock, async () => obtain(joining, await joining.source.grant()))
		} catch (thrown) {
			const error = asMeshError(thrown, 'joining the mesh')
			const pauseMs = backoffMs(failures, error, runtime.random())
			if (error.code !== 'unreachable' || runtime.now() + pauseMs > deadline) throw error
			onError(error)
			await runtime.sleep(pauseMs)
		}
	}
}

/** With the identity that is held; when that is refused or over, as at first, if that can be done twice. */
async function renew(joining: Joining, held: Credential): Promise<Credential> {
	const { runtime, address, source } = joining
	const { clock } = runtime
	if (clock.now() < held.expiresAt) {
		const url = address.admin + TOKEN_PATH
		try {
			return await retimed(clock, async () => obtain(joining, await ownGrant(runtime, held, url)))
		} catch (thrown) {
			const error = asMeshError(thrown, 'renewing the identity')
			if (error.code !== 'refused' || !source.isLasting) throw error
		}
	}
	if (source.isLasting) return retimed(clock, async () => obtain(joining, await source.grant()))
	throw meshError(
		'expired',
		`${held.spiffeId} has expired, and its join token counted once: join with a new one, or give a function that gets one`,
	)
}

async function obtain(joining: Joining, grant: Grant): Promise<Credential> {
	const { runtime, address, service, state, onError } = joining
	const url = address.admin + TOKEN_PATH
	const key = await createKey(state !== undefined)
	const asked = await forWit(runtime, grant, { key, workload: nameOf(service), url })
	const { token: wit, ...issued } = await askForToken(runtime, url, asked)
	if (!isOf(issued.spiffeId, service))
		throw meshError('refused', `the mesh gave the identity ${issued.spiffeId}, which is not that of ${nameOf(service)}`)
	const credential = await credentialOf({ ...issued, wit }, key, runtime.random())
	try {
		await state?.save(await writeCredential(credential))
	} catch (error) {
		onError(asMeshError(error, 'saving the state'))
	}
	return credential
}

function isOf(spiffeId: string, { namespace, name }: Service): boolean {
	const id = parseSpiffeId(spiffeId)
	const workload = id && workloadOf(id, id.trustDomain)
	return workload?.namespace === namespace && workload.workload === name
}
