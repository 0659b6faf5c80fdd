/** Whom an isolate believes: part `trust`, compiled, and known apart by its keys. */
import { compileTrust, type TrustStore } from '../identity/trustStore.ts'
import type { Trust } from '../snapshot/trust.ts'

export interface Trusted {
	readonly store: TrustStore
	/** All but the revocations, as one text. While it stays the same, what was verified needs no new verification, only a look at these. */
	readonly keys: string
}

export function trustedOf({ revocations, ...others }: Trust, before: Trusted | undefined): Trusted {
	const keys = JSON.stringify(others)
	// The very text of before, where it is equal: every request compares them.
	return { store: compileTrust({ revocations, ...others }), keys: keys === before?.keys ? before.keys : keys }
}
