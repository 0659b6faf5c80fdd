/** The build of policies that add up keeps up with changes, whatever the order of events: of policies, labels, providers, routes and leases. */
import { describe, expect, it } from 'vitest'
import { seeded } from '../../random.ts'
import { type MemoryMesh, memoryMesh } from './memoryIndex.ts'
import { OF_ACCESS, randomChange, randomEndpoints, randomServiceName } from './randomMesh.ts'

describe('any sequence of changes', () => {
	/** Statuses without the times, which tell when things came about. */
	const timeless = (mesh: MemoryMesh) =>
		JSON.parse(JSON.stringify(mesh.statuses(), (key, value) => (key === 'lastTransitionTime' ? undefined : value)))

	it('ends where a build from scratch ends', () => {
		const met = new Map<string, number>()
		const count = (what: string) => met.set(what, (met.get(what) ?? 0) + 1)
		for (let seed = 1; seed <= 25; seed++) {
			const random = seeded(seed)
			const mesh = memoryMesh()
			for (let step = 0; step < 80; step++) {
				if (random() < 0.85) mesh.apply(randomChange(random, mesh.keys(), OF_ACCESS), step)
				else mesh.lease(randomServiceName(random), random() < 0.4 ? undefined : randomEndpoints(random), step)
				if (step % 2 === 0) continue
				const scratch = mesh.fromScratch()
				expect(mesh.parts(), `parts, seed ${seed}, step ${step}`).toEqual(scratch.parts())
				expect(timeless(mesh), `statuses, seed ${seed}, step ${step}`).toEqual(timeless(scratch))
				for (const [name, part] of Object.entries(mesh.parts())) {
					const text = JSON.stringify(part)
					for (const word of ['access', 'users']) if (text.includes(`"${word}":`)) count(`${word} of ${part.kind}`)
					if (name === 'mesh' && text.includes('"closed"')) count('closed')
					if (text.includes('"authorizer":') && !text.includes('"invalid":')) count('an authorizer')
				}
				for (const [, reason] of JSON.stringify(mesh.statuses()).matchAll(/"reason":"(\w+)"/g)) count(reason!)
				for (const [, only] of JSON.stringify(mesh.statuses()).matchAll(/"message":"(spec.selector)/g)) count(only!)
			}
		}
		const wanted = [
			...['access of routeSlice', 'access of service', 'access of namespace', 'access of mesh', 'closed'],
			...['users of service', 'users of namespace', 'users of mesh', 'an authorizer'],
			...['TargetNotFound', 'InvalidProvider', 'spec.selector'],
		]
		for (const what of wanted) expect(met.get(what), what).toBeGreaterThan(50)
	})

	it('leaves nothing behind once everything is removed', () => {
		for (let seed = 1; seed <= 40; seed++) {
			const random = seeded(seed)
			const mesh = memoryMesh()
			for (let step = 0; step < 30; step++) mesh.apply(randomChange(random, mesh.keys(), OF_ACCESS))
			for (const key of mesh.keys().sort(() => random() - 0.5)) mesh.apply({ remove: [key] })
			expect(mesh.parts(), `seed ${seed}`).toEqual({})
		}
	})
})
