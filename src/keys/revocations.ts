/** What revocations say to the data plane, and for how long. Times are in ms since the epoch. */
import type { RevocationTarget } from '../ports/keyRing.ts'
import type { Revocations } from '../snapshot/trust.ts'

/** Nothing that the mesh issues to a workload lasts longer. */
export const MAX_TTL_SECONDS = 86_400
/** What a revocation speaks of has expired after the longest life there is, however much clocks differ. */
const REVOCATION_MS = MAX_TTL_SECONDS * 1_000 + 300_000

/** When nothing is left that a revocation could refuse. That a workload is issued nothing has no end of its own. */
export const refusesUntil = (revokedAt: number): number => revokedAt + REVOCATION_MS

interface RevocationEntry {
	readonly target: RevocationTarget
	readonly revokedAt: number
}

/** `spiffeId` names a workload. In the order given, so that equal revocations make equal documents. */
export function revocationsAt(
	entries: readonly RevocationEntry[],
	spiffeId: (namespace: string, workload: string) => string,
	now: number,
): Revocations {
	const workloads: Record<string, number> = {}
	const tokens: string[] = []
	const keys: string[] = []
	const certificates: string[] = []
	for (const { target, revokedAt } of entries) {
		if (refusesUntil(revokedAt) <= now) continue
		if (target.kind === 'token') tokens.push(target.jti)
		else if (target.kind === 'key') keys.push(target.thumbprint)
		else if (target.kind === 'certificate') certificates.push(target.serialNumber)
		else {
			const id = spiffeId(target.workload.namespace, target.workload.workload)
			workloads[id] = Math.max(workloads[id] ?? 0, revokedAt)
		}
	}
	return { workloads, tokens, keys, certificates }
}

/**
 * What a token says of when it was issued, in whole seconds since the epoch. A workload that may join again must not get one that
 * its revocation, of the same second, would refuse: it says the next second then, which verifiers allow for.
 */
export const issuedAtSeconds = (now: number, revokedAt: number | undefined): number =>
	Math.max(Math.floor(now / 1000), revokedAt === undefined ? 0 : Math.floor(revokedAt / 1000) + 1)
