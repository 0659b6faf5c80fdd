/**
 * Documents and what they build to, side by side in test/golden/<case>: resources.yaml (and leases.json) → snapshot.json and
 * statuses.json. `UPDATE_GOLDEN=1` writes the last two anew, for a person to read the difference.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { parseDocuments } from '../../../src/resources/documents.ts'
import { kinds } from '../../../src/resources/kinds.ts'
import type { Endpoint } from '../../../src/snapshot/snapshot.ts'
import { MESH_DOMAIN, memoryMesh } from './memoryIndex.ts'

const ROOT = fileURLToPath(new URL('../../golden', import.meta.url))
const CREATED = Date.UTC(2026, 0, 1)
const update = process.env.UPDATE_GOLDEN === '1'
const cases = readdirSync(ROOT)

function builtFrom(directory: string) {
	const text = readFileSync(`${directory}/resources.yaml`, 'utf8')
	const parsed = parseDocuments(text, 'yaml', { addresses: 'any', meshDomain: MESH_DOMAIN })
	if (!parsed.ok) throw new Error(JSON.stringify(parsed.error, null, '\t'))
	const mesh = memoryMesh()
	mesh.apply({ put: parsed.value }, CREATED)
	const leases = `${directory}/leases.json`
	const leased: Record<string, Endpoint[]> = existsSync(leases) ? JSON.parse(readFileSync(leases, 'utf8')) : {}
	for (const [service, endpoints] of Object.entries(leased)) mesh.lease(service, endpoints, CREATED)
	return { snapshot: plain(mesh.parts()), statuses: plain(mesh.statuses()) }
}

/** As JSON says it. Every time is the same here, and says nothing. */
const plain = (value: unknown) =>
	JSON.parse(JSON.stringify(value, (key, field) => (key === 'lastTransitionTime' ? undefined : field)))

describe('the documents of', () => {
	it.each(cases)('test/golden/%s build to the snapshot and statuses beside them', (name) => {
		const directory = `${ROOT}/${name}`
		for (const [file, value] of Object.entries(builtFrom(directory))) {
			const path = `${directory}/${file}.json`
			if (update) writeFileSync(path, `${JSON.stringify(value, null, '\t')}\n`)
			expect(value).toEqual(JSON.parse(readFileSync(path, 'utf8')))
		}
	})

	afterAll(() => {
		if (update) execFileSync('biome', ['format', '--write', ROOT])
	})

	it('all cases mention every kind of resource', () => {
		const text = cases.map((name) => readFileSync(`${ROOT}/${name}/resources.yaml`, 'utf8')).join('\n')
		expect(kinds.map(({ kind }) => kind).filter((kind) => !text.includes(`kind: ${kind}\n`))).toEqual([])
	})
})
