/** Endpoints whose checks fail, in the service's part: marked, there still, and not one more than there are. */
import { expect, it } from 'vitest'
import { parseDocuments } from '../../../src/resources/documents.ts'
import type { Endpoint, ServiceTarget } from '../../../src/snapshot/snapshot.ts'
import { MESH_DOMAIN, memoryMesh } from './memoryIndex.ts'

const parsed = parseDocuments(
	JSON.stringify({
		apiVersion: 'selvedge.dev/v1',
		kind: 'Service',
		metadata: { name: 'a' },
		spec: { endpoints: ['x', 'y'].map((id) => ({ id, url: `http://${id}` })) },
	}),
	'json',
	{ addresses: 'any', meshDomain: MESH_DOMAIN },
)
const leased = (id: string): Endpoint => ({ id, url: `http://leased-${id}`, weight: 1, joinedAt: 7 })

it('an unhealthy endpoint is marked, fixed or leased, and the others are as they were', () => {
	const mesh = memoryMesh()
	mesh.apply({ put: parsed.ok ? parsed.value : [] })
	mesh.lease('default/a', [leased('y'), leased('z')])
	const endpoints = () => (mesh.parts()['service/default/a'] as ServiceTarget).endpoints
	const before = endpoints()
	mesh.unhealthy('default/a', ['x', 'z', 'who-left'])
	expect(endpoints()).toEqual([{ ...before[0], unhealthy: true }, leased('y'), { ...leased('z'), unhealthy: true }])
	expect(mesh.fromScratch().parts()).toEqual(mesh.parts())
	mesh.unhealthy('default/a', [])
	expect(endpoints()).toEqual(before)
})

it('health alone makes no service', () => {
	const mesh = memoryMesh()
	mesh.unhealthy('default/a', ['x'])
	expect(mesh.parts()).toEqual({})
})
