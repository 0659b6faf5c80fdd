/** What services are told of who calls: signed by this isolate, and kept for as long as it holds. */
import { createAssertion } from '../../identity/assertion.ts'
import type { Caller } from '../../matching/source.ts'
import { meshHost } from '../../names.ts'
import type { PeerMethod } from '../../snapshot/peerAuthentication.ts'
import type { CompiledService } from '../compile/compileService.ts'
import type { Exchange } from '../exchange.ts'
import type { Knowledge } from '../knowledge/knowledge.ts'
import type { ProxyPorts, Scope } from '../ports.ts'
import { createRecent, type Recent, recall, remember } from '../recent.ts'
import { createSigning, type Signer, type Signing, signerFor } from './signer.ts'

interface Made {
	readonly token: string
	/** Of the ring's key that certified this isolate's. */
	readonly keyId: string
	/** ms since the epoch. */
	readonly expiresAt: number
	/** Another one is being signed. */
	isRenewed: boolean
}

export interface Assertions {
	readonly knowledge: Knowledge
	readonly ports: Pick<ProxyPorts, 'delegate'>
	readonly signing: Signing
	/** By method, scheme, service and caller. */
	readonly made: Recent<Made>
	/** What each caller was last given: most call one service again and again, and a name costs more to make than to compare. */
	readonly last: WeakMap<Caller, Last>
}

interface Last {
	readonly method: PeerMethod
	readonly scheme: string
	readonly service: CompiledService
	readonly made: Made
}

const LIFETIME_MS = 300_000
/** Before its end an assertion is signed anew, beside the path. */
const RENEW_MS = 60_000
/** What is left of it when the service looks at it must be more than nothing, by its own clock. */
const LEAST_MS = 10_000
/** In characters, of one generation. */
const LIMIT = 4_194_304
/** Of an assertion with its delegation and its key. */
const SIZE = 1_800

export const createAssertions = (knowledge: Knowledge, ports: Pick<ProxyPorts, 'delegate'>): Assertions => ({
	knowledge,
	ports,
	signing: createSigning(),
	made: createRecent(LIMIT),
	last: new WeakMap(),
})

/**
 * Sets the exchange's assertion, that this caller was proven by that method. Without a signer there is none: the request goes on, and
 * the service does not learn who calls. Synchronous while there is one that holds.
 */
export function vouch(
	assertions: Assertions,
	exchange: Exchange,
	method: PeerMethod,
	scope: Scope,
): undefined | Promise<undefined> {
	const { knowledge, ports, signing } = assertions
	const { startedAt: now } = exchange
	const signer = signerFor(signing, knowledge, ports, now, scope)
	if (signer === undefined) return undefined
	if (signer instanceof Promise) return vouchLater(assertions, exchange, method, signer)
	const known = recallMade(assertions, exchange, method)
	// Under a key that the ring has given up, nothing is shown any more.
	if (known === undefined || now >= known.expiresAt - LEAST_MS || known.keyId !== signer.keyId)
		return vouchLater(assertions, exchange, method, signer)
	if (!known.isRenewed && now >= known.expiresAt - RENEW_MS && known.expiresAt < signer.expiresAt - LEAST_MS) {
		known.isRenewed = true
		scope.waitUntil(sign(assertions, exchange, method, signer))
	}
	exchange.assertion = known.token
	return undefined
}

function recallMade({ made, last }: Assertions, exchange: Exchange, method: PeerMethod): Made | undefined {
	const { scheme } = exchange
	const service = exchange.service!
	const caller = exchange.caller!
	const before = last.get(caller)
	if (before?.service === service && before.scheme === scheme && before.method === method && !before.made.isRenewed)
		return before.made
	const known = recall(made, `${method} ${scheme} ${service.name} ${caller.spiffeId}`)
	if (known !== undefined) last.set(caller, { method, scheme, service, made: known })
	return known
}

async function vouchLater(
	assertions: Assertions,
	exchange: Exchange,
	method: PeerMethod,
	asked: Signer | Promise<Signer | undefined>,
): Promise<undefined> {
	const signer = await asked
	if (signer !== undefined) exchange.assertion = await sign(assertions, exchange, method, signer)
}

async function sign(
	{ knowledge, made }: Assertions,
	{ startedAt: now, scheme, service, caller }: Exchange,
	method: PeerMethod,
	{ key, delegation, keyId, issuer, expiresAt: latest }: Signer,
): Promise<string> {
	const { name } = service!
	const { spiffeId } = caller!
	// The token says whole seconds.
	const expiresAt = Math.floor(Math.min(now + LIFETIME_MS, latest) / 1_000) * 1_000
	const audience = `${scheme}://${meshHost(name, knowledge.table.meshDomain)}`
	const input = { issuer, spiffeId, audience, method, issuedAt: now, expiresAt }
	const token = await createAssertion(input, delegation, key)
	remember(made, `${method} ${scheme} ${name} ${spiffeId}`, { token, keyId, expiresAt, isRenewed: false }, SIZE)
	return token
}
