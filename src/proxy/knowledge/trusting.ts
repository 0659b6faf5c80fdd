/** Whom an isolate believes: part `trust`, compiled, and known apart by its keys. */
import { compileTrust, type TrustStore } from '../../identity/trustStore.ts'
import type { IssuerKeys, Trust } from '../../snapshot/trust.ts'

export interface Trusted {
	readonly store: TrustStore
	/** All but the revocations, as one text. While it stays the same, what was verified needs no new verification, only a look at these. */
	readonly keys: string
	/** Of end users' tokens, which have a memory of their own. The very list of before, where it is equal. */
	readonly issuers: readonly IssuerKeys[]
}

export function trustedOf({ revocations, issuers = [], ...others }: Trust, before: Trusted | undefined): Trusted {
	const keys = JSON.stringify(others)
	// The very text of before, where it is equal: every request compares them.
	return {
		store: compileTrust({ revocations, ...others }),
		keys: keys === before?.keys ? before.keys : keys,
		issuers: JSON.stringify(issuers) === JSON.stringify(before?.issuers) ? before!.issuers : issuers,
	}
}
