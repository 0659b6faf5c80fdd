/** The keys of the issuers that WorkloadTrusts name: as the KeyRing has them, or fetched where it has none that fits. */
import { type IssuerKey, type KeySource, keysName, readKeySet } from '../../../src/joining/issuerDocuments.ts'
import { fetchIssuerKeys } from '../../../src/outside/issuerKeys.ts'
import { err, type Result } from '../../../src/result.ts'
import type { Mesh } from '../mesh.ts'

/** How long an issuer is left alone that was asked for a key that it does not have, or that did not answer. */
const PAUSE_MS = 60_000
/** The same where nothing is known of it yet: who waits for it must not wait long. */
const FIRST_PAUSE_MS = 10_000
/** Older ones are fetched again even if they fit, in case that nobody does it beside the path: what an issuer removed must go. */
const MAX_AGE_MS = 3_600_000
/** How long one request waits for what another one fetches: its promise may never settle. */
const PATIENCE_MS = 11_000
const MAX_REMEMBERED = 1_000

interface Flight {
	readonly keys: Promise<Result<readonly IssuerKey[], string>>
	readonly atMs: number
}

interface Flights {
	readonly byName: Map<string, Flight>
	/** When an issuer may be asked again, in ms since the epoch. */
	readonly notBefore: Map<string, number>
}

const flights = new WeakMap<Mesh, Flights>()

/** Only the issuers of WorkloadTrusts may be asked for here. `fits`: whether a key among them is the one that is needed. */
export async function issuerKeys(
	mesh: Mesh,
	source: KeySource,
	fits: (keys: readonly IssuerKey[]) => boolean,
): Promise<Result<readonly IssuerKey[], string>> {
	const name = keysName(source)
	const stored = await mesh.keyRing().fetchedKeys(name)
	const known = stored === null || stored.body === '' ? undefined : readKeySet(stored.body)
	const age = mesh.now() - (stored?.fetchedAt ?? 0)
	if (known?.ok && age < (fits(known.value) ? MAX_AGE_MS : PAUSE_MS)) return known
	const fetched = await fetchOnce(mesh, source, known?.ok ? PAUSE_MS : FIRST_PAUSE_MS)
	// Old keys are better than none: who rotates a key publishes it before it signs.
	return fetched.ok || !known?.ok ? fetched : known
}

async function fetchOnce(
	mesh: Mesh,
	source: KeySource,
	pauseMs: number,
): Promise<Result<readonly IssuerKey[], string>> {
	const name = keysName(source)
	const held = flights.get(mesh) ?? { byName: new Map(), notBefore: new Map() }
	flights.set(mesh, held)
	const flying = held.byName.get(name)
	if (flying !== undefined && mesh.now() - flying.atMs < PATIENCE_MS)
		return Promise.race([flying.keys, mesh.sleep(PATIENCE_MS).then(() => err('the issuer takes too long'))])
	if (mesh.now() < (held.notBefore.get(name) ?? 0)) return err('the issuer did not answer lately')
	if (held.notBefore.size >= MAX_REMEMBERED) held.notBefore.clear()
	held.notBefore.set(name, mesh.now() + pauseMs)
	const flight: Flight = {
		keys: fetchAndKeep(mesh, source).finally(() => {
			if (held.byName.get(name) === flight) held.byName.delete(name)
		}),
		atMs: mesh.now(),
	}
	held.byName.set(name, flight)
	return flight.keys
}

async function fetchAndKeep(mesh: Mesh, source: KeySource): Promise<Result<readonly IssuerKey[], string>> {
	const fetched = await fetchIssuerKeys((url, init) => mesh.fetch(url, init), source, mesh.settings)
	if (!fetched.ok) return fetched
	const { url, body } = fetched.value
	await mesh.keyRing().putFetchedKeys(keysName(source), 'issuer', { url, body, fetchedAt: mesh.now() })
	return readKeySet(body)
}
