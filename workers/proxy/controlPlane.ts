/** The region's replica and the mesh's key ring as the data path sees them: every call bounded in time. */
import type { Delegation, IssuerSource, KeyRingPort, SnapshotReplicaPort } from '../../src/ports.ts'
import type { ControlPlane } from '../../src/proxy/ports.ts'
import type { IssuerKeys, PublicJwk } from '../../src/snapshot/trust.ts'

/** Who waits for the key of a token waits for no longer. */
const ISSUER_TIMEOUT_MS = 2_000
/** A replica is near, and nobody waits for the ring; who takes longer is as good as gone. */
const TIMEOUT_MS = 5_000

/** `replica` makes a new stub for each call: stubs belong to one request, and break with an infrastructure error. */
export function controlPlane(replica: () => SnapshotReplicaPort, region: string): ControlPlane {
	return {
		sync: (cursor) => inTime(replica().sync(region, cursor)),
		load: (request) => inTime(replica().load(region, request)),
		patience: (ms) => scheduler.wait(ms),
	}
}

/** Rejects, too, when the ring will not. */
export async function delegate(
	ring: Pick<KeyRingPort, 'delegate'>,
	isolate: string,
	region: string,
	jwk: PublicJwk,
): Promise<Delegation> {
	const answer = await inTime(ring.delegate(isolate, region, jwk))
	if (!answer.ok) throw new Error(`the key ring certifies no isolate: ${answer.error.reason}`)
	return answer.value
}

/** The stub's answer is a plain copy: nothing of the call is held once it is here. */
export const issuerKeys = (
	ring: Pick<KeyRingPort, 'issuerKeys'>,
	source: IssuerSource,
	kid: string | undefined,
): Promise<IssuerKeys | null> => inTime(ring.issuerKeys(source, kid), ISSUER_TIMEOUT_MS)

async function inTime<T>(answer: Promise<T>, timeoutMs = TIMEOUT_MS): Promise<T> {
	const cancelled = new AbortController()
	const late = scheduler.wait(timeoutMs, { signal: cancelled.signal }).then(() => {
		throw new Error(`the control plane did not answer within ${timeoutMs} ms`)
	})
	// Cancelling the timer rejects it too, after the race is over.
	late.catch(() => {})
	try {
		return await Promise.race([answer, late])
	} finally {
		cancelled.abort()
	}
}
