/** The keys of Cloudflare Access, as data: fetched when they are needed and old, and kept when they cannot be fetched. */
import { createLocalJWKSet, type JSONWebKeySet, type LocalJWKSet } from 'jose'
import { MAX_DOCUMENT_BYTES, readKeySet } from '../../../src/joining/issuerDocuments.ts'
import { fetchDocument } from '../../../src/outside/fetchDocument.ts'
import type { Mesh } from '../mesh.ts'

/** Access rotates every six weeks, and publishes keys long before they sign. */
const MAX_AGE_MS = 3_600_000
/** Whatever logins name as their key, Access is not asked more often. */
export const PAUSE_MS = 10_000
/** How long one request waits for what another one fetches: its promise may never settle. */
const PATIENCE_MS = 6_000

export interface AccessKeys {
	/** Undefined: none were ever fetched. */
	current(): Promise<LocalJWKSet | undefined>
	/** As they are after a key was not found; undefined when they cannot be others yet. */
	newer(): Promise<LocalJWKSet | undefined>
}

export function createAccessKeys(mesh: Mesh, teamDomain: string): AccessKeys {
	let held: { readonly keys: LocalJWKSet; readonly atMs: number } | undefined
	let flight: { readonly done: Promise<void>; readonly atMs: number } | undefined
	let notBeforeMs = 0

	async function fetchKeys(): Promise<void> {
		const url = `${teamDomain}/cdn-cgi/access/certs`
		const text = await fetchDocument((to, init) => mesh.fetch(to, init), url, MAX_DOCUMENT_BYTES)
		const read = text.ok ? readKeySet(text.value) : text
		if (!read.ok || read.value.length === 0) return
		held = { keys: createLocalJWKSet({ keys: read.value } as JSONWebKeySet), atMs: mesh.now() }
	}

	/** Joins a fetch that is under way. */
	async function refresh(): Promise<void> {
		if (flight !== undefined && mesh.now() - flight.atMs < PATIENCE_MS)
			return Promise.race([flight.done, mesh.sleep(PATIENCE_MS)])
		if (mesh.now() < notBeforeMs) return
		notBeforeMs = mesh.now() + PAUSE_MS
		const mine = {
			atMs: mesh.now(),
			done: fetchKeys().finally(() => {
				if (flight === mine) flight = undefined
			}),
		}
		flight = mine
		await mine.done
	}

	return {
		async current() {
			if (held === undefined || mesh.now() - held.atMs >= MAX_AGE_MS) await refresh()
			return held?.keys
		},
		async newer() {
			const before = held?.keys
			await refresh()
			return held?.keys === before ? undefined : held?.keys
		},
	}
}
