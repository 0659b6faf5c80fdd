/**
 * Who calls, as far as it is proven: by WIT and WPT, by a client certificate, or by a JWT-SVID.
 *
 * A request without credentials pays for three look-ups of fields; one whose credentials were verified here before, for look-ups only.
 */
import type { Caller } from '../../matching/source.ts'
import { type Callers, memoryFor } from '../callers/callers.ts'
import {
	isJwtSvid,
	recallCertificate,
	recallProof,
	recallToken,
	type Shown,
	type Verified,
	verifyLeaf,
	verifyProof,
	verifyToken,
} from '../callers/credentials.ts'
import type { Exchange } from '../exchange.ts'
import type { ResolvedHost, RoutingTable } from '../knowledge/routingTable.ts'
import type { ProxyPorts } from '../ports.ts'
import type { Refusal } from '../refusal.ts'

/** Sets the exchange's caller. Synchronous while everything that is shown has been verified before. */
export function identify(
	exchange: Exchange,
	host: ResolvedHost,
	callers: Callers,
	table: RoutingTable,
	{ clientCertificate }: Pick<ProxyPorts, 'clientCertificate'>,
): Refusal | undefined | Promise<Refusal | undefined> {
	const { headers } = exchange.request
	const wit = headers.get('workload-identity-token')
	const wpt = headers.get('workload-proof-token')
	const authorization = headers.get('authorization')
	const certificate = clientCertificate(exchange.request)
	const hasProof = wit !== null || wpt !== null
	if (!hasProof && authorization === null && certificate === undefined) return undefined
	const { trust } = table
	if (trust === undefined) {
		const isShown = hasProof || certificate !== undefined || isJwtSvid(authorization)
		return isShown ? { reason: 'identity_unavailable' } : undefined
	}
	const memory = memoryFor(callers, trust)
	const shown: Shown = { exchange, host, table, trust, memory, seen: callers.seen, authorization }
	const proof = hasProof ? recallProof(shown, wit, wpt) : null
	const leaf = certificate === undefined ? null : recallCertificate(shown, certificate)
	const bearer = authorization === null ? null : recallToken(shown, authorization)
	if (proof !== undefined && leaf !== undefined && bearer !== undefined) return settle(exchange, proof, leaf, bearer)
	return identifyAnew(exchange, [
		() => (proof === undefined ? verifyProof(shown, wit, wpt) : proof),
		() => (leaf === undefined ? verifyLeaf(shown, certificate!) : leaf),
		() => (bearer === undefined ? verifyToken(shown, authorization!) : bearer),
	])
}

/** One after the other, until one is refused. */
async function identifyAnew(
	exchange: Exchange,
	credentials: readonly (() => Verified | Promise<Verified>)[],
): Promise<Refusal | undefined> {
	const verified: (Caller | null)[] = []
	for (const verify of credentials) {
		const one = await verify()
		if (one !== null && 'reason' in one) return one
		verified.push(one)
	}
	const [proof = null, leaf = null, bearer = null] = verified
	return settle(exchange, proof, leaf, bearer)
}

/** What proves possession of a key counts before what anybody can show who has got hold of it. */
function settle(
	exchange: Exchange,
	proof: Caller | null,
	leaf: Caller | null,
	bearer: Caller | null,
): Refusal | undefined {
	const first = proof ?? leaf ?? bearer
	if (first === null) return undefined
	if ((leaf === null || leaf === first) && (bearer === null || bearer === first)) {
		exchange.caller = first
		return undefined
	}
	const others: Caller[] = []
	if (leaf !== null && leaf !== first) others.push(leaf)
	if (bearer !== null && bearer !== first) others.push(bearer)
	if (others.every(({ spiffeId }) => spiffeId === first.spiffeId)) {
		exchange.caller = { ...first, alsoBy: others.map(({ method }) => method) }
		return undefined
	}
	return {
		reason: 'invalid_proof',
		code: 'bad_subject',
		detail: 'all credentials of a request must be of one workload',
	}
}
