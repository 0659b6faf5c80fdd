/** A certificate that renews itself: another one, for another key, takes its place at half of its life. */
import type { AskForCertificate, CertificateOptions, WorkloadCertificate } from './certificates.ts'
import type { Timed } from './clock.ts'
import { createKeeper, type Expiring } from './keeper.ts'
import type { MeshError } from './meshError.ts'

export interface KeptCertificateOptions extends CertificateOptions {
	/**
	 * Given the first one, and then each that takes the place of another, which still holds for as long as it has lasted. What it throws is
	 * told to `onError`, and it is given the same one again.
	 */
	readonly onCertificate?: (certificate: WorkloadCertificate) => void | Promise<void>
}

export interface KeptCertificate {
	/** One that holds. Rejects with a MeshError when there is none to be had. */
	readonly current: () => Promise<WorkloadCertificate>
	/** It is not renewed any more. The membership's own `close` does this, too. */
	readonly close: () => void
}

interface KeepingCertificate {
	readonly runtime: Timed
	readonly ask: AskForCertificate
	readonly onError: (error: MeshError) => void
}

interface Held extends Expiring {
	readonly certificate: WorkloadCertificate
}

/** At half of its life, less up to a tenth. Connections may outlive what opened them, and a mesh that is down has the other half. */
const RENEW_AFTER = 0.5
const JITTER = 0.1

/** Rejects with a MeshError when the mesh refuses the first one, or does not answer; or with what `onCertificate` threw then. */
export async function keepCertificate(
	{ runtime, ask, onError }: KeepingCertificate,
	{ onCertificate, ...asked }: KeptCertificateOptions,
): Promise<KeptCertificate> {
	/** What the callback failed for: given to it again while it is young, rather than another one issued at each try. */
	let untaken: Held | undefined
	const obtain = async (): Promise<Held> => {
		const isYoung = untaken !== undefined && runtime.clock.now() < untaken.renewAt
		const held = isYoung ? untaken! : heldOf(await ask(asked), runtime.random())
		untaken = held
		await onCertificate?.(held.certificate)
		untaken = undefined
		return held
	}
	const keeper = createKeeper({ runtime, what: 'the certificate', obtain, onError }, await obtain())
	return { current: async () => (await keeper.current()).certificate, close: keeper.close }
}

function heldOf(certificate: WorkloadCertificate, random: number): Held {
	const { issuedAt, expiresAt } = certificate
	return { certificate, expiresAt, renewAt: issuedAt + (expiresAt - issuedAt) * (RENEW_AFTER - JITTER * random) }
}
