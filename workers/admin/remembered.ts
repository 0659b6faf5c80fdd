/** What is asked so often that one answer of the control plane's objects counts for a second. */
import type { Mesh } from './mesh.ts'

/** What was deleted or revoked is refused after this long, everywhere. */
const COUNTS_MS = 1000

/**
 * Loads at most once a second, by an isolate. Its age counts from before it was asked for. Those who ask at the same time each load:
 * the promise of a request that is cancelled may never settle. `before`: what was remembered last.
 */
export function remembered<T>(load: (mesh: Mesh, before: T | undefined) => Promise<T>): (mesh: Mesh) => Promise<T> {
	const held = new WeakMap<Mesh, { readonly value: T; readonly atMs: number }>()
	return async (mesh) => {
		const atMs = mesh.now()
		const last = held.get(mesh)
		if (last !== undefined && atMs - last.atMs < COUNTS_MS) return last.value
		const value = await load(mesh, last?.value)
		if ((held.get(mesh)?.atMs ?? 0) <= atMs) held.set(mesh, { value, atMs })
		return value
	}
}
