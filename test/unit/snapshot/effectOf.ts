/** The effect of what is done to a mesh in memory, found as the PolicyStore finds it. */
import type { PartName } from '../../../src/names.ts'
import { collectEffect, type Effect, type PartChange } from '../../../src/snapshot/effect/effect.ts'
import type { PartBody } from '../../../src/snapshot/snapshot.ts'
import type { MemoryMesh } from './memoryIndex.ts'

type Parts = Record<PartName, PartBody>

/** The parts that differ, as the store tells them. */
export function changesBetween(before: Parts, after: Parts): PartChange[] {
	const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
	return names
		.map((name) => ({ name, before: before[name] ?? null, after: after[name] ?? null }))
		.filter((change) => JSON.stringify(change.before) !== JSON.stringify(change.after))
}

export function effectOf(changes: readonly PartChange[], after: Parts = {}): Effect {
	const collector = collectEffect()
	for (const change of changes) collector.add(change)
	return collector.effect((pattern) => `virtualHost/${pattern}` in after)
}

/** The effect of what is done to a mesh. */
export function effectIn(mesh: MemoryMesh, work: () => unknown): Effect {
	const before = mesh.parts()
	work()
	const after = mesh.parts()
	return effectOf(changesBetween(before, after), after)
}

export const nothing: Effect = {
	virtualHosts: [],
	services: [],
	mesh: [],
	counts: { virtualHosts: 0, rules: 0, services: 0, endpoints: 0 },
	truncated: false,
}

/** The mesh part of a mesh that says nothing of itself. */
export const ofMesh = { kind: 'mesh', egress: 'registryOnly', defaultAccess: 'open' } as const
